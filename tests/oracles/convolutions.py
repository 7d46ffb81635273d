"""A pass through a network of convolutions in float64, forward and backward: the sum over the places of a window.

A window is odd, and a map is rimmed by half of it, so that it stays as large, or has every s-th place.

Shapes: B batch, C maps that enter, O maps that leave; x (B, C, H, W), z (B, O, H/s, W/s) rounded up, W (O, C, m, m).
A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liuli.oracles.loops import Array


class Pass:
    """What was computed so far, by name.

    Args:
        weights: every parameter and buffer by its PyTorch name.
    """

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.values: dict[str, Array] = {}
        self.seen: dict[str, Array] = {}

    def keep(self, name: str, value: Array) -> Array:
        """Note the value of that name."""
        self.values[name] = value
        return value

    def convolution(self, name: str, x: Array, stride: int = 1) -> Array:
        """z[n,o,i,j] = b[o] + Σ_c Σ_u Σ_v W[o,c,u,v] · x[n,c, s·i+u−p, s·j+v−p], p half the window.

        Without a bias b is 0.
        """
        self.seen[name] = x
        weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias", np.zeros(1))
        window = weight.shape[2]
        padded, z = rimmed(x, window), bias[None, :, None, None]
        for u, v, rows, columns in places(x, window, stride):
            z = z + np.einsum("oc,ncij->noij", weight[:, :, u, v], padded[:, :, rows, columns])
        return self.keep(name, z)

    def back_through_convolution(self, name: str, dz: Array, stride: int = 1) -> Array:
        """The gradient by x, from that by z."""
        x, weight = self.seen[name], self.weights[f"{name}.weight"]
        window = weight.shape[2]
        padded = rimmed(x, window)
        d_weight, d_padded = np.zeros_like(weight), np.zeros_like(padded)
        for u, v, rows, columns in places(x, window, stride):
            d_weight[:, :, u, v] = np.einsum("noij,ncij->oc", dz, padded[:, :, rows, columns])
            d_padded[:, :, rows, columns] += np.einsum("oc,noij->ncij", weight[:, :, u, v], dz)
        self.keep(f"gradient of {name}", dz)
        self.keep(f"gradient of {name}.weight", d_weight)
        if f"{name}.bias" in self.weights:
            self.keep(f"gradient of {name}.bias", dz.sum((0, 2, 3)))
        rim = window // 2
        return d_padded[:, :, rim : rim + x.shape[2], rim : rim + x.shape[3]]


def places(x: Array, window: int, stride: int) -> Iterator[tuple[int, int, slice, slice]]:
    """For each place (u, v) of a window: which rows and columns of the rimmed x stand under it."""
    ends = [(-(-size // stride) - 1) * stride + 1 for size in x.shape[2:]]
    for u, v in np.ndindex(window, window):
        yield u, v, slice(u, u + ends[0], stride), slice(v, v + ends[1], stride)


def rimmed(x: Array, window: int, value: float = 0.0) -> Array:
    """With a rim of half the window."""
    rim = window // 2
    return np.pad(x, ((0, 0), (0, 0), (rim, rim), (rim, rim)), constant_values=value)


def relu(z: Array) -> Array:
    """z where it is positive, else 0."""
    return np.where(z > 0, z, 0.0)
