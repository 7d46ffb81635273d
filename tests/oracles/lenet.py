"""LeNet-5 in today's reading, forward and backward by hand in float64 loops.

Shapes: B batch, K classes; pictures (B, 1, 32, 32), c1 (B, 6, 28, 28), s2 (B, 6, 14, 14),
c3 (B, 16, 10, 10), s4 (B, 16, 5, 5), c5 (B, 120), f6 (B, 84), output (B, K). Values under a layer's name
are before the ReLU. A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array, correlate, cross_entropy, gradient_of_kernel, gradient_of_map

DENSE = ("c5", "f6", "output")


def values(weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    c1 = convolution(inputs, weights["c1.weight"], weights["c1.bias"])
    s2, chosen2 = pooling(relu(c1))
    c3 = convolution(s2, weights["c3.weight"], weights["c3.bias"])
    s4, chosen4 = pooling(relu(c3))
    c5 = dense(s4.reshape(len(s4), -1), weights["c5.weight"], weights["c5.bias"])
    f6 = dense(relu(c5), weights["f6.weight"], weights["f6.bias"])
    output = dense(relu(f6), weights["output.weight"], weights["output.bias"])
    loss, d_output = cross_entropy(output, labels)

    d_f6 = (d_output @ weights["output.weight"]) * (f6 > 0)
    d_c5 = (d_f6 @ weights["f6.weight"]) * (c5 > 0)
    d_s4 = (d_c5 @ weights["c5.weight"]).reshape(s4.shape)
    d_c3 = spread(d_s4, chosen4) * (c3 > 0)
    d_s2 = gradient_of_maps(weights["c3.weight"], d_c3)
    d_c1 = spread(d_s2, chosen2) * (c1 > 0)

    result = {"c1": c1, "c3": c3, "c5": c5, "f6": f6, "output": output, "forward": output, "loss": loss}
    gradients = {"c1": d_c1, "c3": d_c3, "c5": d_c5, "f6": d_f6, "output": d_output, "forward": d_output}
    result |= {f"gradient of {name}": gradient for name, gradient in gradients.items()}
    seen = {"c1": inputs, "c3": s2, "c5": s4.reshape(len(s4), -1), "f6": relu(c5), "output": relu(f6)}
    for name, x in seen.items():
        result[f"gradient of {name}.weight"] = (
            gradients[name].T @ x if name in DENSE else gradient_of_kernels(x, gradients[name])
        )
        axes = 0 if name in DENSE else (0, 2, 3)
        result[f"gradient of {name}.bias"] = np.sum(gradients[name], axis=axes)
    return result


def relu(z: Array) -> Array:
    """z where it is positive, else 0."""
    return np.where(z > 0, z, 0.0)


def dense(x: Array, weight: Array, bias: Array) -> Array:
    """z[n,o] = bias[o] + Σ_i weight[o,i] · x[n,i]."""
    return np.array([[bias[o] + np.sum(weight[o] * row) for o in range(len(weight))] for row in x])


def convolution(x: Array, weight: Array, bias: Array) -> Array:
    """z[n,o] = bias[o] + Σ_c weight[o,c] slid over x[n,c]: (B, C, H, W) and (O, C, 5, 5) to (B, O, H − 4, W − 4)."""
    return np.array(
        [
            [bias[o] + sum(correlate(x[n, c], weight[o, c]) for c in range(x.shape[1])) for o in range(len(weight))]
            for n in range(len(x))
        ]
    )


def gradient_of_kernels(x: Array, dz: Array) -> Array:
    """The gradient by weight[o,c], summed over the batch."""
    return np.array(
        [
            [sum(gradient_of_kernel(x[n, c], dz[n, o]) for n in range(len(x))) for c in range(x.shape[1])]
            for o in range(dz.shape[1])
        ]
    )


def gradient_of_maps(weight: Array, dz: Array) -> Array:
    """The gradient by x[n,c], summed over the maps that the convolution makes of it."""
    return np.array(
        [
            [sum(gradient_of_map(weight[o, c], dz[n, o]) for o in range(len(weight))) for c in range(weight.shape[1])]
            for n in range(len(dz))
        ]
    )


def pooling(x: Array) -> tuple[Array, Array]:
    """The largest of each 2 × 2 window: (B, C, H / 2, W / 2); and, in the shape of x, 1 where it was taken from."""
    pooled, chosen = np.zeros((*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)), np.zeros_like(x)
    for n, c, i, j in np.ndindex(pooled.shape):
        window = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        u, v = divmod(int(np.argmax(window)), 2)
        pooled[n, c, i, j] = window[u, v]
        chosen[n, c, 2 * i + u, 2 * j + v] = 1
    return pooled, chosen


def spread(gradient: Array, chosen: Array) -> Array:
    """Hand each window's gradient to the element that was the largest; the others get 0."""
    return np.repeat(np.repeat(gradient, 2, axis=2), 2, axis=3) * chosen
