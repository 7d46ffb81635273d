"""Normalization: numbers brought to mean 0 and variance 1 over a row, a channel, a group, or by kept statistics."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Workbench, explains, pick, whole
from liuli.explaining.expression import Expression, Number, Operand, Source
from liuli.explaining.families.rows import RowExplainer, Rows
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation

NORMALIZED = """
    y[i] = (x[i] - μ)/sqrt(σ_sq + ε)*γ + β
    μ = Sum(k, x[k])/n
    σ_sq = Sum(k, (x[k] - μ)**2)/n
"""
ROOT_MEAN_SQUARE = """
    y[i] = x[i]/sqrt(r + ε)*γ
    r = Sum(k, x[k]**2)/n
"""
BY_KEPT = "y[i] = (x[i] - μ)/sqrt(σ_sq + ε)*γ + β"
MEAN_UPDATED = """
    y = (1 - η)*r + η*μ
    μ = Sum(k, x[k])/n
"""
VARIANCE_UPDATED = """
    y = (1 - η)*r + η*Sum(k, (x[k] - μ)**2)/(n - 1)
    μ = Sum(k, x[k])/n
"""


class Normalization(RowExplainer):
    """Normalization over rows; γ and β are found by the place of an element, `scale_place` of them.

    Args:
        kept: running mean and variance used in place of the row's own, by row.
        updated: whether the operation also moves the running mean and variance (its further outputs).
    """

    def __init__(
        self,
        operation: Operation,
        bench: Workbench,
        x: Source,
        rows: Rows,
        scales: tuple[tuple[int, ...], int],
        text: str = NORMALIZED,
        kept: tuple[Source, Source] | None = None,
    ) -> None:
        super().__init__(operation, bench, x, rows)
        self.text, self.kept = text, kept
        self.gamma, self.beta = self.tensor("weight"), self.tensor("bias")
        self.scale_shape, self.scale_step = scales  # γ of an element: (flat // step) % size
        eps = self.arguments.get("eps")
        if eps is None:  # rms_norm takes the smallest step of its precision
            eps = float(np.finfo(str(operation.dtype).removeprefix("torch.")).eps)
        self.epsilon = Number(eps)

    def formula(self, output: int) -> Formula:
        if output == 0:
            return formula(self.text)
        return formula(MEAN_UPDATED if output == 1 else VARIANCE_UPDATED)

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        if output == 0:
            return super().environment(output, flat)
        if self.operation.name == "instance_norm":
            raise NotExplained("the running statistics of instance_norm")
        before = self.need("running_mean" if output == 1 else "running_var")
        momentum = self.option("momentum", 0.1)
        return {**self.common(output, int(flat)), "η": Number(momentum), "r": Operand(before, int(flat))}

    def settings(self, row: int) -> dict[str, Expression | None]:
        kept = self.kept
        found: dict[str, Expression | None] = {"n": Number(len(self.rows.offsets)), "ε": self.epsilon}
        if kept:
            found |= {"μ": Operand(kept[0], row), "σ_sq": Operand(kept[1], row)}
        return found

    def own(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        place = self.scale_place(flat)
        gamma = pick(self.gamma, place) if self.gamma else None
        return {"x[i]": pick(self.x, flat), "γ": gamma, "β": pick(self.beta, place) if self.beta else None}

    def scale_place(self, flat: Flats) -> Flats:
        """Which γ and β an element is scaled with."""
        return flat // self.scale_step % prod(self.scale_shape)

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            yield 0, whole(flat) if self.kept else self.rows.members(int(self.rows.row(flat)))
        elif address in (source.address for source in (self.gamma, self.beta) if source):
            size = prod(self.scale_shape)
            blocks = np.arange(prod(self.x.shape) // (size * self.scale_step)) * (size * self.scale_step)
            every = (np.add.outer(blocks, flat * self.scale_step + np.arange(self.scale_step))).reshape(-1)
            yield from self.by_row(every)
        elif self.kept and address in (source.address for source in self.kept):
            yield 0, self.rows.members(flat)

    def by_row(self, flats: NDArray[np.int64]) -> Iterable[tuple[int, NDArray[np.int64]]]:
        """Elements of different rows apart: each row has its own mean."""
        rows = self.rows.row(flats)
        for row in np.unique(rows):
            yield 0, flats[rows == row]


@explains("layer_norm", "rms_norm")
def layer_norm(operation: Operation, bench: Workbench) -> Explainer:
    """Over the last dimensions; γ and β by place (Ba, Kiros & Hinton, 2016; Zhang & Sennrich, 2019)."""
    x = Explainer(operation, bench).need("input")
    shape = tuple(operation.arguments["normalized_shape"])
    rows = Rows(x.shape, tuple(range(len(x.shape) - len(shape), len(x.shape))))
    text = NORMALIZED if operation.name == "layer_norm" else ROOT_MEAN_SQUARE
    return Normalization(operation, bench, x, rows, (shape, 1), text)


@explains("batch_norm", "instance_norm")
def batch_norm(operation: Operation, bench: Workbench) -> Explainer:
    """Over the batch and all positions of a channel, or of one picture alone (Ioffe & Szegedy, 2015; Ulyanov, 2016)."""
    base = Explainer(operation, bench)
    x = base.need("input")
    own = operation.name == "instance_norm"
    inner = prod(x.shape[2:])
    means, variances = base.tensor("running_mean"), base.tensor("running_var")
    trained = base.option("use_input_stats" if own else "training", own) or means is None or variances is None
    rows = Rows((x.shape[0], x.shape[1], inner), (2,) if own and trained else (0, 2))
    kept = None if trained or means is None or variances is None else (means, variances)
    return Normalization(operation, bench, x, rows, ((x.shape[1],), inner), BY_KEPT if kept else NORMALIZED, kept)


@explains("weight_norm", "_weight_norm")
class WeightNorm(RowExplainer):
    """A direction v and a length g learnt apart (Salimans & Kingma, 2016)."""

    text = """
        y[i] = x[i]*g/S
        S = sqrt(Sum(k, x[k]**2))
    """

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        base = Explainer(operation, bench)
        x, dim = base.need("v"), base.option("dim", 0)
        dims = tuple(place for place in range(len(x.shape)) if dim < 0 or place != dim)
        super().__init__(operation, bench, x, Rows(x.shape, dims))
        self.length = self.need("g")

    def settings(self, row: int) -> dict[str, Expression | None]:
        return {"g": Operand(self.length, row)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        yield from super().dependents(address, flat)
        if address == self.length.address:
            yield 0, self.rows.members(flat)


@explains("group_norm")
def group_norm(operation: Operation, bench: Workbench) -> Explainer:
    """Over groups of channels of one example (Wu & He, 2018)."""
    base = Explainer(operation, bench)
    x, groups = base.need("input"), base.option("num_groups")
    inner = prod(x.shape[2:])
    rows = Rows((x.shape[0], groups, x.shape[1] // groups * inner), (2,))
    return Normalization(operation, bench, x, rows, ((x.shape[1],), inner))
