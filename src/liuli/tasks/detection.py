"""Finding things in a picture: a box for each, with its class and how sure the network is of it (Redmon et al., 2016).

The network lays a grid over the picture. A cell is asked for the thing whose centre falls into it (the first, where
there are several): with two boxes, of which the better one is taught, and the shares of the classes, which both share.

    confidence of a box:  Ĉ, taught to be its IoU with the truth
    score of a class:     p̂(class | thing) · Ĉ
    loss of a picture:    λcoord Σ resp (x − x̂)² + (y − ŷ)²            centre
                        + λcoord Σ resp (√w − √ŵ)² + (√h − √ĥ)²        size
                        + Σ resp (IoU − Ĉ)²                            object
                        + λnoobj Σ not resp Ĉ²                         empty
                        + Σ cells with a thing Σ classes (p − p̂)²      class

`resp` is 1 for the box of a cell with a thing that has the highest IoU with it. λcoord = 5, λnoobj = 0.5. (x, y) are
from the cell's corner, in cells; w and h are shares of the picture, and the network gives their roots.

Shapes:
    B  batch, S cells along a side, C classes, M boxes of truth, R boxes of an answer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liuli.data import squeezenet
from liuli.data.dataset import Facts, Split
from liuli.data.folders import ENDINGS
from liuli.data.opening import on_white, opened
from liuli.data.voc import KIND
from liuli.errors import UserError
from liuli.layers.boxes import corners, from_grid, iou, to_grid
from liuli.layers.suppression import survivors
from liuli.tasks import marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed
from liuli.tasks.image_classification import ImageClassification
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

PARTS = ("centre", "size", "object", "empty", "class")
COORD, EMPTY = 5.0, 0.5  # λcoord, λnoobj
EACH = 2  # boxes of a cell
NUMBERS = 5  # of a box: x, y, √w, √h, Ĉ
DRAWN = 64  # pixels along a side of made-up pictures
DRAWN_CLASSES = ("red", "green", "blue")
OVERLAP = 0.5  # IoU above which of two boxes of a class the less sure one goes
LEAST = 0.005  # scores below are no answers at all
SHOWN = 0.2  # scores from here on are shown to a person, as the authors' program does
MOST = 100  # R


@dataclass(frozen=True)
class Detection(Task):
    """A batch is `(pixels, boxes, sizes)`: uint8 (B, 3, H, W), float32 (B, M, 5) and the pictures' own size (B, 2).

    Of a box its class (−1: it only fills the place) and its corners from 0 to 1. The network returns a grid
    (B, S, S, 2 · 5 + C). A response holds boxes, the surest first: class, score, corners in pixels of the picture
    (B, R, 6).

    Attributes:
        size: height and width that the network takes, in pixels.
    """

    size: int = 224

    kind: ClassVar[str] = KIND
    headline: ClassVar[str] = "mAP@0.5"
    endings: ClassVar[frozenset[str]] = ENDINGS
    at_once: ClassVar[int] = 32
    has_floor: ClassVar[bool] = True  # what a confidence is taught moves with its box

    def drawn_facts(self) -> Facts:
        """Three classes."""
        return Facts("drawn", "", "", self.kind, "photograph", (DRAWN, DRAWN, 3), DRAWN_CLASSES)

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of classes."""
        if facts.kind != self.kind:
            raise UserError(
                f"{facts.name}: is data of kind {facts.kind}, expected pictures with boxes; "
                "give --data a folder with JPEGImages and Annotations"
            )
        return {"classes": len(facts.classes)}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """What SqueezeNet learnt on ImageNet, wherever a parameter or a buffer is called as one of its tensors."""
        given = squeezenet.weights()
        with torch.no_grad():
            for name, held in (*model.named_parameters(), *model.named_buffers()):
                if name in given:
                    held.copy_(torch.from_numpy(given[name]))

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Pixels uint8 (N, 3, H, W), boxes (N, M, 5) and sizes (N, 2)."""
        pixels = torch.from_numpy(split.inputs).permute(0, 3, 1, 2).contiguous()
        return pixels, torch.from_numpy(split.targets), torch.from_numpy(split.extra["sizes"])

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Noise with a plain rectangle on it, whose colour is its class; the second row of boxes is empty."""
        generator = torch.Generator().manual_seed(seed)
        pixels = ImageClassification(DRAWN, 3).draw(count, seed)[0] // 4
        middle, size = torch.rand(2, count, 2, generator=generator)
        corner = corners(torch.cat([middle * 0.6 + 0.2, size * 0.2 + 0.2], -1))  # (B, 4)
        classes = torch.randint(len(DRAWN_CLASSES), (count, 1), generator=generator)
        for one, colour, (x1, y1, x2, y2) in zip(pixels, classes, (corner * DRAWN).long().tolist(), strict=True):
            one[colour, y1:y2, x1:x2] = 255
        thing = torch.cat([classes, corner], -1)  # (B, 5)
        nothing = torch.tensor([-1.0, 0.0, 0.0, 0.0, 0.0]).expand(count, 5)
        return pixels, torch.stack([thing, nothing], 1), torch.full((count, 2), DRAWN)

    def inputs(self, batch: Batch) -> tuple[Tensor]:
        """Pictures from 0 to 1, (B, 3, size, size); small made-up ones as they are."""
        pictures = batch[0] / 255
        if pictures.size(-1) not in (self.size, DRAWN):
            pictures = interpolate(pictures, (self.size, self.size), mode="bilinear", antialias=True)
        return (pictures,)

    def augment(self, batch: Batch) -> Batch:
        """Mirrored, moved, scaled and in other light; the boxes with them: see `box_augmentation`."""
        from liuli.tasks.box_augmentation import vary

        pixels, boxes, *rest = batch
        return *vary(pixels, boxes), *rest

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The sum of the parts, mean over the batch; and the parts (B, 5)."""
        parts = loss_parts(model(*self.inputs(batch)), batch[1])
        return Outcome(parts.sum(1).mean(), parts)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The parts of the loss."""
        return dict(zip(PARTS, output.sum(0), strict=True))

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """The boxes that are left once each class has lost its doubles: (B, R, 6)."""
        grid = model(*self.inputs(batch))
        return torch.stack([found(one, size) for one, size in zip(candidates(grid), batch[2], strict=True)])

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Mean average precision, that of every class, precision and recall of what is shown: see `box_measures`."""
        from liuli.tasks import box_measures

        return box_measures.detection(output, truth(batch), facts.classes, SHOWN)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Answers beside the truth, and precision against recall, as PNG files."""
        from liuli.tasks import box_figures

        return box_figures.detection(output, batch[0], truth(batch), batch[2], facts.classes, SHOWN, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """F1 of the boxes that are shown of each picture, the lowest first: see `box_measures`."""
        from liuli.tasks import box_measures

        return marks.by_value(box_measures.by_picture(output, truth(batch), SHOWN), "F1", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The picture as it is in the data, and its true boxes."""
        pixels, boxes, sizes = self.tensors(split.one(index), facts)
        true = truth((pixels, boxes, sizes))[0]  # (M, 5)
        ideal = torch.cat([true[:, :1], torch.ones_like(true[:, :1]), true[:, 1:]], 1)
        right = str(self.answer(ideal, facts)["answer"])
        return Posed(Example(f"test {index}", (pixels, torch.full((1, 1, 5), -1.0), sizes)), right, ideal=ideal)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A picture of any size, stretched to the network's.

        Raises:
            UserError: it cannot be opened.
        """
        import numpy as np
        from PIL import Image

        assert not isinstance(source, str)
        picture = on_white(opened(source, name))
        pixels = np.array(picture.resize((facts.shape[1], facts.shape[0]), Image.Resampling.LANCZOS))
        boxes = torch.full((1, 1, 5), -1.0)
        return Example(name, (torch.from_numpy(pixels).permute(2, 0, 1)[None], boxes, torch.tensor([picture.size])))

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """How many of each class, and every box: class, confidence, corners in pixels of the picture."""
        rows = [row for row in output.double().tolist() if row[0] >= 0 and row[1] >= SHOWN]
        counts = [(name, sum(row[0] == number for row in rows)) for number, name in enumerate(facts.classes)]
        said = ", ".join(f"{count} {name}" for name, count in counts if count)
        boxes = [
            {
                "class": facts.classes[int(number)],
                "confidence": round(score, 4),
                **dict(zip(("x1", "y1", "x2", "y2"), (round(one, 1) for one in box), strict=True)),
            }
            for number, score, *box in rows
        ]
        return {"answer": said or "nothing", "boxes": boxes}

    def doubt(self, output: Tensor) -> Tensor:
        """The parts of the loss together, if every cell were right that shows a box, in the surest that it shows."""
        said = candidates(output.detach()).view(1, output.size(1) * output.size(2), -1, 6)  # (1, S², 2C, 6)
        surest = said[..., 1].argmax(2)[..., None, None]  # (1, S², 1, 1)
        shown = said.gather(2, surest.expand(-1, -1, 1, 6)).squeeze(2)  # (1, S², 6)
        label = shown[..., :1].masked_fill(shown[..., 1:2] < SHOWN, -1)  # (1, S², 1)
        boxes = torch.cat([label, shown[..., 2:]], -1)  # (1, S², 5)
        return loss_parts(output, boxes).sum()

    def save_input(self, example: Example, path: Path) -> Path:
        """The picture as it was stretched."""
        from liuli.tasks import pictures

        return pictures.save_enlarged(example.batch[0][0].permute(1, 2, 0).numpy(), path, 2)

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The boxes drawn on the picture, in its own shape."""
        from liuli.tasks import box_figures

        pixels, size = example.batch[0][0], example.batch[2][0]
        return box_figures.save_drawn(pixels, size, output, facts.classes, SHOWN, path)


def loss_parts(grid: Tensor, boxes: Tensor) -> Tensor:
    """The five parts of the loss of each picture, weighted, in the order of `PARTS`: (B, 5).

    Args:
        grid: what the network returned, (B, S, S, 2 · 5 + C).
        boxes: the truth (B, M, 5): class, −1 where there is none, and corners from 0 to 1.
    """
    batch, side = grid.shape[:2]
    boxes = boxes.to(grid)
    foretold = grid[..., : EACH * NUMBERS].reshape(batch, side * side, EACH, NUMBERS)  # (B, S², 2, 5)
    shares = grid[..., EACH * NUMBERS :].flatten(1, 2)  # (B, S², C)

    cell, seen = to_grid(boxes[..., 1:], side)  # (B, M), (B, M, 4)
    places = torch.arange(side * side, device=grid.device)
    here = (cell.unsqueeze(2) == places) & (boxes[..., :1] >= 0)  # (B, M, S²)
    filled = here.any(1)  # (B, S²)
    first = here.byte().argmax(1).unsqueeze(2)  # (B, S², 1): of equals argmax takes the first
    wanted = seen.gather(1, first.expand(-1, -1, 4)).unsqueeze(2)  # (B, S², 1, 4)
    corner = boxes[..., 1:].gather(1, first.expand(-1, -1, 4)).unsqueeze(2)  # (B, S², 1, 4)
    label = boxes[..., :1].gather(1, first)  # (B, S², 1)
    share = (label == torch.arange(shares.size(2), device=grid.device)).to(grid)  # (B, S², C), 1 of its class

    said = (
        foretold[..., :4].detach().reshape(batch, side, side, EACH, 4)
    )  # the IoU is a target: no slope goes through it
    agreement = iou(from_grid(said).flatten(1, 2), corner)  # (B, S², 2)
    best = agreement.argmax(2, keepdim=True) == torch.arange(EACH, device=grid.device)  # (B, S², 2)
    responsible = (best & filled.unsqueeze(2)).to(grid)  # (B, S², 2)

    off = (foretold[..., :4] - wanted).square()  # (B, S², 2, 4)
    confidence = foretold[..., 4]  # (B, S², 2)
    centre = COORD * (responsible * (off[..., 0] + off[..., 1])).sum((1, 2))  # (B,)
    size = COORD * (responsible * (off[..., 2] + off[..., 3])).sum((1, 2))  # (B,)
    objects = (responsible * (agreement - confidence).square()).sum((1, 2))  # (B,)
    empty = EMPTY * ((1 - responsible) * confidence.square()).sum((1, 2))  # (B,)
    missed = (share - shares).square().sum(2)  # (B, S²)
    classes = (filled.to(grid) * missed).sum(1)  # (B,)
    return torch.stack([centre, size, objects, empty, classes], 1)


def candidates(grid: Tensor) -> Tensor:
    """Every box of every cell under every class: class, score, corners from 0 to 1, (B, 2 S² C, 6)."""
    said = grid[..., : EACH * NUMBERS].reshape(*grid.shape[:3], EACH, NUMBERS)  # (B, S, S, 2, 5)
    boxes = from_grid(said[..., :4]).clamp(0, 1).flatten(1, 3)  # (B, 2 S², 4)
    scores = (said[..., 4:].clamp(0, 1) * grid[..., None, EACH * NUMBERS :].clamp(0, 1)).flatten(1, 3)  # (B, 2 S², C)
    classes = torch.arange(scores.size(2), device=grid.device).to(grid).expand_as(scores)
    each = boxes.unsqueeze(2).expand(-1, -1, scores.size(2), -1)  # (B, 2 S², C, 4)
    return torch.cat([torch.stack([classes, scores], -1), each], -1).flatten(1, 2)


def found(boxes: Tensor, size: Tensor) -> Tensor:
    """Of one picture's candidates (N, 6) those that are left, in pixels, the surest first; filled up to R: (R, 6)."""
    boxes = boxes[boxes[:, 1] >= LEAST]
    kept = boxes[survivors(boxes[:, 2:], boxes[:, 1], boxes[:, 0], OVERLAP)]
    kept = kept[kept[:, 1].argsort(descending=True, stable=True)][:MOST]
    answer = torch.zeros(MOST, 6, dtype=boxes.dtype, device=boxes.device)
    answer[:, 0] = -1
    answer[: len(kept)] = kept
    answer[:, 2:] *= size.to(answer).repeat(2)
    return answer


def truth(batch: Batch) -> Tensor:
    """The boxes of a batch in pixels of its pictures: class and corners (B, M, 5)."""
    scale: Any = batch[2].to(batch[1]).repeat(1, 2).unsqueeze(1)
    return torch.cat([batch[1][..., :1], batch[1][..., 1:] * scale], -1)
