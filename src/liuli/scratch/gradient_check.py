"""The numeric gradient: slow, nearly exact, and so simple that it can be trusted to check the rest.

Move one number a little to either side, and see how much the result moves:

    ∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / 2h

By Taylor, f(x ± h) = f ± h f′ + h²/2 f″ ± h³/6 f‴ + …; in the difference all even terms cancel, and what is left
is wrong by h²/6 f‴ (with one side only, by h/2 f″). Rounding is wrong by about ε|f|/h, and grows as h falls. The two
are in balance near h = ε^⅓: 6·10⁻⁶ in float64, with an error near 10⁻¹⁰.

Wherever f has a bend (ReLU at 0, two equal numbers in a pooling window), the two sides disagree, and there is no
gradient to be found.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from liuli.scratch.operations import sum
from liuli.scratch.tape import Array, Tensor

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)


def numeric_gradient(f: Callable[[NDArray[np.float64]], float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """∂f/∂x by central differences: two calls of f for every number in x.

    Shapes: x any, kept. f gives a single number, and leaves x as it is.
    """
    x = x.copy()
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        here = x[place]
        x[place] = here + STEP
        above = f(x)
        x[place] = here - STEP
        below = f(x)
        x[place] = here
        gradient[place] = (above - below) / (2 * STEP)
    return gradient


def check_gradients(operation: Callable[..., Tensor], *arrays: NDArray[np.float64], tolerance: float = 1e-6) -> float:
    """Hold every rule of `operation` against the numeric gradient; returns the largest relative error.

    An operation with many results is checked through one number, their sum with weights drawn at random, so that
    no two results can stand in for one another.

    Args:
        operation: takes as many tensors as there are arrays, and returns a tensor; the same each time.
        arrays: float64.
        tolerance: the largest ‖a − n‖ / (‖a‖ + ‖n‖) allowed between gradient a and numeric gradient n.

    Raises:
        AssertionError: a gradient differs by more.
    """
    weights = np.random.default_rng(0).uniform(0.5, 1.5, operation(*map(Tensor, arrays)).value.shape)

    def loss(*tensors: Tensor) -> Tensor:
        return sum(operation(*tensors) * weights)

    tensors = [Tensor(array) for array in arrays]
    loss(*tensors).backward()
    worst = 0.0
    for number, tensor in enumerate(tensors):

        def of_this_one(x: NDArray[np.float64], number: int = number) -> float:
            changed = [*arrays[:number], x, *arrays[number + 1 :]]
            return float(loss(*map(Tensor, changed)).value)

        expected = numeric_gradient(of_this_one, arrays[number])
        found: Array = np.zeros_like(expected) if tensor.gradient is None else tensor.gradient
        scale = np.linalg.norm(found) + np.linalg.norm(expected)
        error = float(np.linalg.norm(found - expected) / scale) if scale else 0.0
        assert error <= tolerance, f"argument {number}: gradient\n{found}\nnumeric gradient\n{expected}"
        worst = max(worst, error)
    return worst
