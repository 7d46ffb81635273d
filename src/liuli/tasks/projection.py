"""Telling an example in a few coordinates, and how much of it those keep.

The network returns the coordinates c and what they give back, x̂, beside one another.

    loss:      L = |x − x̂|² / d, mean over the batch
    explained: 1 − Σ |x − x̂|² / Σ |x − x̄|² over a split: the share of its variance that the coordinates keep

Shapes:
    B  batch, N examples of a split, d features (pixels in [0, 1], or columns), k coordinates
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import marks, rows
from liuli.tasks.examples import Batch, Example, Outcome, Posed, row
from liuli.tasks.image_classification import PICTURE_ENDINGS, SMALL
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

NAMED = 3  # coordinates in an answer's sentence
SHOWN = 12  # pictures beside their reconstructions
SPREAD = 3.0  # of made-up rows along their widest direction


@dataclass(frozen=True)
class Projection(Task):
    """Pictures or rows of a table to coordinates. A batch is `(rows, labels)`: float32 (B, d) and int64 (B,).

    Attributes:
        features: d of what `draw` makes up.
    """

    features: int

    kind: ClassVar[str] = "picture or table"
    headline: ClassVar[str] = "error"
    endings: ClassVar[frozenset[str]] = PICTURE_ENDINGS | rows.ENDINGS
    reads_text: ClassVar[bool] = True
    doubted: ClassVar[str] = "note.length"

    def drawn_facts(self) -> Facts:
        """Columns that are called by their number, of two classes."""
        columns = [f"x{number}" for number in range(1, self.features + 1)]
        return Facts("drawn", "", "", "table", "", (self.features,), ("a", "b"), {"columns": columns})

    def options(self, facts: Facts) -> dict[str, object]:
        """How many pixels or columns there are."""
        if facts.kind not in ("image", "table"):
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads pictures or tables")
        return {"features": torch.Size(shape_of(facts)).numel()}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Rows float32 (N, d), of pictures the pixels in [0, 1], and labels int64 (N,)."""
        inputs = split.inputs
        if shape_of(facts) != facts.shape:
            from liuli.tasks import pictures

            inputs = pictures.small_digits(inputs.astype("uint8"))
        given = torch.tensor(inputs, dtype=torch.float32).flatten(1)
        return given / 255 if facts.kind == "image" else given, torch.tensor(split.targets)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Two clouds, long in one direction, with labels in turn."""
        generator = torch.Generator().manual_seed(seed)
        direction, centre = torch.randn(2, self.features, generator=generator)
        labels = torch.arange(count) % 2
        along = SPREAD * torch.randn(count, 1, generator=generator) * direction
        return centre * labels[:, None] + along + torch.randn(count, self.features, generator=generator), labels

    def inputs(self, batch: Batch) -> tuple[Tensor]:
        """The rows."""
        return (batch[0],)

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The mean squared error of the reconstruction, and the output (B, k + d)."""
        output = model(*self.inputs(batch))
        _, back = parted(output, batch[0].size(1))
        return Outcome((batch[0] - back).square().mean(), output)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The squared error of each example, mean over its features, summed."""
        _, back = parted(output, batch[0].size(1))
        return {"error": (batch[0] - back).square().mean(1).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Mean squared error of a feature, share of variance explained, number of coordinates."""
        given = batch[0].detach().double().cpu()
        coordinates, back = parted(output.detach().double().cpu(), given.size(1))
        lost = (given - back).square().sum()
        variance = (given - given.mean(0)).square().sum()
        return {
            "error": float(lost / given.numel()),
            "explained": float(1 - lost / variance.clamp(min=1e-300)),
            "coordinates": coordinates.size(1),
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The first two coordinates by class, the scree, and of pictures some reconstructions, as PNG files."""
        from liuli.tasks import figures, scree
        from liuli.tasks.wording import worded

        given, labels = (one.cpu() for one in batch)
        coordinates, back = parted(output.detach().cpu(), given.size(1))
        variance = (given - given.mean(0)).square().sum()
        drawn = {"scree": scree.scree((coordinates - coordinates.mean(0)).square().sum(0) / variance)}
        if coordinates.size(1) > 1:
            title = worded("The first two coordinates of what was not learnt from")
            drawn["scatter"] = figures.scattered(coordinates[:, :2], labels, facts.classes, title)
        if facts.kind == "image":
            both = torch.cat([given[:SHOWN], back[:SHOWN]]).view(-1, *shape_of(facts)).permute(0, 3, 1, 2).clamp(0, 1)
            count = coordinates.size(1)
            title = worded("Above: as given. Below: as {count} coordinates give it back", count=count)
            drawn["reconstructions"] = figures.sheet(both, min(SHOWN, len(given)), title)
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The squared error of each example, mean over its features, the largest first."""
        _, back = parted(output, batch[0].size(1))
        return marks.by_value((batch[0] - back).double().square().mean(1), "error", high_is_good=False)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The picture, or the row as it is in the data."""
        drawn = facts.kind == "image"
        given = "" if drawn else rows.spelled(split.one(index).inputs[0].tolist(), facts)
        return Posed(Example(f"test {index}", row(batch, index)[:1], given), drawn=drawn)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A picture, or one row of a table, as the network learnt from the one or the other."""
        return rows.only(self.read_all(source, facts, name), name)

    def read_all(self, source: Path | bytes | str, facts: Facts, name: str) -> Sequence[Example]:
        """A picture, or every row of a table."""
        if facts.kind == "table":
            return rows.read(source, facts, name)
        from liuli.tasks import pictures

        if isinstance(source, str):  # never a path: words may come from a page
            raise UserError(
                f"'{source:.40}': is no file that is there; expected a picture of {pictures.example_of(facts)}"
            )
        pixels = pictures.bring(source, facts, name)
        return [Example(name, (torch.tensor(pixels, dtype=torch.float32).flatten()[None] / 255,))]

    def asked(self, facts: Facts) -> str:
        """A picture, or a table."""
        return "my-rows.csv" if facts.kind == "table" else "my-picture.png"

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The coordinates."""
        coordinates, _ = parted(output, torch.Size(shape_of(facts)).numel())
        first = ", ".join(f"{value:.2f}" for value in coordinates[:NAMED].tolist())
        more = len(coordinates) - NAMED
        said = f"({first} and {more} more)" if more > 0 else f"({first})"
        return {"answer": said, "coordinates": coordinates.tolist()}

    def save_input(self, example: Example, path: Path) -> Path | None:
        """Nothing: what is given is best seen beside what comes back, see `save_answer`."""
        return None

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path | None:
        """Of a picture what was given, and beside it what its coordinates give back, as a PNG."""
        if facts.kind != "image":
            return None
        from liuli.tasks import pictures

        given = example.batch[0][0]
        _, back = parted(output, len(given))
        both = torch.stack([given, back.cpu()]).view(2, *shape_of(facts)).clamp(0, 1)  # (2, H, W, C)
        return pictures.save_enlarged((torch.cat([*both], dim=1) * 255).round().byte().numpy(), path)

    def doubt(self, output: Tensor) -> Tensor:
        """Half the squared length of all that came out, as there is no answer to be unsure of."""
        return output.square().sum() / 2


def shape_of(facts: Facts) -> tuple[int, ...]:
    """Of one example before it is made a row: small handwriting is brought into MNIST's form, as a person's own is."""
    return (28, 28, 1) if facts.form == "handwriting" and facts.shape[0] < SMALL else facts.shape


def parted(output: Tensor, features: int) -> tuple[Tensor, Tensor]:
    """Coordinates (…, k) and reconstruction (…, d) of what the network returned (…, k + d)."""
    return output[..., :-features], output[..., -features:]
