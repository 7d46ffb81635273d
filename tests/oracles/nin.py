"""Network in network, forward and backward by hand in float64 NumPy.

A convolution is the sum over the places of its window, and a convolution whose window is one pixel is what the paper
says it is: one matrix times the vector of each pixel. A rim of zeros counts in a mean, and never is the largest.

Shapes: B batch, K classes; pictures (B, 3, 32, 32), block1 (B, n/2, 32, 32), block2 (B, n, 16, 16),
block3 (B, K, 8, 8).
Values under a layer's name are before the ReLU. A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array, cross_entropy

KEPT = 0.5  # share that dropout keeps


class Pass:
    """One pass: values by name, and what each layer was given."""

    def __init__(self, weights: dict[str, Array], kept: dict[str, Array] | None) -> None:
        self.weights = weights
        self.kept = kept
        self.values: dict[str, Array] = {}
        self.given: dict[str, Array] = {}

    def layer(self, name: str, x: Array) -> Array:
        """z[n,o,i,j] = b[o] + Σ_c Σ_u Σ_v W[o,c,u,v] · x[n,c,i+u−r,j+v−r], r half the window."""
        weight = self.weights[f"{name}.weight"]
        z = np.zeros((len(x), len(weight), *x.shape[2:])) + self.weights[f"{name}.bias"][:, None, None]
        for u, v, under in places(x, weight.shape[2]):
            for n in range(len(x)):
                pixels = under[n].reshape(len(under[n]), -1)  # (C, H·W): a column a pixel
                z[n] += (weight[:, :, u, v] @ pixels).reshape(z[n].shape)
        self.given[name] = x
        self.values[name] = z
        return z

    def back(self, name: str, dz: Array) -> Array:
        """The gradient by what the layer was given."""
        x, weight = self.given[name], self.weights[f"{name}.weight"]
        size = weight.shape[2]
        rim, height, width = size // 2, *x.shape[2:]
        d_weight, wide = np.zeros_like(weight), np.zeros((*x.shape[:2], height + 2 * rim, width + 2 * rim))
        for u, v, under in places(x, size):
            for n in range(len(x)):
                flat = dz[n].reshape(len(dz[n]), -1)  # (O, H·W)
                d_weight[:, :, u, v] += flat @ under[n].reshape(len(under[n]), -1).T
                wide[n, :, u : u + height, v : v + width] += (weight[:, :, u, v].T @ flat).reshape(x[n].shape)
        self.values[f"gradient of {name}"] = dz
        self.values[f"gradient of {name}.weight"] = d_weight
        self.values[f"gradient of {name}.bias"] = dz.sum((0, 2, 3))
        return wide[:, :, rim : rim + height, rim : rim + width]

    def block(self, name: str, x: Array) -> Array:
        """A convolution and two layers at each pixel."""
        a = positive(self.layer(f"{name}.window", x))
        c = positive(self.layer(f"{name}.mix1", a))
        self.values[name] = self.layer(f"{name}.mix2", c)
        return self.values[name]

    def back_through_block(self, name: str, d_block: Array) -> Array:
        """The gradient by what the block was given."""
        self.values[f"gradient of {name}"] = d_block
        d_c = self.back(f"{name}.mix2", d_block) * (self.values[f"{name}.mix1"] > 0)
        d_a = self.back(f"{name}.mix1", d_c) * (self.values[f"{name}.window"] > 0)
        return self.back(f"{name}.window", d_a)

    def dropped(self, name: str, x: Array) -> Array:
        """m ⊙ x / kept with the mask that was drawn; x where dropout is off."""
        self.values[name] = x if self.kept is None else x * self.kept[name] / KEPT
        return self.values[name]

    def back_through_dropped(self, name: str, dy: Array) -> Array:
        """The gradient by what dropout was given."""
        self.values[f"gradient of {name}"] = dy
        return dy if self.kept is None else dy * self.kept[name] / KEPT


def values(
    weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64], kept: dict[str, Array] | None = None
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    run = Pass(weights, kept)
    block1 = run.block("block1", inputs)
    first, largest = max_pooling(positive(block1))
    block2 = run.block("block2", run.dropped("dropout1", first))
    maps = run.block("block3", run.dropped("dropout2", mean_pooling(positive(block2))))
    scores = run.values["forward"] = maps.mean((2, 3))
    run.values["loss"], d_scores = cross_entropy(scores, labels)

    run.values["gradient of forward"] = d_scores
    each = d_scores / (maps.shape[2] * maps.shape[3])
    d_maps = np.broadcast_to(each[:, :, None, None], maps.shape)
    d_second = run.back_through_dropped("dropout2", run.back_through_block("block3", d_maps))
    d_block2 = spread_evenly(d_second, block2.shape) * (block2 > 0)
    d_first = run.back_through_dropped("dropout1", run.back_through_block("block2", d_block2))
    d_block1 = np.zeros_like(block1)
    for place, chosen in np.ndenumerate(largest):
        d_block1[(*place[:2], *divmod(int(chosen), block1.shape[3]))] += d_first[place]
    run.back_through_block("block1", d_block1 * (block1 > 0))
    return run.values


def positive(z: Array) -> Array:
    """ReLU."""
    return np.where(z > 0, z, 0.0)


def places(x: Array, size: int) -> list[tuple[int, int, Array]]:
    """For each place (u, v) of a window: the pixels that stand under it, of a picture with a rim of zeros."""
    rim, height, width = size // 2, *x.shape[2:]
    wide = np.pad(x, ((0, 0), (0, 0), (rim, rim), (rim, rim)))
    return [(u, v, wide[:, :, u : u + height, v : v + width]) for u in range(size) for v in range(size)]


def window_of(i: int, j: int, height: int, width: int) -> tuple[slice, slice]:
    """The pixels of a picture in the 3 × 3 window about (2i, 2j)."""
    return slice(max(0, 2 * i - 1), min(height, 2 * i + 2)), slice(max(0, 2 * j - 1), min(width, 2 * j + 2))


def max_pooling(x: Array) -> tuple[Array, NDArray[np.int64]]:
    """The largest of each 3 × 3 window, two pixels apart, and where in its map it was: (B, C, H/2, W/2)."""
    height, width = x.shape[2:]
    pooled = np.zeros((*x.shape[:2], height // 2, width // 2))
    chosen = np.zeros(pooled.shape, np.int64)
    for n, c, i, j in np.ndindex(pooled.shape):
        rows, columns = window_of(i, j, height, width)
        inside = x[n, c, rows, columns]
        u, v = divmod(int(np.argmax(inside)), inside.shape[1])
        pooled[n, c, i, j] = inside[u, v]
        chosen[n, c, i, j] = (rows.start + u) * width + columns.start + v
    return pooled, chosen


def mean_pooling(x: Array) -> Array:
    """A ninth of the sum of each 3 × 3 window, two pixels apart: (B, C, H/2, W/2)."""
    height, width = x.shape[2:]
    pooled = np.zeros((*x.shape[:2], height // 2, width // 2))
    for i, j in np.ndindex(pooled.shape[2:]):
        pooled[:, :, i, j] = x[:, :, *window_of(i, j, height, width)].sum((2, 3)) / 9
    return pooled


def spread_evenly(gradient: Array, shape: tuple[int, ...]) -> Array:
    """A ninth of each window's gradient to every pixel in it."""
    dx = np.zeros(shape)
    for i, j in np.ndindex(gradient.shape[2:]):
        rows, columns = window_of(i, j, *shape[2:])
        dx[:, :, rows, columns] += gradient[:, :, i, j, None, None] / 9
    return dx
