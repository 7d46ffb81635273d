"""Losses that compare examples row by row: with margins, by distances, by angles.

Axis 0 runs over the examples n, axis 1 over the numbers k of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Workbench, explains, pick
from liuli.explaining.expression import Expression, Number, Source
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation


class RowLoss(Explainer):
    """A loss of rows, summed or averaged over them.

    `wide` are the operands of a number for each place of a row, `narrow` those of one for each row.
    """

    axes = "n k"
    each: ClassVar[str]
    lines: ClassVar[str] = ""
    wide: ClassVar[Mapping[str, str]]
    narrow: ClassVar[Mapping[str, str]] = {}
    settings: ClassVar[Mapping[str, tuple[str, float]]] = {}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.columns: dict[str, Source] = {letter: self.need(name) for letter, name in self.wide.items()}
        self.margin: dict[str, Source] = {letter: self.need(name) for letter, name in self.narrow.items()}
        shapes = {source.shape for source in self.columns.values()}
        if len(shapes) > 1:
            raise NotExplained(f"{operation.name} with broadcasting")
        (shape,) = shapes
        self.rows, self.width = prod(shape[:-1]), shape[-1]
        reduction = self.option("reduction", "mean")
        self.reduction = {0: "none", 1: "mean", 2: "sum"}.get(reduction, reduction)

    def formula(self, output: int) -> Formula:
        total = {"none": f"y[n] = {self.each}", "sum": f"y = Sum(n, {self.each})", "mean": f"y = Sum(n, {self.each})/N"}
        return formula(f"{total[self.reduction]}\n{self.lines}".strip(), self.axes)

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        rows = np.array([int(flat)]) if self.reduction == "none" else np.arange(self.rows)
        letters = self.letters(rows)
        return {**letters, **self.formula(output).define(letters)}

    def letters(self, rows: NDArray[np.int64]) -> dict[str, Expression | None]:
        """What stands for the letters, for these rows."""
        places = rows[:, None] * self.width + np.arange(self.width)
        letters: dict[str, Expression | None] = {"N": Number(self.rows), "C": Number(self.width)}
        letters |= {letter: Number(self.option(name, default)) for letter, (name, default) in self.settings.items()}
        letters |= {letter: pick(source, places) for letter, source in self.columns.items()}
        return letters | {letter: pick(source, rows[:, None]) for letter, source in self.margin.items()}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        reduced = self.reduction != "none"
        for sources, width in ((self.columns, self.width), (self.margin, 1)):
            for source in sources.values():
                if source.address == address:
                    yield 0, np.array([0 if reduced else flat // width])
                    return  # one answer holds every place where the tensor is passed


@explains("triplet_margin_loss")
class Triplet(RowLoss):
    """How much nearer the positive lies than the negative, up to a margin."""

    each = "where(m + P[n] - Q[n] >= 0, m + P[n] - Q[n], 0)"
    lines = """P[n] = Sum(k, abs(a[n,k] - b[n,k] + ε)**p)**(1/p)
        Q[n] = Sum(k, abs(a[n,k] - c[n,k] + ε)**p)**(1/p)"""
    wide: ClassVar[Mapping[str, str]] = {"a": "anchor", "b": "positive", "c": "negative"}
    settings: ClassVar[Mapping[str, tuple[str, float]]] = {"m": ("margin", 1.0), "p": ("p", 2.0), "ε": ("eps", 1e-6)}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        if self.option("swap", False):
            raise NotExplained("triplet_margin_loss with swap")


@explains("cosine_embedding_loss")
class CosineEmbedding(RowLoss):
    """1 − cos of the angle for a pair that belongs together, the cos above a margin for one that does not."""

    each = "where(t[n] == 1, 1 - z[n], z[n] - m >= 0, z[n] - m, 0)"
    lines = """A[n] = Sum(k, a[n,k]**2) + ε
        B[n] = Sum(k, b[n,k]**2) + ε
        z[n] = Sum(k, a[n,k]*b[n,k])/sqrt(A[n]*B[n])"""
    wide: ClassVar[Mapping[str, str]] = {"a": "input1", "b": "input2"}
    narrow: ClassVar[Mapping[str, str]] = {"t": "target"}
    settings: ClassVar[Mapping[str, tuple[str, float]]] = {"m": ("margin", 0.0), "ε": ("no argument", 1e-12)}


@explains("multilabel_soft_margin_loss")
class MultiLabel(RowLoss):
    """Binary cross-entropy of every class, averaged over the classes."""

    each = "Sum(k, log1p(exp(-abs(a[n,k]))) + where(a[n,k] < 0, -a[n,k], 0) + (1 - b[n,k])*a[n,k])/C"
    wide: ClassVar[Mapping[str, str]] = {"a": "input", "b": "target"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        if self.arguments.get("weight") is not None:
            raise NotExplained("multilabel_soft_margin_loss with weights")


@explains("multi_margin_loss")
class MultiMargin(RowLoss):
    """How far other classes come within a margin of the right one, t."""

    each = "Sum(k, where(k == t[n], 0, m - x[n,t] + x[n,k] > 0, (m - x[n,t] + x[n,k])**p, 0))/C"
    wide: ClassVar[Mapping[str, str]] = {"x[n,k]": "input"}
    narrow: ClassVar[Mapping[str, str]] = {"t": "target"}
    settings: ClassVar[Mapping[str, tuple[str, float]]] = {"m": ("margin", 1.0), "p": ("p", 1)}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        if self.arguments.get("weight") is not None:
            raise NotExplained("multi_margin_loss with weights")

    def letters(self, rows: NDArray[np.int64]) -> dict[str, Expression | None]:
        right = self.margin["t"].array.reshape(-1)[rows].astype(np.int64)
        own = pick(self.columns["x[n,k]"], (rows * self.width + right)[:, None])
        return {**super().letters(rows), "x[n,t]": own, "k": Number(np.arange(self.width, dtype=np.float64)[None, :])}
