"""Functions of each number by itself: exponential, logarithm, and the activations.

An activation bends the sum that a neuron computes. Without it, a stack of layers would be no more
than one layer: a product of matrices is a matrix.

Each works element by element, so y has the shape of x, and the rule multiplies the upstream
gradient by the derivative at each element. Where the derivative can be said by y, it is: y is
already there.
"""

from __future__ import annotations

import numpy as np

from liuli.scratch.tape import Tensor, record


def exp(x: Tensor) -> Tensor:
    """y = eˣ, so dy/dx = eˣ = y."""
    y = np.exp(x.value)
    return record("exp", y, (x, lambda upstream: upstream * y))


def log(x: Tensor) -> Tensor:
    """y = ln x, so dy/dx = 1/x."""
    return record("log", np.log(x.value), (x, lambda upstream: upstream / x.value))


def sigmoid(x: Tensor) -> Tensor:
    """y = σ(x) = 1 / (1 + e⁻ˣ), in (0, 1); dy/dx = y(1 − y).

    By the chain rule dy/dx = e⁻ˣ / (1 + e⁻ˣ)² = 1/(1 + e⁻ˣ) · e⁻ˣ/(1 + e⁻ˣ), and the second factor is
    1 − y. It is at most ¼, at x = 0, and nearly nothing for |x| > 5: there the neuron is *saturated*
    and hardly learns.
    """
    with np.errstate(over="ignore"):  # e⁻ˣ may overflow to ∞, and 1/(1 + ∞) = 0 is the right answer
        y = 1 / (1 + np.exp(-x.value))
    return record("sigmoid", y, (x, lambda upstream: upstream * y * (1 - y)))


def tanh(x: Tensor) -> Tensor:
    """y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), in (−1, 1); dy/dx = 1 − y². It is 2σ(2x) − 1."""
    y = np.tanh(x.value)
    return record("tanh", y, (x, lambda upstream: upstream * (1 - y * y)))


def relu(x: Tensor) -> Tensor:
    """y = max(x, 0), the rectified linear unit; dy/dx = 1 where x > 0, else 0.

    At x = 0 there is no derivative; 0 is the custom. A unit whose x is negative for every example gets
    no gradient at all and stays so: a dead ReLU.
    """
    y = np.maximum(x.value, 0)
    return record("relu", y, (x, lambda upstream: upstream * (y > 0)))
