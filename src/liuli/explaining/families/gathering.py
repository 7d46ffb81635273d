"""Operations that add numbers to places of another tensor, or put them there: scatter, index_add, index_put."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Workbench, explains, whole
from liuli.explaining.expression import Column, Expression, Number, Operand, Product
from liuli.explaining.families.moving import Filled, Moved
from liuli.explaining.fold import SHARED
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation


class Gathered(Moved):
    """Each number of the output is the base's, plus every number that was added to its place."""

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.base = self.need("input")
        self.added = self.need("src", "source", "values", "value")
        self.alpha = float(self.option("alpha", 1))
        places = torch.arange(len(self.base.array)).view(self.base.shape)
        own = torch.arange(len(self.added.array)).view(self.added.shape)
        match operation.name:
            case "scatter" | "scatter_add" | "scatter_reduce":
                index = bench.record.value(operation.arguments["index"]).tensor
                goal = places.gather(operation.arguments["dim"], index)
                own = own[tuple(slice(size) for size in index.shape)]
            case "index_add":
                index = bench.record.value(operation.arguments["index"]).tensor
                goal = places.index_select(operation.arguments["dim"], index)
            case _:
                indices = operation.arguments["indices"]
                goal = places[tuple(None if i is None else bench.record.value(i).tensor for i in indices)]
                own = own.expand(goal.shape)
        self.goal, self.own = goal.reshape(-1).numpy(), own.reshape(-1).numpy()

    def formula(self, output: int) -> Formula:
        return formula("y[i] = x[i] + α*Sum(k, z[k])")

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        alpha = None if self.alpha == 1 else Number(self.alpha)
        added = Column(self.added, self.own[self.goal == flat])
        return {"α": alpha, "x": Operand(self.base, int(flat)), "z": added}

    def expression(self, output: int, flat: Flats) -> Expression:
        return self.formula(output).bind(self.environment(output, flat))

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.base.address:
            yield 0, whole(flat)
        if address == self.added.address:
            yield 0, self.goal[self.own == flat]

    def reach(self, output: int, flats: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        return Explainer.reach(self, output, flats)

    def gradient(self, address: str, flat: int) -> Expression:
        plain = super().gradient(address, flat)
        if address == self.added.address and self.alpha != 1:
            return Product((Number(self.alpha), plain))
        return plain


class GatheredExtreme(Gathered):
    """Each number of the output is the largest, or smallest, of those that came to its place; the base's if none did.

    Among equals the gradient is shared.
    """

    def formula(self, output: int) -> Formula:
        sign = "Max" if self.arguments["reduce"] == "amax" else "Min"
        return formula(f"y[i] = {sign}(k, z[k])")

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        return {"z": Column(self.added, self.own[self.goal == flat]), "winner k": Number(SHARED)}

    def expression(self, output: int, flat: Flats) -> Expression:
        if not (self.goal == flat).any():
            return Operand(self.base, int(flat))
        return super().expression(output, flat)

    def explained(self, output: int, flat: int) -> tuple[Formula, Expression]:
        if not (self.goal == flat).any():
            return formula("y[i] = x[i]"), Operand(self.base, flat)
        return super().explained(output, flat)

    def gradient(self, address: str, flat: int) -> Expression:
        return Explainer.gradient(self, address, flat)


@explains("scatter", "scatter_add", "index_add", "scatter_reduce")
def scatter(operation: Operation, bench: Workbench) -> Explainer:
    """Places that an index names take other numbers, or these are added to them, or the largest of them is taken."""
    reduce = operation.arguments.get("reduce")
    if reduce in ("amax", "amin") and operation.arguments.get("include_self") is False:
        return GatheredExtreme(operation, bench)
    if operation.name == "scatter" and reduce is None:
        return Filled(operation, bench)
    added = reduce in (None, "sum", "add") and operation.arguments.get("include_self", True)
    if not added or isinstance(operation.arguments.get("value"), int | float):
        raise NotExplained(f"{operation.name} with reduce={reduce!r}")
    return Gathered(operation, bench)


@explains("index_put")
def index_put(operation: Operation, bench: Workbench) -> Explainer:
    """Places that an index names take other numbers, or these are added to them."""
    return (Gathered if operation.arguments.get("accumulate") else Filled)(operation, bench)
