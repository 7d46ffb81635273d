# mypy: ignore-errors
"""W x + b for one vector, compiled by Numba; see `dense`.

All of W is read for it, once, so that it takes as long as that: PyTorch's product (MKL) reads at half the speed that
one core can. Four rows side by side keep more of what is read under way.

Shapes: W (M, N), x (N,), b and y (M,), all float32
"""

from __future__ import annotations

import numpy as np
from numba import njit


# Sums in any order, so that they run in vector registers; infinities and NaN stay what they are.
@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def product(W, x, b, y):
    """Write W x + b into y."""
    zero = np.float32(0)
    whole = len(W) - len(W) % 4
    for row in range(0, whole, 4):
        s0 = s1 = s2 = s3 = zero
        for column in range(len(x)):
            one = x[column]
            s0 += W[row, column] * one
            s1 += W[row + 1, column] * one
            s2 += W[row + 2, column] * one
            s3 += W[row + 3, column] * one
        y[row], y[row + 1], y[row + 2], y[row + 3] = s0 + b[row], s1 + b[row + 1], s2 + b[row + 2], s3 + b[row + 3]
    for row in range(whole, len(W)):
        total = zero
        for column in range(len(x)):
            total += W[row, column] * x[column]
        y[row] = total + b[row]
