"""A long sum, product or maximum as one node of the tree.

Its body holds `Column`s, a whole vector of operands each: Σ_k W[k]·x[k] over 4,096 terms is five nodes and computes as
fast as NumPy does. `terms` takes it apart when somebody wants to read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.expression import Expression, Numbers


@dataclass(slots=True, eq=False)
class Fold(Expression):
    """The sum, product, maximum, … of the body over one axis.

    Attributes:
        kind: one of `FOLDS`, "ranked" (the element that has `rank` smaller ones before it) or "place" (where that is).
        variable: what runs over the axis in the formula: "k", or several at once: "c,u,v".
        body: what is summed.
        axis: of the columns in the body.
        winner: the place along the axis that the operation itself chose, which is what counts where several elements
            are equal; SHARED where it passes the gradient to all of them in equal parts.
        rank: for "ranked" and "place".
    """

    kind: str
    variable: str
    body: Expression
    axis: int = 0
    winner: int | None = None
    rank: int = 0

    def value(self) -> Numbers:
        values = np.asarray(self.body.value())
        if values.ndim == 0:  # nothing in the body runs: a formula over one element
            values = values.reshape(1)
        if self.kind in FOLDS:
            return FOLDS[self.kind](values, self.axis)
        best = self.best(np.moveaxis(values, self.axis, 0).reshape(-1))
        if self.kind == "ranked":
            return np.take(values, [best], axis=self.axis)
        return np.full(values.ndim * (1,), best, dtype=np.float64)

    def best(self, values: NDArray[np.float64]) -> int:
        """The place of the element that is sought; the operation's own where that is as good."""
        match self.kind:
            case "max" | "argmax":
                place = int(values.argmax())
            case "min" | "argmin":
                place = int(values.argmin())
            case _:
                place = int(values.argsort(kind="stable")[self.rank])
        own = self.winner
        equal = own is not None and own >= 0 and (values[own] == values[place] or np.isnan(values[own]))
        return own if own is not None and equal else place

    def children(self) -> tuple[Expression, ...]:
        return (self.body,)

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Fold(self.kind, self.variable, children[0], self.axis, self.winner, self.rank)


SHARED = -1

FOLDS: dict[str, Callable[[NDArray[Any], int], Numbers]] = {
    "sum": lambda values, axis: values.sum(axis, keepdims=True),
    "product": lambda values, axis: values.prod(axis, keepdims=True),
    "max": lambda values, axis: values.max(axis, keepdims=True),
    "min": lambda values, axis: values.min(axis, keepdims=True),
}
