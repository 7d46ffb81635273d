"""Naming what every pixel of a picture shows.

    probabilities: p[m] = softmax(z[m]),   z = network(picture), for each pixel m
    loss:          L = −log p[m, label of m], mean over the pixels that have a label

With n[i, j] pixels of class i that were called j, and t[i] = Σⱼ n[i, j] (Long, Shelhamer & Darrell, 2015, section 5):

    accuracy                          Σᵢ n[i, i] / Σᵢ t[i]
    mean accuracy                     mean over i of n[i, i] / t[i]
    IoU of i                          n[i, i] / (t[i] + Σⱼ n[j, i] − n[i, i])      intersection over union
    mean IoU, weighted IoU            mean over i of it; mean weighted by t[i]

What no test picture holds and no answer names has no IoU, and counts in no mean.

Shapes:
    B  batch, N pictures of a split, K classes, H × W pixels
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from liuli.data import squeezenet
from liuli.data.dataset import Facts, Split
from liuli.data.masks import KIND, UNLABELLED
from liuli.data.opening import on_white, opened
from liuli.errors import UserError
from liuli.tasks import augmentation, marks, measures
from liuli.tasks.examples import Batch, Example, Outcome, Posed
from liuli.tasks.image_classification import PICTURE_ENDINGS
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

DRAWN = (48, 64)  # height and width of made-up pictures
BLOCK = 16  # pixels of one class in them, along a side
KNOWN = 11  # classes of made-up pictures
LONGEST = 1600  # pixels along a side of an answer
NAMED = 3  # classes in the sentence of an answer
TOGETHER = 8  # pictures whose scores are held at once


@dataclass(frozen=True)
class Segmentation(Task):
    """A batch is `(pixels, labels)`: uint8 (B, 3, H, W) and uint8 (B, H, W), where K is what nobody has labelled.

    A user's own picture is `(pixels, original)`, uint8 (1, 3, h, w) and (1, 3, H, W): about as many pixels as the
    pictures of the data have, in its own proportions, for the network takes any; and as it was, in whose size the
    answer is given. A response is the likeliest class of each pixel, uint8 (B, H, W).

    Parameters that are called as tensors of SqueezeNet, and have their shape, begin as them.
    """

    kind: ClassVar[str] = KIND
    headline: ClassVar[str] = "accuracy"
    endings: ClassVar[frozenset[str]] = PICTURE_ENDINGS
    at_once: ClassVar[int] = 32

    def drawn_facts(self) -> Facts:
        """Eleven classes, and what has none."""
        names = (*(f"class {number}" for number in range(KNOWN)), UNLABELLED)
        return Facts("drawn", "", "", self.kind, "photograph", (*DRAWN, 3), names)

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of classes."""
        if facts.kind != self.kind:
            raise UserError(
                f"{facts.name}: holds {facts.kind} data, but this system reads pictures with a class for every pixel; "
                "give --data a folder with images/ and masks/"
            )
        return {"classes": len(facts.classes) - 1}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """SqueezeNet's weights into the parameters that are called as they are."""
        given = squeezenet.weights()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in given:
                    parameter.copy_(torch.from_numpy(given[name]))

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Pixels uint8 (N, 3, H, W) and labels uint8 (N, H, W)."""
        return torch.tensor(split.inputs).permute(0, 3, 1, 2).contiguous(), torch.tensor(split.targets)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Blocks of eleven colours under fine noise, each colour a class; a tenth of the pixels has no label."""
        generator = torch.Generator().manual_seed(seed)
        height, width = DRAWN
        blocks = torch.randint(KNOWN, (count, height // BLOCK, width // BLOCK), generator=generator)
        labels = blocks.repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)
        colours = torch.randint(192, (KNOWN, 3), generator=generator)
        pixels = colours[labels].permute(0, 3, 1, 2) + torch.randint(64, (count, 3, *DRAWN), generator=generator)
        labels[torch.rand(labels.shape, generator=generator) < 0.1] = KNOWN
        return pixels.byte(), labels.byte()

    def inputs(self, batch: Batch) -> tuple[Tensor]:
        """Pictures in [0, 1], (B, 3, H, W)."""
        return (batch[0] / 255,)

    def augment(self, batch: Batch) -> Batch:
        """Picture and labels mirrored, and enlarged about one place: see `augmentation`."""
        return augmentation.vary_scenes(*batch)

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy over the labelled pixels, and the scores (logits) (B, K, H, W)."""
        scores = model(*self.inputs(batch))
        labels = batch[1].long()
        known = (labels < scores.size(1)).sum().clamp(min=1)
        summed = cross_entropy(scores, labels, ignore_index=scores.size(1), reduction="sum")
        return Outcome(summed / known, scores)

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """The likeliest class of each pixel, uint8 (B, H, W), in the size of the labels or of the original."""
        size = batch[-1].shape[-2:]
        answers = []
        for pixels in torch.split(batch[0], TOGETHER):
            scores = model(*self.inputs((pixels,)))
            if scores.shape[-2:] != size:
                scores = interpolate(scores, size, mode="bilinear")
            answers.append(scores.argmax(1).byte())
        return torch.cat(answers)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The share of labelled pixels that are right, summed over the pictures."""
        known = batch[1] < output.size(1)
        right = ((output.argmax(1) == batch[1]) & known).sum((1, 2))
        return {"accuracy": (right / known.sum((1, 2)).clamp(min=1)).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """The paper's four; of each class precision, recall and IoU, and how many pixels are of it."""
        names = facts.classes[:-1]
        matrix = confusion(output, batch[1].cpu(), len(names))
        precision, recall, _ = measures.precision_recall_f1(matrix)
        overlaps, pixels = overlap(matrix), matrix.sum(1)
        known, there = ~overlaps.isnan(), pixels > 0
        rows = zip(names, *(values.tolist() for values in (precision, recall, overlaps, pixels)), strict=True)
        return {
            "accuracy": int(matrix.diagonal().sum()) / max(1, int(matrix.sum())),
            "mean_accuracy": float(recall[there].mean()),
            "mean_iou": float(overlaps[known].mean()),
            "weighted_iou": float((overlaps * pixels)[there].sum() / pixels.sum()),
            "classes": [
                {"class": name, "precision": p, "recall": r, "iou": None if isnan(iou) else iou, "pixels": n}
                for name, p, r, iou, n in rows
            ],
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Pictures, truths, answers and mistakes side by side: from all over the part, and the worst; IoU by class."""
        from liuli.tasks import segmentation_figures as drawing
        from liuli.tasks.figures import save
        from liuli.tasks.wording import worded

        pixels, labels = batch[0].cpu(), batch[1].cpu()
        names = facts.classes[:-1]
        spread = torch.linspace(0, len(labels) - 1, min(drawing.ROWS, len(labels))).round().long()
        worst = self.mark(output, batch, facts).order[: drawing.ROWS]
        titles = worded("Pictures from all over the test part"), worded("The test pictures with most mistakes")
        drawn = {
            "answers": drawing.compared(pixels, labels, output, spread, names, titles[0]),
            "mistakes": drawing.compared(pixels, labels, output, worst, names, titles[1]),
            "classes": drawing.by_class(overlap(confusion(output, labels, len(names))), names),
        }
        return save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The share of each picture's labelled pixels that is right, the lowest first."""
        labels = batch[1].cpu()
        known = labels < len(facts.classes) - 1
        right = ((output.cpu() == labels) & known).sum((1, 2)) / known.sum((1, 2)).clamp(min=1)
        return marks.by_value(right, "accuracy", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The picture as it is in the data, and its label map."""
        pixels, labels = self.tensors(split.one(index), facts)
        return Posed(Example(f"test {index}", (pixels, pixels)), ideal=labels[0])

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A picture file of any kind and size."""
        assert not isinstance(source, str)
        original = on_white(opened(source, name))
        height, width = facts.shape[:2]
        scale = (height * width / (original.height * original.width)) ** 0.5
        small = original.resize([max(1, round(side * scale)) for side in original.size], Image.Resampling.LANCZOS)
        original.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        return Example(name, (as_tensor(small), as_tensor(original)))

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The share of the picture that each class has; the largest in a sentence."""
        names = facts.classes[:-1]
        shares = torch.bincount(output.flatten().long(), minlength=len(names)) / output.numel()
        largest = [(names[i], float(shares[i])) for i in shares.argsort(descending=True)[:NAMED] if shares[i] > 0]
        said = ", ".join(f"{name} {share:.0%}" for name, share in largest)
        return {"answer": said, "shares": dict(zip(names, shares.double().tolist(), strict=True))}

    def doubt(self, output: Tensor) -> Tensor:
        """−log of the probability of each pixel's likeliest class, mean over the pixels, every step by itself."""
        each = output.softmax(1)  # (1, K, H, W)
        return -each.amax(1).log().mean()

    def save_input(self, example: Example, path: Path) -> Path:
        """The picture as the network sees it."""
        from liuli.tasks import pictures

        return pictures.save_enlarged(as_pixels(example.batch[0][0]), path, 2)

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The picture under the colours of its classes, beside the picture, with a legend."""
        from liuli.tasks import segmentation_figures as drawing
        from liuli.tasks.figures import save

        figure = drawing.overlaid(as_pixels(example.batch[1][0]), output.cpu().numpy(), facts.classes[:-1])
        return save({path.stem: figure}, path.parent)[0]

    def save_values(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The label map: an 8-bit PNG whose numbers are the classes, shown in their colours."""
        from liuli.files import replacing
        from liuli.tasks.segmentation_figures import colours

        labels = Image.fromarray(output.cpu().numpy())
        labels.putpalette(colours(len(facts.classes) - 1).tobytes())
        with replacing(path) as temporary:
            labels.save(temporary, format="PNG")
        return path


def confusion(answers: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Counts of labelled pixels (K, K), int64; row: true class, column: answer."""
    known = labels < classes
    return measures.confusion(answers[known].long(), labels[known].long(), classes)


def overlap(matrix: Tensor) -> Tensor:
    """Intersection over union of each class, float64 (K,), from the counts (K, K); NaN where there is neither."""
    both = matrix.diagonal().double()
    return both / (matrix.sum(0) + matrix.sum(1) - both)


def as_tensor(picture: Image.Image) -> Tensor:
    """RGB as uint8 (1, 3, H, W)."""
    return torch.from_numpy(np.array(picture))[None].permute(0, 3, 1, 2).contiguous()


def as_pixels(picture: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """uint8 (3, H, W) as (H, W, 3)."""
    return picture.permute(1, 2, 0).cpu().numpy()
