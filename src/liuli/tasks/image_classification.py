"""Naming what a picture shows: one class of several, each with a probability.

    probabilities: p = softmax(z),   z = network(picture)
    loss:          L = −log p[label], mean over the batch (cross-entropy)

Shapes:
    B  batch, N pictures of a split, K classes, C channels (1 grey, 3 colour), H × W pixels
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, pad

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import augmentation, marks, measures
from liuli.tasks.examples import Batch, Example, Outcome, Posed
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

SMALL = 20  # handwriting of fewer pixels is brought into MNIST's form
PICTURE_ENDINGS = frozenset(
    [".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".jp2", ".ppm", ".pgm",
     ".pbm", ".tga", ".ico", ".pcx", ".heic", ".heif"]  # the last two so that their message says what to do
)  # fmt: skip
RIM = 8  # up to so many pixels a smaller picture gets a dark rim; beyond, it is enlarged


@dataclass(frozen=True)
class ImageClassification(Task):
    """Pictures to classes. A batch is `(pixels, labels)`: (B, C, H, W), 0 to 255, and int64 (B,).

    Attributes:
        size: height and width that the network takes, in pixels.
        channels: that the network takes: 1 for grey, 3 for red, green and blue.
    """

    size: int
    channels: int

    kind: ClassVar[str] = "image"
    pictured: ClassVar[bool] = True
    headline: ClassVar[str] = "accuracy"
    endings: ClassVar[frozenset[str]] = PICTURE_ENDINGS

    def drawn_facts(self) -> Facts:
        """Ten classes."""
        return Facts("drawn", "", "", self.kind, "", (self.size, self.size, self.channels), tuple("0123456789"))

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of classes."""
        if facts.kind != self.kind:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads images")
        return {"classes": len(facts.classes)}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Pixels uint8 (N, C, H, W) in the form of the data, and labels int64 (N,)."""
        from liuli.tasks import pictures

        inputs = split.inputs
        if facts.form == "handwriting" and facts.shape[0] < SMALL:
            inputs = pictures.small_digits(inputs.astype("uint8"))
        pixels = with_channels(torch.tensor(inputs).permute(0, 3, 1, 2), self.channels)
        return pixels.contiguous(), torch.tensor(split.targets)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Coarse blocks of light and dark under fine noise, with labels of ten classes."""
        generator = torch.Generator().manual_seed(seed)
        shape = (count, self.channels, self.size, self.size)
        blocks = torch.randint(2, (*shape[:2], self.size // 4 + 1, self.size // 4 + 1), generator=generator) * 192
        coarse = blocks.repeat_interleave(4, 2).repeat_interleave(4, 3)[:, :, : self.size, : self.size]
        pixels = (coarse + torch.randint(64, shape, generator=generator)).byte()
        return pixels, torch.randint(10, (count,), generator=generator)

    def inputs(self, batch: Batch) -> tuple[Tensor]:
        """Float pictures in [0, 1], (B, C, size, size): with a dark rim where a few pixels lack, else resized."""
        return (self.fitted(batch[0] / 255),)

    def fitted(self, pictures: Tensor) -> Tensor:
        """Pictures of any size as (B, C, size, size)."""
        lacking = self.size - pictures.size(-1)
        if 0 < lacking <= RIM:
            before, after = lacking // 2, lacking - lacking // 2
            return pad(pictures, (before, after, before, after))
        if lacking:
            return interpolate(pictures, (self.size, self.size), mode="bilinear", antialias=True)
        return pictures

    def augment(self, batch: Batch) -> Batch:
        """Grey pictures are varied as handwriting, colour ones as photographs: see `augmentation`."""
        pixels, *rest = batch
        vary = augmentation.vary_handwriting if self.channels == 1 else augmentation.vary_photographs
        return vary(pixels), *rest

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy and the scores (logits) (B, K)."""
        scores = model(*self.inputs(batch))
        return Outcome(cross_entropy(scores, batch[1]), scores)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """How many of the batch are right."""
        return {"accuracy": (output.argmax(1) == batch[1]).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Loss, accuracy, top-5, per class precision, recall and F1, confusion matrix, calibration: see `measures`."""
        return measures.classification(output, batch[1], facts.classes)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Confusion matrix, gallery of mistakes, calibration and classes, as PNG files."""
        from liuli.tasks import figures

        return figures.classification(output, batch, facts.classes, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The surest mistakes first."""
        return marks.of_scores(output, batch[1])

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The picture as it is in the data."""
        pixels, labels = self.tensors(split.one(index), facts)
        return Posed(Example(f"test {index}", (pixels,)), facts.classes[int(labels)])

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A picture file of any kind, brought into the form that the pictures of `facts` were made in."""
        from liuli.tasks import pictures

        assert not isinstance(source, str)
        pixels = torch.from_numpy(pictures.bring(source, facts, name))[None].permute(0, 3, 1, 2)
        return Example(name, (with_channels(pixels, self.channels),))

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The likeliest class, its probability, and the probability of every class."""
        return measures.likeliest(output, facts.classes)

    def doubt(self, output: Tensor) -> Tensor:
        """−log of the probability of the likeliest class: cross-entropy against it, every step by itself."""
        probabilities = output.softmax(1)  # (1, K)
        return -probabilities.max().log()

    def save_input(self, example: Example, path: Path) -> Path:
        """The network's input as a PNG, every pixel enlarged to a square of 10."""
        from liuli.tasks import pictures

        shown = (self.inputs(example.batch)[0][0] * 255).round().byte().permute(1, 2, 0)
        return pictures.save_enlarged(shown.numpy(), path)

    def scratch_arrays(self, batch: Batch) -> Sequence[object]:
        """Pictures float32 (B, C, size, size) and, where there are some, labels int64 (B,), as NumPy arrays."""
        return self.inputs(batch)[0].numpy(), *(labels.numpy() for labels in batch[1:])


def with_channels(pixels: Tensor, channels: int) -> Tensor:
    """Grey pixels (N, 1, H, W) repeated to three channels, or colour (N, 3, H, W) weighted to grey as the eye does."""
    if pixels.size(1) == channels:
        return pixels
    if channels == 3:
        return pixels.expand(-1, 3, -1, -1)
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R BT.601
    return (pixels * luma).sum(1, keepdim=True).round().byte()
