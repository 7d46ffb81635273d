"""Pooling: each window of a map becomes one number, so that it is kept what was found, but not exactly where.

The windows lie side by side, `size` × `size`; what is left over at the right and at the bottom is dropped.

Shapes: (B, C, H, W) → (B, C, H′, W′) with H′ = H // size, W′ = W // size
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from liuli.scratch.tape import Array, Tensor, record


def max_pool(x: Tensor, size: int) -> Tensor:
    """y = the largest number of the window. Only that one made y, so it alone gets the gradient.

    Where several are the largest, the first of them (row by row) gets it.
    """
    corners = places_in_window(x.value, size)
    y = reduce(np.maximum, corners)  # (B, C, H′, W′)

    def rule(upstream: Array) -> Array:
        share = np.zeros_like(x.value)
        left = upstream
        for place, number in zip(places_in_window(share, size), corners, strict=True):
            place[...] = left * (number == y)
            left = left - place  # what one has taken, the next does not get
        return share

    return record("max_pool", y, (x, rule))


def average_pool(x: Tensor, size: int) -> Tensor:
    """y = the mean of the window, so each of its size² numbers gets 1/size² of the gradient."""
    y = reduce(np.add, places_in_window(x.value, size)) / size**2  # (B, C, H′, W′)

    def rule(upstream: Array) -> Array:
        share = np.zeros_like(x.value)
        for place in places_in_window(share, size):
            place[...] = upstream / size**2
        return share

    return record("average_pool", y, (x, rule))


def places_in_window(x: Array, size: int) -> list[Array]:
    """For each of the size² places in a window, its numbers in all windows: views (B, C, H′, W′), row by row."""
    height, width = (length - length % size for length in x.shape[2:])
    return [x[:, :, row:height:size, column:width:size] for row, column in np.ndindex(size, size)]
