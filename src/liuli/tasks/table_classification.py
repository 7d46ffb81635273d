"""Naming what a row of numbers is: one class of several, each with a probability.

    probabilities: p = softmax(s),   s = network(row)
    loss:          L = −log p[label], mean over the batch (cross-entropy)

Shapes:
    B  batch, N rows of a split, d features (columns), K classes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import marks, measures, rows
from liuli.tasks.examples import Batch, Example, Outcome, Posed
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

APART = 3.0  # between the classes of made-up rows, in standard deviations


@dataclass(frozen=True)
class TableClassification(Task):
    """Rows to classes. A batch is `(rows, labels)`: float32 (B, d) and int64 (B,).

    Attributes:
        features: d of what `draw` makes up.
        classes: K of the same.
    """

    features: int
    classes: int

    kind: ClassVar[str] = "table"
    headline: ClassVar[str] = "accuracy"
    endings: ClassVar[frozenset[str]] = rows.ENDINGS
    reads_text: ClassVar[bool] = True

    def drawn_facts(self) -> Facts:
        """Columns and classes that are called by their number."""
        columns = [f"x{number}" for number in range(1, self.features + 1)]
        classes = tuple(f"class {number}" for number in range(1, self.classes + 1))
        return Facts("drawn", "", "", self.kind, "", (self.features,), classes, {"columns": columns})

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of columns and of classes."""
        if facts.kind != self.kind or not facts.classes:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads tables with classes")
        return {"features": facts.shape[0], "classes": len(facts.classes)}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Rows float32 (N, d) and labels int64 (N,)."""
        return torch.tensor(split.inputs, dtype=torch.float32), torch.tensor(split.targets)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """A cloud for each class around a centre of its own, labels in turn."""
        generator = torch.Generator().manual_seed(seed)
        centres = APART * torch.randn(self.classes, self.features, generator=generator)
        labels = torch.arange(count) % self.classes
        return centres[labels] + torch.randn(count, self.features, generator=generator), labels

    def inputs(self, batch: Batch) -> tuple[Tensor]:
        """The rows."""
        return (batch[0],)

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy and the scores (B, K)."""
        scores = model(*self.inputs(batch))
        return Outcome(cross_entropy(scores, batch[1]), scores)

    def decided(self, scores: Tensor) -> Tensor:
        """The class of each row: int64 (B,)."""
        return scores.argmax(1)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """How many of the batch are right."""
        return {"accuracy": (self.decided(output) == batch[1]).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Loss, accuracy, per class precision, recall and F1, confusion matrix, calibration: see `measures`."""
        return measures.classification(output, batch[1], facts.classes)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Confusion matrix, calibration and classes, as PNG files."""
        from liuli.tasks import figures

        labels = batch[1].cpu()
        matrix = measures.confusion(self.decided(output).cpu(), labels, len(facts.classes))
        bins = measures.calibration_bins(output.detach().double().cpu().softmax(1), labels)
        drawn = {
            "confusion": figures.confusion(matrix, facts.classes),
            "calibration": figures.calibration(bins),
            "classes": figures.per_class(matrix, facts.classes),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The surest mistakes first."""
        return marks.of_scores(output, batch[1])

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The row as it is in the data, each number after the name of its column."""
        row, label = self.tensors(split.one(index), facts)
        spelled = rows.spelled(split.inputs[index].tolist(), facts)
        return Posed(Example(f"test {index}", (row,), spelled), facts.classes[int(label)])

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The boundary between the classes over the two columns in which they differ most, as a PNG file."""
        from liuli.tasks import boundary, figures

        given, labels = batch[0].cpu(), batch[1].cpu()
        if given.size(1) < 2:
            return []

        def answers(points: Tensor) -> Tensor:
            with torch.inference_mode():
                return self.decided(model(points.to(batch[0].device))).cpu()

        drawn = boundary.over_two(answers, given, labels, facts.classes, facts.details["columns"])
        return figures.save({"boundary": drawn}, folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """One row of numbers: a file of one, or typed."""
        return rows.only(rows.read(source, facts, name), name)

    def read_all(self, source: Path | bytes | str, facts: Facts, name: str) -> Sequence[Example]:
        """Every row."""
        return rows.read(source, facts, name)

    def asked(self, facts: Facts) -> str:
        """A table; typed numbers do as well."""
        return "my-rows.csv"

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The likeliest class, its probability, and the probability of every class."""
        return measures.likeliest(output, facts.classes)

    def doubt(self, output: Tensor) -> Tensor:
        """−log of the probability of the likeliest class: cross-entropy against it, every step by itself."""
        probabilities = output.softmax(1)  # (1, K)
        return -probabilities.max().log()


def whole(batch: Batch, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows (B, d) and labels (B,) for what learns all its examples at once.

    Raises:
        UserError: a class is missing, as the batch is a part of the data only.
    """
    given, labels = batch[0].cpu().numpy(), batch[1].cpu().numpy()
    if len(np.unique(labels)) < classes:
        raise UserError(
            f"a batch of {len(labels)} rows holds {len(np.unique(labels))} of {classes} classes, but this system "
            "learns all its examples at once; leave out --set batch_size"
        )
    return given, labels
