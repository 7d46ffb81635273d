"""Many numbers into one: sum and mean, over all axes or some."""

from __future__ import annotations

import numpy as np

from liuli.scratch.tape import Array, Tensor, record

Axes = int | tuple[int, ...] | None
"""The axes that are summed away; None: all of them."""


def sum(x: Tensor, axis: Axes = None) -> Tensor:
    """y = Σᵢ xᵢ, so ∂y/∂xᵢ = 1: the upstream gradient goes, unchanged, to every number that was summed."""

    def rule(upstream: Array) -> Array:
        return np.broadcast_to(np.expand_dims(upstream, summed_axes(x, axis)), x.value.shape)

    return record("sum", np.asarray(x.value.sum(axis)), (x, rule))


def mean(x: Tensor, axis: Axes = None) -> Tensor:
    """y = (1/n) Σᵢ xᵢ, so ∂y/∂xᵢ = 1/n."""
    total = sum(x, axis)
    return total * (total.value.size / x.value.size)


def summed_axes(x: Tensor, axis: Axes) -> tuple[int, ...]:
    """The axes by number."""
    if axis is None:
        return tuple(range(x.value.ndim))
    return axis if isinstance(axis, tuple) else (axis,)
