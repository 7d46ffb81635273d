"""The same numbers in another shape: the rule of each is the way back."""

from __future__ import annotations

import numpy as np

from liuli.scratch.tape import Tensor, record


def reshape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The numbers in the same order, cut into other rows; one length may be −1, for what is left."""
    return record("reshape", x.value.reshape(shape), (x, lambda upstream: upstream.reshape(x.value.shape)))


def transpose(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Axis i of the result is axis `axes[i]` of x, as in `numpy.transpose`; back by the inverse order."""
    back = np.argsort(axes)
    return record("transpose", x.value.transpose(axes), (x, lambda upstream: upstream.transpose(back)))


def pad(x: Tensor, rim: int) -> Tensor:
    """A rim of zeros around pictures; the zeros' gradient goes nowhere.

    Shapes: (…, H, W) → (…, H + 2·rim, W + 2·rim)
    """
    height, width = x.value.shape[-2:]
    inside = (..., slice(rim, rim + height), slice(rim, rim + width))
    y = np.zeros((*x.value.shape[:-2], height + 2 * rim, width + 2 * rim), x.value.dtype)
    y[inside] = x.value
    return record("pad", y, (x, lambda upstream: upstream[inside]))
