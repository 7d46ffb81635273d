"""Convolution: one small window of weights, slid over the whole picture.

    y[b,o,i,j] = bias[o] + Σ_c Σ_u Σ_v W[o,c,u,v] · x[b,c,i+u,j+v]

Every place (i, j) of the map is the same sum of products, taken of another window of the picture. (The
field's word is convolution, though the window is not turned around first as in mathematics.)

It is here twice: `convolution_loops` as the formula says it, to be read; `convolution`, which makes one
matrix product of it, to be used. The tests hold them equal.

Shapes: B pictures, C channels, O maps, window kh × kw
    x (B, C, H, W), weight (O, C, kh, kw), bias (O) → (B, O, H′, W′) with H′ = H − kh + 1, W′ = W − kw + 1
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from liuli.scratch.tape import Array, Tensor, record


def convolution_loops(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The formula, one output number after the other. Slow, and nothing is hidden.

    Backward, each y[b,o,i,j] gives back what it was made of: its window of x gets G[b,o,i,j] times the
    weights, the weights get G[b,o,i,j] times the window, the bias gets G[b,o,i,j].
    """
    kernel_height, kernel_width = weight.value.shape[2:]
    pictures, _, height, width = x.value.shape
    maps = len(weight.value)
    y = np.empty((pictures, maps, height - kernel_height + 1, width - kernel_width + 1), x.value.dtype)

    def places() -> Iterator[tuple[int, int, int, int, tuple[slice, slice]]]:
        for b, o, i, j in np.ndindex(y.shape):
            yield b, o, i, j, (slice(i, i + kernel_height), slice(j, j + kernel_width))

    for b, o, i, j, window in places():
        y[b, o, i, j] = bias.value[o] + np.sum(weight.value[o] * x.value[b, :, *window])

    def rule_x(upstream: Array) -> Array:
        share = np.zeros_like(x.value)
        for b, o, i, j, window in places():
            share[b, :, *window] += upstream[b, o, i, j] * weight.value[o]
        return share

    def rule_weight(upstream: Array) -> Array:
        share = np.zeros_like(weight.value)
        for b, o, i, j, window in places():
            share[o] += upstream[b, o, i, j] * x.value[b, :, *window]
        return share

    def rule_bias(upstream: Array) -> Array:
        share = np.zeros_like(bias.value)
        for b, o, i, j, _ in places():
            share[o] += upstream[b, o, i, j]
        return share

    return record("convolution_loops", y, (x, rule_x), (weight, rule_weight), (bias, rule_bias))


def convolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same by one matrix product.

    Write each window of the picture as a column of C·kh·kw numbers, and each kernel as a row of the same length
    (*im2col*). Then a number of the map is a row times a column:

        Y = K · columns + b        kernels K (O, C·kh·kw),  columns (C·kh·kw, H′·W′)

    which is a dense layer, with a dense layer's rules. Row (c, u, v) of the columns is what the weight W[·,c,u,v]
    meets as its window slides: channel c of the picture, shifted by (u, v). Going backward, each such row is
    added back to the place that it was shifted from.
    """
    pictures, _, height, width = x.value.shape
    maps, _, kernel_height, kernel_width = weight.value.shape
    out_height, out_width = height - kernel_height + 1, width - kernel_width + 1

    shifted = sliding_window_view(x.value, (out_height, out_width), (2, 3))  # (B, C, kh, kw, H′, W′), a view
    columns = shifted.reshape(pictures, -1, out_height * out_width)  # (B, C·kh·kw, H′·W′), a copy
    kernels = weight.value.reshape(maps, -1)  # (O, C·kh·kw)
    y = kernels @ columns  # (B, O, H′·W′)
    y += bias.value[:, None]

    def rule_x(upstream: Array) -> Array:
        shares = kernels.T @ upstream.reshape(y.shape)  # (B, C·kh·kw, H′·W′)
        shares = shares.reshape(shifted.shape)  # (B, C, kh, kw, H′, W′)
        share = np.zeros_like(x.value)  # (B, C, H, W)
        for u, v in np.ndindex(kernel_height, kernel_width):
            share[:, :, u : u + out_height, v : v + out_width] += shares[:, :, u, v]
        return share

    def rule_weight(upstream: Array) -> Array:
        shares = upstream.reshape(y.shape) @ columns.mT  # (B, O, C·kh·kw)
        share: Array = shares.sum(axis=0).reshape(weight.value.shape)  # (O, C, kh, kw)
        return share

    def rule_bias(upstream: Array) -> Array:
        share: Array = upstream.sum(axis=(0, 2, 3))  # (O)
        return share

    maps_of_pictures = y.reshape(pictures, maps, out_height, out_width)  # (B, O, H′, W′)
    return record("convolution", maps_of_pictures, (x, rule_x), (weight, rule_weight), (bias, rule_bias))
