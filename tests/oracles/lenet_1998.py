"""LeNet-5 as printed in 1998, forward and backward by hand in float64 loops, written from the paper.

LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition, 1998. The
bitmaps of the output layer are not the paper's (it prints them as a figure) and are taken as given;
which map of C3 sees which of S2 is read from table I here once more.

Shapes: B batch, K classes; pictures (B, 1, 32, 32), c1 (B, 6, 28, 28), s2 (B, 6, 14, 14),
c3 (B, 16, 10, 10), s4 (B, 16, 5, 5), c5 (B, 120, 1, 1), f6 (B, 84), scores (B, K). Values under a layer's
name are before the squashing. A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array, correlate, cross_entropy, gradient_of_kernel, gradient_of_map

A, S = 1.7159, 2 / 3  # appendix A

TABLE_I = [  # rows: maps of S2; columns: maps of C3; an X where they are connected
    "X . . . X X X . . X X X X . X X",
    "X X . . . X X X . . X X X X . X",
    "X X X . . . X X X . . X . X X X",
    ". X X X . . X X X X . . X . X X",
    ". . X X X . . X X X X . X X . X",
    ". . . X X X . . X X X X . X X X",
]
CONNECTED = np.array([row.split() for row in TABLE_I]) == "X"  # (6, 16)
EVERY = np.ones((16, 120), dtype=bool)  # C5 sees all of S4
ONE = np.ones((1, 6), dtype=bool)  # C1 sees the picture


def values(weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    kernels = {  # (outgoing, incoming, 5, 5); where C3 is not connected the kernel is 0 and never read
        "c1": weights["c1.weight"],
        "c3": laid_out(weights["c3.weight"]),
        "c5": weights["c5.weight"],
    }
    ink = -0.1 + inputs * (1.175 - -0.1)  # section II.B: paper is −0.1, ink is 1.175
    c1 = convolution(ink, kernels["c1"], weights["c1.bias"], ONE)
    s2 = subsampling(squash(c1), weights["s2.coefficient"], weights["s2.bias"])
    c3 = convolution(squash(s2), kernels["c3"], weights["c3.bias"], CONNECTED)
    s4 = subsampling(squash(c3), weights["s4.coefficient"], weights["s4.bias"])
    c5 = convolution(squash(s4), kernels["c5"], weights["c5.bias"], EVERY)
    a5 = squash(c5).reshape(len(c5), 120)
    f6 = np.array(
        [[np.sum(w * a) + b for w, b in zip(weights["f6.weight"], weights["f6.bias"], strict=True)] for a in a5]
    )
    bitmaps, a6 = weights["bitmaps"], squash(f6)
    distances = np.array([[np.sum((a - bitmap) ** 2) for bitmap in bitmaps] for a in a6])  # equation 7
    loss, d_scores = cross_entropy(-distances, labels)  # equation 9 with j → ∞

    d_a6 = np.zeros_like(a6)
    for n, k in np.ndindex(d_scores.shape):
        d_a6[n] += d_scores[n, k] * -2 * (a6[n] - bitmaps[k])
    d_f6 = d_a6 * slope(f6)
    d_c5 = (d_f6 @ weights["f6.weight"]).reshape(c5.shape) * slope(c5)
    d_s4 = gradient_of_maps(kernels["c5"], d_c5, EVERY) * slope(s4)
    d_c3 = spread(d_s4, weights["s4.coefficient"]) * slope(c3)
    d_s2 = gradient_of_maps(kernels["c3"], d_c3, CONNECTED) * slope(s2)
    d_c1 = spread(d_s2, weights["s2.coefficient"]) * slope(c1)

    outputs = {"c1": c1, "s2": s2, "c3": c3, "s4": s4, "c5": c5, "f6": f6, "forward": -distances}
    by_output = {"c1": d_c1, "s2": d_s2, "c3": d_c3, "s4": d_s4, "c5": d_c5, "f6": d_f6, "forward": d_scores}
    by_parameter = {
        "c1.weight": gradient_of_kernels(ink, d_c1, ONE),
        "s2.coefficient": np.sum(sums(squash(c1)) * d_s2, axis=(0, 2, 3)).reshape(6, 1, 1),
        "c3.weight": in_a_row(gradient_of_kernels(squash(s2), d_c3, CONNECTED)),
        "s4.coefficient": np.sum(sums(squash(c3)) * d_s4, axis=(0, 2, 3)).reshape(16, 1, 1),
        "c5.weight": gradient_of_kernels(squash(s4), d_c5, EVERY),
        "f6.weight": sum(np.outer(d, a) for d, a in zip(d_f6, a5, strict=True)),
        "f6.bias": np.sum(d_f6, axis=0),
    }
    for name in ("c1", "s2", "c3", "s4", "c5"):
        by_parameter[f"{name}.bias"] = np.sum(by_output[name], axis=(0, 2, 3)).reshape(weights[f"{name}.bias"].shape)
    gradients = {f"gradient of {name}": gradient for name, gradient in (by_output | by_parameter).items()}
    return outputs | {"loss": loss} | gradients


def squash(a: Array) -> Array:
    """f(a) = A tanh(S a), equation 6."""
    return A * np.tanh(S * a)


def slope(a: Array) -> Array:
    """f′(a) = A S (1 − tanh²(S a))."""
    return A * S * (1 - np.tanh(S * a) ** 2)


def laid_out(weight: Array) -> Array:
    """The 60 kernels of C3, one map of C3 after the other, as (16, 6, 5, 5)."""
    kernels = np.zeros((16, 6, 5, 5))
    kernels[CONNECTED.T] = weight
    return kernels


def in_a_row(kernels: Array) -> Array:
    """The 60 kernels out of (16, 6, 5, 5) again: (60, 5, 5)."""
    return kernels[CONNECTED.T]


def convolution(x: Array, kernels: Array, bias: Array, connected: NDArray[np.bool_]) -> Array:
    """Each outgoing map o: bias[o] + the sum over the maps c that it is connected to of kernel[o,c] slid over x[c]."""
    z = np.zeros((len(x), len(kernels), x.shape[2] - 4, x.shape[3] - 4))
    for n, o in np.ndindex(z.shape[:2]):
        z[n, o] = bias[o] + sum(correlate(x[n, c], kernels[o, c]) for c in np.flatnonzero(connected[:, o]))
    return z


def gradient_of_kernels(x: Array, dz: Array, connected: NDArray[np.bool_]) -> Array:
    """The gradient by kernel[o,c], summed over the batch; 0 where there is no connection."""
    gradient = np.zeros((dz.shape[1], x.shape[1], 5, 5))
    for c, o in np.argwhere(connected):
        gradient[o, c] = sum(gradient_of_kernel(x[n, c], dz[n, o]) for n in range(len(x)))
    return gradient


def gradient_of_maps(kernels: Array, dz: Array, connected: NDArray[np.bool_]) -> Array:
    """The gradient by x[n,c], summed over the outgoing maps that see it."""
    gradient = np.zeros((len(dz), len(connected), dz.shape[2] + 4, dz.shape[3] + 4))
    for n, (c, o) in ((n, pair) for n in range(len(dz)) for pair in np.argwhere(connected)):
        gradient[n, c] += gradient_of_map(kernels[o, c], dz[n, o])
    return gradient


def sums(x: Array) -> Array:
    """The sum of each 2 × 2 window: (B, C, H / 2, W / 2)."""
    return x[..., 0::2, 0::2] + x[..., 0::2, 1::2] + x[..., 1::2, 0::2] + x[..., 1::2, 1::2]


def subsampling(x: Array, coefficient: Array, bias: Array) -> Array:
    """The sum of each 2 × 2 window, times the map's coefficient, plus the map's bias (section II.B, layer S2)."""
    return np.stack([sums(x[:, c]) * coefficient[c].item() + bias[c].item() for c in range(x.shape[1])], axis=1)


def spread(gradient: Array, coefficient: Array) -> Array:
    """Each of a window's four inputs gets the window's gradient times the map's coefficient."""
    return np.repeat(np.repeat(gradient * coefficient.reshape(1, -1, 1, 1), 2, axis=2), 2, axis=3)
