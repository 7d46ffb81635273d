"""The perceptron's score, the perceptron criterion and its gradients, by hand in float64 loops.

Shapes: B batch, d features; inputs (B, d), forward (B, 1). A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array


def values(weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Scores, the loss, and every gradient; see `liuli.oracles`."""
    (w,), (b,) = weights["weight"], weights["bias"]
    count = len(inputs)
    forward, d_forward = np.zeros((count, 1)), np.zeros((count, 1))
    loss, d_w, d_b = 0.0, np.zeros_like(w), 0.0
    for n, (x, label) in enumerate(zip(inputs, labels, strict=True)):
        y = 1 if label == 1 else -1
        s = b + sum(w[i] * x[i] for i in range(len(x)))
        forward[n, 0] = s
        if y * s < 0:  # mistaken: it costs how far it lies on the wrong side
            loss -= y * s / count
            d_forward[n, 0] = -y / count
            d_w -= y * x / count
            d_b -= y / count
    gradients = {"forward": d_forward, "weight": d_w[None], "bias": np.array([d_b])}
    return {"forward": forward, "loss": np.array(loss)} | {f"gradient of {k}": v for k, v in gradients.items()}
