"""Where a path back ends: constants, numbers drawn at random, and what code outside PyTorch gave."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import REGISTRY, Explainer, Flats, Workbench, explains
from liuli.explaining.expression import Expression, Number, Operand
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation


class Leaf(Explainer):
    """Nothing lies further back: the number itself is the operand."""

    leaf = True
    note = "a constant"

    def formula(self, output: int) -> Formula:
        return formula("y = c")

    def expression(self, output: int, flat: Flats) -> Expression:
        return Operand(self.output(output), int(flat))

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        return ()


def leaf(names: str, note: str) -> None:
    """Register operations at which a path back ends, and why."""
    made = type("Leaf", (Leaf,), {"note": note, "__module__": __name__})
    for name in names.split():
        REGISTRY[name] = made


leaf("tensor as_tensor from_numpy asarray scalar_tensor frombuffer new_tensor", "a constant of the program")
leaf("empty empty_like empty_strided new_empty", "memory as it was found, before anything is written to it")
leaf(
    "rand rand_like randn randn_like randint randint_like randperm normal uniform exponential log_normal cauchy "
    "geometric random poisson binomial bernoulli multinomial xavier_uniform xavier_normal kaiming_uniform "
    "kaiming_normal trunc_normal _standard_gamma _sample_dirichlet",
    "drawn at random",
)


class Constant(Leaf):
    """The same number everywhere."""

    note = "a constant"
    number: float | None = None

    def expression(self, output: int, flat: Flats) -> Expression:
        number = self.number
        if number is None:
            number = self.option("fill_value", 0)
        return Number(number)


for name, number in {"zeros": 0, "ones": 1, "full": None}.items():
    made = type("Constant", (Constant,), {"number": number, "__module__": __name__})
    REGISTRY |= dict.fromkeys((name, f"{name}_like", f"new_{name}"), made)


class Sequence(Leaf):
    """Numbers made from their place."""

    def formula(self, output: int) -> Formula:
        match self.operation.name:
            case "arange" | "range":
                return formula("y[i] = a + i*s")
            case "eye":
                return formula("y[i,j] = i == j")
            case _:
                return formula("y[i] = a + i*(b - a)/(n - 1)")

    def expression(self, output: int, flat: Flats) -> Expression:
        place, shape = int(flat), self.shape()
        match self.operation.name:
            case "arange" | "range":
                settings = {"a": self.option("start", 0), "s": self.option("step", 1)}
            case "eye":
                i, j = divmod(place, shape[1])
                return self.formula(output).bind({"i": Number(i), "j": Number(j)})
            case _:
                settings = {"a": self.option("start"), "b": self.option("end"), "n": max(prod(shape), 2)}
        return self.formula(output).bind(
            {"i": Number(place), **{letter: Number(one) for letter, one in settings.items()}}
        )


REGISTRY |= dict.fromkeys(("arange", "range", "linspace", "eye"), Sequence)


@explains("one_hot")
class OneHot(Explainer):
    """1 in the column of the class, 0 elsewhere."""

    text = "y[n,c] = x[n] == c"

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        row, column = divmod(int(flat), self.shape()[-1])
        return {"x": Operand(self.need("input", "tensor"), row), "c": Number(column)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        return ()


@explains("nonzero", "unique", "unique_consecutive", "_unique2", "bincount", "histc", "searchsorted", "bucketize")
class Counted(Leaf):
    """Whole numbers found by looking through all of the input."""

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.note = f"found by '{operation.name}' over all of its input"
