"""Naming what a row of numbers is by the side of a plane on which it lies. A score is a side, not a probability.

With one score two classes are told apart: yes (the second) where s > 0. With K scores each is one class against all the
others, and the highest wins.

    loss: L = Σ_u max(0, m − y_u · s_u), mean over the batch; y_u = +1 or −1: whether the row is of the class of unit u
          m = 0: the perceptron criterion.   m = 1: the hinge loss.

Shapes:
    B  batch, d features, K classes, U scores: one for two classes, else K
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import one_hot

from liuli.data.dataset import Facts
from liuli.tasks import marks, measures
from liuli.tasks.examples import Batch, Outcome
from liuli.tasks.marks import Marks
from liuli.tasks.table_classification import TableClassification


@dataclass(frozen=True)
class MarginClassification(TableClassification):
    """Rows to classes by sides of planes; a batch is as in `TableClassification`.

    Attributes:
        margin: m, how far on its right side a row must lie to cost nothing.
    """

    margin: float = 0.0

    doubted: ClassVar[str] = "note.margin"

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The mean of the loss above, and the scores (B, U)."""
        scores = model(*self.inputs(batch))
        agreement = sides(batch[1], scores.size(1)).to(scores) * scores  # (B, U), above 0 where right
        return Outcome((self.margin - agreement).relu().sum(1).mean(), scores)

    def decided(self, scores: Tensor) -> Tensor:
        """The class of each row: int64 (B,)."""
        return (scores[:, 0] > 0).long() if scores.size(1) == 1 else scores.argmax(1)

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Accuracy, per class precision, recall and F1, confusion matrix: see `measures`."""
        return measures.decisions(self.decided(output).cpu(), batch[1].cpu(), facts.classes)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Confusion matrix and classes, as PNG files."""
        from liuli.tasks import figures

        matrix = measures.confusion(self.decided(output).cpu(), batch[1].cpu(), len(facts.classes))
        drawn = {
            "confusion": figures.confusion(matrix, facts.classes),
            "classes": figures.per_class(matrix, facts.classes),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The mistakes that were decided by the highest scores first."""
        deciding = output.abs()[:, 0] if output.size(1) == 1 else output.amax(1)
        return marks.of_classes(deciding, self.decided(output), batch[1], "score")

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The class, and the score that decided it: of two classes the one score, else that of each class."""
        answer = facts.classes[int(self.decided(output[None]))]
        if len(output) == 1:
            return {"answer": answer, "score": float(output)}
        return {"answer": answer, "scores": dict(zip(facts.classes, output.tolist(), strict=True))}

    def doubt(self, output: Tensor) -> Tensor:
        """Minus the score that decided, as the loss has it but for the margin: −y·s, every step by itself."""
        deciding = output.abs() if output.size(1) == 1 else output  # (1, U)
        return -deciding.max()


def sides(labels: Tensor, units: int) -> Tensor:
    """y: +1 or −1, (B, U), from labels (B,)."""
    yes = labels[:, None] if units == 1 else one_hot(labels, units)
    return 2 * yes - 1
