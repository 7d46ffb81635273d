"""Surfaces over the plane on which optimizers race: each is a formula, and its slopes are the formula's derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.derivative import Part, derivative
from liuli.explaining.expression import Expression, Number, Symbol
from liuli.explaining.formula import Formula, formula, substituted
from liuli.files import Json
from liuli.lab.playground.asking import packed
from liuli.lab.trees import formula_json

X, Y = Symbol("x"), Symbol("y")
SIDE = 161  # points along each side of the picture
LEVELS = 16  # lines of equal height


@dataclass(frozen=True)
class Surface:
    """A function of x and y.

    Attributes:
        text: its formula.
        window: x from, x to, y from, y to.
        start: where a race begins unless another place is chosen.
        minima: its lowest points.
        rate: at which plain descent gets somewhere and stays; a tenth of it with momentum does.
    """

    text: str
    window: tuple[float, float, float, float]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    rate: float

    @cached_property
    def body(self) -> Expression:
        """f, over the symbols `X` and `Y`."""
        return formula(self.text).bind({"x": X, "y": Y})

    @cached_property
    def slopes(self) -> tuple[Expression, Expression]:
        """∂f/∂x and ∂f/∂y."""
        return derivative(self.body, Part(X)), derivative(self.body, Part(Y))

    def height(self, x: Any, y: Any) -> Any:
        """f at numbers, or at arrays of them."""
        return at(self.body, x, y)

    def gradient(self, x: float, y: float) -> NDArray[np.float64]:
        """(∂f/∂x, ∂f/∂y)."""
        return np.array([float(at(slope, x, y)) for slope in self.slopes])

    def formulas(self) -> Json:
        """f and its slopes in symbols."""
        names = (Symbol("f"), Symbol("g_x"), Symbol("g_y"))
        return [
            formula_json(Formula(name, body, ())) for name, body in zip(names, (self.body, *self.slopes), strict=True)
        ]

    def rates(self) -> dict[str, float]:
        """A rate for each optimizer at which it gets somewhere; those that scale each step need not know the slope."""
        with_momentum = self.rate / 10
        wide = (self.window[1] - self.window[0]) / 100
        return {
            "sgd": self.rate,
            "momentum": with_momentum,
            "nesterov": with_momentum,
            "adagrad": 10 * wide,
            "rmsprop": wide / 2,
            "adam": 2 * wide,
        }

    def told(self, name: str) -> bytes:
        """The surface for a page: its facts, and the heights (SIDE, SIDE), the first row at the largest y."""
        left, right, low, high = self.window
        heights = self.height(np.linspace(left, right, SIDE)[None, :], np.linspace(high, low, SIDE)[:, None])
        lowest, highest = float(heights.min()), float(heights.max())
        shares = (np.arange(1, LEVELS + 1) / (LEVELS + 1)) ** 3  # closer together where it is low: there one ends
        content = {
            "name": name,
            "formulas": self.formulas(),
            "window": self.window,
            "start": self.start,
            "minima": self.minima,
            "rates": self.rates(),
            "levels": (lowest + shares * (highest - lowest)).tolist(),
        }
        return packed(content, [heights.astype(np.float32)])


def at(expression: Expression, x: Any, y: Any) -> Any:
    """The value of an expression over `X` and `Y`."""
    bound = substituted(expression, {"x": Number(x), "y": Number(y)})
    assert bound is not None
    with np.errstate(all="ignore"):
        return bound.value()


SURFACES = {
    "bowl": Surface("f = x**2 + y**2", (-2.5, 2.5, -2.5, 2.5), (-2.0, 1.5), ((0.0, 0.0),), 0.1),
    "ravine": Surface("f = x**2 + 10*y**2", (-3.0, 3.0, -3.0, 3.0), (-2.6, 1.2), ((0.0, 0.0),), 0.08),
    "saddle": Surface(
        "f = x**2 - y**2 + y**4/4", (-2.5, 2.5, -2.5, 2.5), (-2.0, 0.01), ((0.0, -(2**0.5)), (0.0, 2**0.5)), 0.05
    ),
    "rosenbrock": Surface(
        "f = (1 - x)**2 + 100*(y - x**2)**2", (-2.0, 2.0, -1.0, 3.0), (-1.2, 1.0), ((1.0, 1.0),), 0.001
    ),
    "beale": Surface(
        "f = (1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
        (-4.5, 4.5, -4.5, 4.5),
        (1.0, 1.5),
        ((3.0, 0.5),),
        0.01,
    ),
    "himmelblau": Surface(
        "f = (x**2 + y - 11)**2 + (x + y**2 - 7)**2",
        (-5.0, 5.0, -5.0, 5.0),
        (0.0, -1.0),
        ((3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)),
        0.01,
    ),
}
