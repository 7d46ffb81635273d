"""Cross-entropy and the negative log-likelihood."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.derivative import Target
from liuli.explaining.explainer import REGISTRY, Explainer, Flats, NotExplained, Workbench, pick
from liuli.explaining.expression import ZERO, Column, Expression, Named, Number, Operand, Symbol
from liuli.explaining.families.rows import Rows
from liuli.explaining.fold import Fold
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation

SLOPE = formula("""
    d = (exp(x[c] - m)/S - t)*w/N
    m = Max(k, x[k])
    S = Sum(k, exp(x[k] - m))
""")


class Likelihood(Explainer):
    """Cross-entropy and the negative log-likelihood: what the right class was given, averaged over the examples.

    Axis 0 runs over the examples, axis 1 over the classes.
    """

    axes = "n c"
    detached = ("m",)

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.x, self.weight = self.need("input"), self.tensor("weight")
        self.scores = operation.name.startswith("cross_entropy")
        self.reduction = self.option("reduction", "mean")
        shape = self.x.shape if len(self.x.shape) > 1 else (1, *self.x.shape)
        self.rows = Rows(shape, (1,))
        self.classes = shape[1]
        self.smoothing = float(self.option("label_smoothing", 0.0))
        target = self.need("target")
        self.probabilities = target if np.issubdtype(target.array.dtype, np.floating) else None
        self.labels = None if self.probabilities else target.array.astype(np.int64)
        if self.weight is not None and (self.probabilities or self.smoothing):
            raise NotExplained(f"{operation.name} with class weights and soft targets")

    def formula(self, output: int) -> Formula:
        logarithm = "x[n,t] - m[n] - log(S[n])" if self.scores else "x[n,t]"
        every = "x[n,c] - m[n] - log(S[n])" if self.scores else "x[n,c]"
        if self.probabilities:
            each = f"-Sum(c, p[n,c]*({every}))"
        elif self.smoothing:
            each = f"-((1 - ε)*({logarithm}) + ε*Sum(c, {every})/C)"
        else:
            each = f"-w[n]*({logarithm})" if self.weight else f"-({logarithm})"
        whole = "Sum(n, w[n])" if self.weight else "N"
        lines = {"none": f"y[n] = {each}", "sum": f"y = Sum(n, {each})", "mean": f"y = Sum(n, {each})/{whole}"}
        sums = "\nm[n] = Max(c, x[n,c])\nS[n] = Sum(c, exp(x[n,c] - m[n]))" if self.scores else ""
        return formula(lines[self.reduction] + sums, self.axes)

    def chosen(self, output: int, flat: int) -> NDArray[np.int64]:
        """The examples that count: for one number of an unreduced loss that one, else all that are not ignored."""
        rows = np.array([flat]) if self.reduction == "none" else np.arange(self.rows.count)
        if self.labels is None:
            return rows
        counted: NDArray[np.bool_] = self.labels.reshape(-1)[rows] != self.option("ignore_index", -100)
        return rows[counted]

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        rows = self.chosen(output, int(flat))
        letters: dict[str, Expression | None] = {"N": Number(len(rows))}
        letters |= {"ε": Number(self.smoothing), "C": Number(self.classes)}
        members = np.array([self.rows.members(row) for row in rows.tolist()], dtype=np.int64).reshape(
            len(rows), self.classes
        )
        if self.scores or self.probabilities or self.smoothing:
            letters["x[n,c]"] = pick(self.x, members)
        if self.probabilities:
            letters["p"] = pick(self.probabilities, members)
            if self.smoothing:
                raise NotExplained(f"{self.operation.name} with soft targets and label smoothing")
        elif self.labels is not None:
            own = self.labels.reshape(-1)[rows]
            letters["x[n,t]"] = pick(self.x, members[np.arange(len(rows)), own][:, None])
            if self.weight:
                letters["w"] = pick(self.weight, own[:, None])
        return {**letters, **self.formula(output).define(letters, self.detached)}

    def expression(self, output: int, flat: Flats) -> Expression:
        if self.reduction == "none" and len(self.chosen(output, int(flat))) == 0:
            return Number(0)
        return super().expression(output, flat)

    def local(self, output: int, flat: Flats, target: Target) -> Expression:
        """Of cross-entropy: what softmax gives the class, less what the target asks for, by the weight of the row."""
        if not self.scores or self.labels is None or target.address != self.x.address:
            return super().local(output, flat, target)
        row, own = int(self.rows.row(target.flat)), int(self.rows.place(target.flat))
        label = int(self.labels.reshape(-1)[row])
        if label == self.option("ignore_index", -100):
            return ZERO
        members = Column(self.x, self.rows.members(row))
        wanted = (1 - self.smoothing) * (own == label) + self.smoothing / self.classes
        letters: dict[str, Expression | None] = {"x[c]": Operand(self.x, target.flat), "x[k]": members}
        letters |= {"t": Number(wanted), "w": pick(self.weight, label) if self.weight else None}
        letters["N"] = Number(1) if self.reduction != "mean" else Number(len(self.chosen(output, 0)))
        if self.weight and self.reduction == "mean":
            counted = self.labels.reshape(-1)[self.chosen(output, 0)]
            letters["N"] = Named(Symbol("N"), Fold("sum", "n", Column(self.weight, counted)))
        return SLOPE.bind({**letters, **SLOPE.define(letters, self.detached)})

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address or (self.probabilities and address == self.probabilities.address):
            yield 0, np.array([int(self.rows.row(flat)) if self.reduction == "none" else 0])
        elif self.weight and address == self.weight.address:
            yield 0, np.arange(prod(self.shape()))


REGISTRY |= dict.fromkeys(("cross_entropy", "cross_entropy_loss", "nll_loss", "nll_loss2d", "nll_loss_nd"), Likelihood)
