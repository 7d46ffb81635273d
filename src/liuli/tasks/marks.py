"""How well each example of a held-out part was answered, so that the worst can be looked at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from torch import Tensor


@dataclass(frozen=True)
class Marks:
    """The marks of N answers.

    Attributes:
        measure: what `values` are: "probability" of the class that was answered, "accuracy" of a picture's pixels, …
        values: float64 (N,).
        order: int64, the worst answer first; (N,), or fewer where not all are shown.
        mistakes: how many of `order`, from its beginning, are wrong; None where answers are better or worse only.
        labels: the true classes, int64 (N,), where examples have one.
        answers: the classes that were answered, int64 (N,), likewise.
        owners: of whom each example is, int64 (N,), a place in `names`; None where they are nobody's.
        names: of all whom the data know.
    """

    measure: str
    values: Tensor
    order: Tensor
    mistakes: int | None = None
    labels: Tensor | None = None
    answers: Tensor | None = None
    owners: Tensor | None = None
    names: Sequence[str] = ()

    @property
    def wrong(self) -> Tensor | None:
        """Which answers are wrong, bool (N,); None where they are better or worse only."""
        if self.mistakes is None:
            return None
        wrong = torch.zeros(len(self.values), dtype=torch.bool)
        wrong[self.order[: self.mistakes]] = True
        return wrong


def of_classes(sureness: Tensor, answers: Tensor, labels: Tensor, measure: str = "probability") -> Marks:
    """Marks of a classifier: the wrong answers first, the surest of them first; then the right ones, the surest last.

    Args:
        sureness: of each answer (N,), higher where the network is surer.
        answers: int64 (N,).
        labels: int64 (N,).
        measure: what sureness is.
    """
    sureness, answers, labels = sureness.detach().double().cpu(), answers.cpu(), labels.cpu()
    right = answers == labels
    order = torch.where(right, -sureness, sureness).argsort(descending=True, stable=True)
    order = order[right[order].long().argsort(stable=True)]
    return Marks(measure, sureness, order, int((~right).sum()), labels, answers)


def of_scores(scores: Tensor, labels: Tensor) -> Marks:
    """The same from scores (logits) (N, K)."""
    sureness, answers = scores.detach().double().cpu().softmax(1).max(1)
    return of_classes(sureness, answers, labels)


def by_value(values: ArrayLike | Tensor, measure: str, high_is_good: bool) -> Marks:
    """Marks of answers that are better or worse: (N,)."""
    values = torch.as_tensor(values).detach().double().cpu()
    return Marks(measure, values, values.argsort(descending=not high_is_good, stable=True))
