"""Pictures to codes and back: what a picture costs, in nats, through a code that is drawn for it.

    loss = reconstruction + divergence, each a sum over a picture, mean over the batch

    reconstruction:  Σ_i softplus(a_i) − x_i · a_i: cross-entropy of each pixel, x_i its grey, a_i its score
    divergence:      ½ Σ_j (μ_j² + σ_j² − 1 − log σ_j²): of the code from the standard normal distribution

Shapes:
    B  batch, N pictures of a split, P pixels, d numbers of a code
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from liuli.data.dataset import Facts, Split
from liuli.tasks import marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed, row
from liuli.tasks.image_classification import PICTURE_ENDINGS, ImageClassification
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

ACTIVE = 0.01  # nats: what a number of the code costs on the average, at least, if it says anything
ACROSS = 15  # pictures along a side of the plane
SHOWN = 10  # pairs of a row of reconstructions


class Parts(NamedTuple):
    """A network's output (B, P + 2 d): scores of the pixels (B, P), and μ and log σ² of the code (B, d) each."""

    scores: Tensor
    mean: Tensor
    log_variance: Tensor

    def divergence(self) -> Tensor:
        """KL of each number of each code from the standard normal distribution, (B, d)."""
        return (self.mean**2 + self.log_variance.exp() - 1 - self.log_variance) / 2


@dataclass(frozen=True)
class Autoencoding(Task):
    """Pictures with drawn codes. A batch is `(pixels, noise, labels)`: (B, C, H, W), 0 to 255; (B, drawn); int64 (B,).

    Training draws its noise anew for each batch (`augment`); held-out pictures keep theirs, so that a figure is a
    figure. Labels only colour a picture of the codes.

    Attributes:
        size: height and width of a picture, in pixels.
        channels: 1 for grey, 3 for red, green and blue.
        drawn: standard normal numbers drawn for each picture; a network takes as many as its code has.
    """

    size: int
    channels: int
    drawn: int

    kind: ClassVar[str] = "image"
    pictured: ClassVar[bool] = True
    headline: ClassVar[str] = "divergence"
    endings: ClassVar[frozenset[str]] = PICTURE_ENDINGS
    has_floor: ClassVar[bool] = True

    @property
    def pictures(self) -> ImageClassification:
        """What knows how pictures are read and brought into form."""
        return ImageClassification(self.size, self.channels)

    def parts(self, output: Tensor) -> Parts:
        """What the network returned, taken apart."""
        pixels = self.channels * self.size**2
        code = (output.size(-1) - pixels) // 2
        return Parts(*torch.split(output, [pixels, code, code], -1))

    def drawn_facts(self) -> Facts:
        """Pictures of digits."""
        return self.pictures.drawn_facts()

    def options(self, facts: Facts) -> dict[str, object]:
        """None: pictures of any kind are brought to the same size."""
        self.pictures.options(facts)  # raises where they are no pictures
        return {}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Pixels uint8 (N, C, size, size), noise float32 (N, drawn), labels int64 (N,)."""
        pixels, labels = self.pictures.tensors(split, facts)
        return pixels, self.noise(len(pixels), seed=0), labels

    def noise(self, count: int, seed: int) -> Tensor:
        """Standard normal numbers, (count, drawn), the same for the same seed."""
        return torch.randn(count, self.drawn, generator=torch.Generator().manual_seed(seed))

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Coarse blocks of light and dark under fine noise, with noise for their codes."""
        pixels, labels = self.pictures.draw(count, seed)
        return pixels, self.noise(count, seed), labels

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Float pictures in [0, 1], (B, C, size, size), and the noise that their codes are drawn with, (B, drawn)."""
        return self.pictures.inputs(batch)[0], batch[1]

    def augment(self, batch: Batch) -> Batch:
        """The same pictures with fresh noise."""
        pixels, noise, *rest = batch
        return pixels, torch.randn_like(noise), *rest

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean loss in nats a picture, and scores, μ and log σ² (B, P + 2 d)."""
        output = model(*self.inputs(batch))
        return Outcome((self.reconstruction(output, batch) + self.parts(output).divergence().sum(1)).mean(), output)

    def reconstruction(self, output: Tensor, batch: Batch) -> Tensor:
        """−log p(x | z) of each picture, (B,)."""
        scores = self.parts(output).scores
        pictures = self.inputs(batch)[0].flatten(1).to(scores)  # (B, P)
        return (softplus(scores) - pictures * scores).sum(1)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The two parts of the loss."""
        divergence = self.parts(output).divergence().sum()
        return {"reconstruction": self.reconstruction(output, batch).sum(), "divergence": divergence}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Means over the pictures, in nats: the bound and its two parts; and how many numbers of the code say anything.

        bound is at least −log of the probability of the pictures; loss is the same number.
        """
        divergence = self.parts(output).divergence().double()
        reconstruction = float(self.reconstruction(output, batch).double().mean())
        bound = reconstruction + float(divergence.sum(1).mean())
        return {
            "loss": bound,
            "bound": bound,
            "reconstruction": reconstruction,
            "divergence": float(divergence.sum(1).mean()),
            "code": divergence.size(1),
            "active": int((divergence.mean(0) > ACTIVE).sum()),
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Pictures beside what their codes gave, and where the codes lie."""
        from liuli.tasks import figures
        from liuli.tasks.wording import worded

        seen = self.inputs(tuple(part[: SHOWN * SHOWN // 2] for part in batch))[0]
        made = self.painted(output[: len(seen)])
        pairs = torch.stack([seen.cpu(), made.cpu()], 1).flatten(0, 1)  # each with its own to the right
        codes = self.parts(output).mean.double().cpu()
        if codes.size(1) > 2:
            where = worded("Codes of {count:,} pictures, where they vary most", count=len(codes))
        else:
            where = worded("Codes of {count:,} pictures", count=len(codes))
        drawn = {
            "reconstructions": figures.sheet(pairs, SHOWN, worded("Pictures, and beside each what its code gives")),
            "codes": figures.scattered(principal(codes), batch[2].cpu(), facts.classes, where),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """What each picture's reconstruction costs, the dearest first."""
        return marks.by_value(self.reconstruction(output, batch), "reconstruction", high_is_good=False)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The picture, with the noise that its code is drawn with."""
        return Posed(Example(f"test {index}", row(batch, index)[:2]), drawn=True)

    def watch(self, model: nn.Module) -> Mapping[str, NDArray[np.uint8]]:
        """Samples from codes drawn at random, and a plane through the middle of all codes.

        The steps of the plane are equally likely under the standard normal distribution of codes, and so long that
        it lies where the mass of that distribution does, √d from the middle. A code of two numbers is the whole plane.
        """
        from liuli.tasks.figures import tiled

        latent: int = model.latent  # type: ignore[assignment]
        device = next(model.parameters()).device
        steps = torch.special.ndtri((torch.arange(ACROSS) + 0.5) / ACROSS) * (latent / 2) ** 0.5  # (ACROSS,)
        down, across = torch.meshgrid(-steps, steps, indexing="ij")
        plane = torch.stack([across, down], -1).flatten(0, 1) @ directions(latent)  # (ACROSS², d)
        codes = {"samples": self.noise(SHOWN * SHOWN, seed=0)[:, :latent], "plane": plane}
        columns = {"samples": SHOWN, "plane": ACROSS}
        return {
            name: tiled(self.painted(model.decode(code.to(device))).cpu(), columns[name])  # type: ignore[operator]
            for name, code in codes.items()
        }

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The pictures of `watch`."""
        from liuli.tasks.pictures import save_all

        return save_all(self.watch(model), folder)

    def painted(self, output: Tensor) -> Tensor:
        """The pictures that scores (and what else follows them) stand for, (B, C, size, size) in [0, 1]."""
        return self.parts(output).scores.sigmoid().view(-1, self.channels, self.size, self.size)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A picture file of any kind; no noise, so that its code is the middle of its cloud."""
        example = self.pictures.read(source, facts, name)
        return Example(name, (*example.batch, torch.zeros(1, self.drawn)))

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The code, number by number, and what it costs in nats."""
        parts = self.parts(output)
        divergence = parts.divergence()
        spread = (parts.log_variance / 2).exp()
        rows = zip(parts.mean.tolist(), spread.tolist(), divergence.tolist(), strict=True)
        return {
            "answer": f"a code of {float(divergence.sum()):.1f} nats",
            "divergence": round(float(divergence.sum()), 4),
            "code": [
                {"mean": round(mean, 4), "deviation": round(deviation, 4), "nats": round(nats, 4)}
                for mean, deviation, nats in rows
            ],
        }

    def doubt(self, output: Tensor) -> Tensor:
        """The loss if the picture were the likeliest black-and-white one that its own code stands for."""
        parts = self.parts(output)
        return softplus(-parts.scores.abs()).sum() + parts.divergence().sum()

    def save_input(self, example: Example, path: Path) -> Path:
        """The picture as the network was given it, enlarged."""
        return self.pictures.save_input(example, path)

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The picture that the code gives, enlarged."""
        from liuli.tasks import pictures

        made = self.painted(output[None])[0].permute(1, 2, 0)
        return pictures.save_enlarged((made * 255).round().byte().numpy(), path)


def directions(latent: int) -> Tensor:
    """Two directions at right angles in the space of codes, drawn once for all, (2, d); where it has two, its axes."""
    if latent <= 2:
        return torch.eye(2, latent)
    drawn = torch.randn(latent, 2, generator=torch.Generator().manual_seed(0))
    across: Tensor = torch.linalg.qr(drawn).Q
    return across.T


def principal(codes: Tensor) -> Tensor:
    """Codes (N, d) in the plane where they vary most, (N, 2); as they are where they have two numbers."""
    if codes.size(1) <= 2:
        return pad(codes, (0, 2 - codes.size(1)))
    centred = codes - codes.mean(0)
    _, axes = torch.linalg.eigh(centred.T @ centred)  # the largest last
    plane: Tensor = axes[:, [-1, -2]]
    return centred @ plane
