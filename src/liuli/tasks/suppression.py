"""Telling doubles of a box from its neighbours: which of many boxes are left, and with what score.

Candidates are made of boxes whose truth is known: of each thing some copies, moved and stretched at random, with scores
that follow how well they sit. The surest copy of each is what should be left.

    right:     kept and wanted, or neither
    precision: kept and wanted / kept,   recall: kept and wanted / wanted,   F1 = 2 P R / (P + R)

Shapes:
    B  pictures, M candidates of a picture; those that only fill the place have the class −1 and the score 0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from liuli.data.dataset import Facts, Split
from liuli.data.voc import KIND
from liuli.errors import UserError
from liuli.layers.boxes import iou
from liuli.tasks import box_files, marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed, row
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

COPIES = (3, 8)  # of a thing: as many or more, fewer than
JITTER = 0.08  # of a box's sides: how far a copy is moved and stretched, typically
DOUBT = 0.2  # share of a score that chance may take away
KEPT = 1e-3  # a box with a lower score is not kept (Bodla et al., 2017)
DRAWN = 3  # things on a made-up picture


@dataclass(frozen=True)
class Suppression(Task):
    """A batch is `(candidates, wanted)`: float32 (B, M, 6), corners, score and class, and bool (B, M).

    The network is called with boxes (B, M, 4), scores (B, M) and classes int64 (B, M), and returns the scores that are
    left (B, M). A response is the candidates with these scores, (B, M, 6).
    """

    kind: ClassVar[str] = KIND
    headline: ClassVar[str] = "f1"
    endings: ClassVar[frozenset[str]] = frozenset(box_files.ENDINGS)
    has_floor: ClassVar[bool] = True

    def drawn_facts(self) -> Facts:
        """Two classes."""
        return Facts("drawn", "", "", self.kind, "", (), ("round", "flat"))

    def options(self, facts: Facts) -> dict[str, object]:
        """None: boxes are boxes."""
        if facts.kind != self.kind:
            raise UserError(
                f"{facts.name}: is data of kind {facts.kind}, expected pictures with boxes; "
                "give --data a folder with JPEGImages and Annotations"
            )
        return {}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Copies of the true boxes, in pixels; the same ones each time."""
        scale = np.tile(split.extra["sizes"], 2)[:, None]  # (N, 1, 4)
        boxes = np.concatenate([split.targets[..., :1], split.targets[..., 1:] * scale], -1)
        return copied(boxes, seed=len(split))

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Three things on each picture, of two classes, that overlap a little."""
        random = np.random.default_rng(seed)
        corner = random.uniform(0, 100, (count, DRAWN, 2))
        sides = random.uniform(30, 60, (count, DRAWN, 2))
        classes = random.integers(0, 2, (count, DRAWN, 1))
        return copied(np.concatenate([classes, corner, corner + sides], -1), seed)

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Corners, scores and classes."""
        return batch[0][..., :4], batch[0][..., 4], batch[0][..., 5].long()

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The mean of the errors, and the scores that are left."""
        left = model(*self.inputs(batch))
        return Outcome(errors(left, batch).mean(), left)

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """The candidates with the scores that are left: (B, M, 6)."""
        left = model(*self.inputs(batch)).unsqueeze(-1)
        return torch.cat([batch[0][..., :4], left.to(batch[0]), batch[0][..., 5:]], -1)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The share of the candidates of each picture that are rightly kept or dropped."""
        return {"right": rightly(output, batch).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Precision, recall and F1 of what is kept, average precision of the scores, and how many there are."""
        return measured(output[..., 4], batch)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Some pictures' boxes before and after, as a PNG file."""
        from liuli.tasks import box_figures, figures

        return figures.save({"suppression": box_figures.before_and_after(batch[0], output, KEPT)}, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The share of each picture's candidates that are rightly kept or dropped, the lowest first."""
        return marks.by_value(rightly(output[..., 4], batch), "accuracy", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The candidates of a picture; right is that of each thing the surest is left."""
        candidates, wanted = row(batch, index)  # (1, M, 6), (1, M)
        real = candidates[0, :, 5] >= 0
        ideal = candidates[0].clone()
        ideal[:, 4] *= wanted[0]
        right = str(self.answer(ideal, facts)["answer"])
        return Posed(Example(f"test {index}", (candidates[:, real],)), right, ideal=ideal[real])

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Precision, recall and F1 by threshold, on the held-out part; the one that was chosen is marked."""
        from liuli.tasks import box_figures, figures

        held: Any = model.threshold
        chosen, rows = float(held), {}
        for threshold in np.linspace(0.05, 0.95, 19).tolist():
            held.fill_(threshold)
            rows[threshold] = measured(model(*self.inputs(batch)), batch)
        held.fill_(chosen)
        return figures.save({"thresholds": box_figures.by_threshold(rows, chosen)}, folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A CSV or JSON file of boxes with scores, see `box_files`.

        Raises:
            UserError: it is no such file; says the line or the box.
        """
        assert not isinstance(source, str)
        return Example(name, (torch.tensor(box_files.read(source, facts.classes, name))[None],))

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The boxes that are kept, the surest first: their number in the file, class, score and corners."""
        rows = [(*row, number) for number, row in enumerate(output.double().tolist(), 1) if row[5] >= 0]
        kept = sorted((row for row in rows if row[4] >= KEPT), key=lambda row: -row[4])
        boxes = [
            {
                "number": number,
                "class": box_files.class_name(int(label), facts.classes),
                "score": round(score, 4),
                **dict(zip(("x1", "y1", "x2", "y2"), (round(one, 2) for one in box), strict=True)),
            }
            for *box, score, label, number in kept
        ]
        return {"answer": f"{len(kept)} of {len(rows)} boxes", "kept": boxes}

    def doubt(self, output: Tensor) -> Tensor:
        """The sum of the scores that are left: on which scores it hangs, and with soft rules on which corners."""
        return output.sum()

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The boxes, those that are kept in the colours of their classes, the others grey."""
        from liuli.tasks import box_figures

        return box_figures.save_suppressed(example.batch[0][0], output, KEPT, path)


def copied(boxes: np.ndarray, seed: int) -> Batch:
    """Candidates and which are wanted, of true boxes (N, M, 5): class, −1 where there is none, and corners."""
    random = np.random.default_rng(seed)
    pictures, wanted = [], []
    for things in boxes:
        things = things[things[:, 0] >= 0]
        owner = np.repeat(np.arange(len(things)), random.integers(*COPIES, len(things)))
        true = torch.from_numpy(things[owner, 1:])  # (K, 4)
        middle, sides = (true[:, :2] + true[:, 2:]) / 2, true[:, 2:] - true[:, :2]  # (K, 2)
        moves, stretches = torch.from_numpy(random.normal(0, JITTER, (2, len(owner), 2)))
        middle, sides = middle + moves * sides, sides * stretches.exp()
        copies = torch.cat([middle - sides / 2, middle + sides / 2], 1)  # (K, 4)
        scores = iou(copies, true) * torch.from_numpy(random.uniform(1 - DOUBT, 1, len(owner)))  # (K,)
        best = [np.flatnonzero(owner == thing)[int(scores[owner == thing].argmax())] for thing in range(len(things))]
        label = torch.from_numpy(things[owner, :1])
        pictures.append(torch.cat([copies, scores[:, None], label], 1).float())
        wanted.append(torch.from_numpy(np.isin(np.arange(len(owner)), best)))
    nothing = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, -1.0])
    most = max(1, *map(len, pictures), 1)
    filled = nothing.repeat(len(pictures), most, 1)
    marks = torch.zeros(len(pictures), most, dtype=torch.bool)
    for place, (picture, mark) in enumerate(zip(pictures, wanted, strict=True)):
        filled[place, : len(picture)], marks[place, : len(mark)] = picture, mark
    return filled, marks


def rightly(left: Tensor, batch: Batch) -> Tensor:
    """Of each picture the share of its candidates that are rightly kept or dropped: (B,)."""
    real = batch[0][..., 5] >= 0
    right = ((left >= KEPT) == batch[1]) & real
    return right.sum(1) / real.sum(1).clamp(min=1)


def errors(left: Tensor, batch: Batch) -> Tensor:
    """Of each picture the mean of (s − s*)² over its candidates: (B,)."""
    real = (batch[0][..., 5] >= 0).to(left)  # (B, M)
    ideal = batch[0][..., 4].to(left) * batch[1]  # (B, M)
    return ((left - ideal).square() * real).sum(1) / real.sum(1).clamp(min=1)


def measured(left: Tensor, batch: Batch) -> dict[str, object]:
    """Precision, recall and F1 of what is kept of all pictures together, average precision, and three counts."""
    from sklearn.metrics import average_precision_score

    real = batch[0][..., 5] >= 0
    wanted, kept = batch[1][real], left[real] >= KEPT
    both = int((wanted & kept).sum())
    precision, recall = both / max(1, int(kept.sum())), both / max(1, int(wanted.sum()))
    return {
        "f1": 2 * precision * recall / max(precision + recall, 1e-12),
        "precision": precision,
        "recall": recall,
        "average precision": float(average_precision_score(wanted.cpu(), left[real].cpu())),
        "candidates": int(real.sum()),
        "wanted": int(wanted.sum()),
        "kept": int(kept.sum()),
    }
