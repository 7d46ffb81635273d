"""Activation functions. Each formula says on which side its corner lies, as PyTorch takes it when it differentiates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Flats, Workbench, explains, pick
from liuli.explaining.expression import Expression, Number
from liuli.explaining.families.elementwise import Elementwise, elementwise, projected, row_major
from liuli.tracing.parts import Operation

elementwise("relu", "y = where(a > 0, a, 0)")
elementwise("relu6", "y = where(a <= 0, 0, a >= 6, 6, a)")
elementwise("sigmoid", "y = 1/(1 + exp(-a))", "y*(1 - y)")
elementwise("logsigmoid log_sigmoid", "y = where(a < 0, a, 0) - log1p(exp(-abs(a)))", "1/(1 + exp(a))")
elementwise("silu", "y = a/(1 + exp(-a))")
elementwise("leaky_relu", "y = where(a > 0, a, s*a)", s="negative_slope")
elementwise("elu", "y = where(a > 0, a, c*expm1(a))", c="alpha")
elementwise("celu", "y = where(a > 0, a, c*expm1(a/c))", c="alpha")
elementwise("selu", "y = 1.0507009873554805*where(a > 0, a, 1.6732632423543772*expm1(a))")
elementwise("mish", "y = a*tanh(where(a > 20, a, log1p(exp(a))))")
elementwise("hardtanh", "y = where(a <= lo, lo, a >= hi, hi, a)", lo="min_val", hi="max_val")
SIXTH = float(np.float32(1 / 6))  # PyTorch's own in its backward pass, also in float64

elementwise("hardsigmoid", "y = where(a <= -3, 0, a >= 3, 1, a/6 + 0.5)", f"where(a <= -3, 0, a >= 3, 0, {SIXTH})")
elementwise("hardswish", "y = where(a <= -3, 0, a >= 3, a, a*(a + 3)/6)")
elementwise("hardshrink", "y = where(abs(a) <= l, 0, a)", l="lambd")
elementwise("softshrink", "y = where(a > l, a - l, a < -l, a + l, 0)", l="lambd")
elementwise("threshold _threshold", "y = where(a <= t, v, a)", t="threshold", v="value")
elementwise("softsign", "y = a/(1 + abs(a))")
elementwise("tanhshrink", "y = a - tanh(a)")
elementwise("softplus", "y = where(a*β > t, a, log1p(exp(β*a))/β)", β="beta", t="threshold")


@explains("gelu")
class Gelu(Elementwise):
    """a·Φ(a), Φ the normal distribution (Hendrycks & Gimpel, 2016), or its approximation by tanh."""

    letters: ClassVar[dict[str, str]] = {"a": "input"}

    @property
    def text(self) -> str:  # type: ignore[override]
        if self.operation.arguments.get("approximate") == "tanh":
            return "y = a*(1 + tanh(sqrt(2/π)*(a + 0.044715*a**3)))/2"
        return "y = a*(1 + erf(a/sqrt(2)))/2"


@explains("logit")
class Logit(Elementwise):
    """The inverse of the sigmoid; with `eps`, of a number kept off 0 and 1."""

    letters: ClassVar[dict[str, str]] = {"a": "input", "e": "eps"}

    @property
    def text(self) -> str:  # type: ignore[override]
        if self.operation.arguments.get("eps") is None:
            return "y = log(a/(1 - a))"
        return "y = where(a < e, log(e/(1 - e)), a > 1 - e, log((1 - e)/e), log(a/(1 - a)))"


@explains("prelu")
class PRelu(Elementwise):
    """Leaky ReLU with a learnt slope for each channel (dimension 1), or one for all."""

    text = "y = where(a > 0, a, s*a)"
    letters: ClassVar[dict[str, str]] = {"a": "input"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.slopes = self.need("weight")
        shape = self.shape()
        channel = self.slopes.shape[0] if self.slopes.shape and len(shape) > 1 else 1
        self.spread_shape = tuple(channel if place == 1 else 1 for place in range(len(shape)))

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        slope = pick(self.slopes, projected(flat, self.shape(), self.spread_shape))
        return {**super().environment(output, flat), "s": slope}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        yield from super().dependents(address, flat)
        if address == self.slopes.address:
            shape = self.shape()
            place = np.arange(int(np.prod(shape)))
            yield 0, place[projected(place, shape, self.spread_shape) == flat]


@explains("rrelu")
class RRelu(Elementwise):
    """Leaky ReLU whose slope is drawn in training, and the middle of the range otherwise."""

    text = "y = where(a > 0, a, s*a)"
    letters: ClassVar[dict[str, str]] = {"a": "input"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        if operation.draws:
            self.tensors["s"] = bench.source(operation.draws[0])
        else:
            self.constants["s"] = Number((self.option("lower", 1 / 8) + self.option("upper", 1 / 3)) / 2)


@explains("glu")
class Glu(Elementwise):
    """The first half times the sigmoid of the second: a gate (Dauphin et al., 2017)."""

    text = "y = a/(1 + exp(-b))"
    letters: ClassVar[dict[str, str]] = {}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.halves = self.need("input")
        shape = self.halves.shape
        dim = self.option("dim", -1) % len(shape)
        self.step = row_major(shape)[dim] * (shape[dim] // 2)  # from a number to its gate

    def place(self, flat: Flats) -> Any:
        """Where output `flat` finds its number in the input; its gate lies `step` behind."""
        return flat // self.step * 2 * self.step + flat % self.step

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        place = self.place(flat)
        return {"a": pick(self.halves, place), "b": pick(self.halves, place + self.step)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.halves.address:
            block, place = divmod(flat, 2 * self.step)
            yield 0, np.array([block * self.step + place % self.step], dtype=np.int64)
