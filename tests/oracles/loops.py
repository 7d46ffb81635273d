"""The few formulas that the float64 oracles are made of, on one map at a time, element by element.

Shapes: x (H, W) a map, k (m, m) a kernel, y (H − m + 1, W − m + 1) what the kernel makes of the map,
dy the gradient of the loss by y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def correlate(x: Array, k: Array) -> Array:
    """y[i,j] = Σ_u Σ_v k[u,v] · x[i+u, j+v], without a rim (LeCun et al., 1998, section II.A)."""
    m = len(k)
    y = np.zeros((len(x) - m + 1, x.shape[1] - m + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = np.sum(k * x[i : i + m, j : j + m])
    return y


def gradient_of_kernel(x: Array, dy: Array) -> Array:
    """∂L/∂k[u,v] = Σ_i Σ_j dy[i,j] · x[i+u, j+v]: every place where the weight k[u,v] was used."""
    dk = np.zeros((len(x) - len(dy) + 1, x.shape[1] - dy.shape[1] + 1))
    for u, v in np.ndindex(dk.shape):
        dk[u, v] = np.sum(dy * x[u : u + len(dy), v : v + dy.shape[1]])
    return dk


def gradient_of_map(k: Array, dy: Array) -> Array:
    """∂L/∂x[i+u, j+v] gathers dy[i,j] · k[u,v] from every window that covers the pixel."""
    m = len(k)
    dx = np.zeros((len(dy) + m - 1, dy.shape[1] + m - 1))
    for i, j in np.ndindex(dy.shape):
        dx[i : i + m, j : j + m] += dy[i, j] * k
    return dx


def cross_entropy(scores: Array, labels: NDArray[np.int64]) -> tuple[Array, Array]:
    """Mean over the batch of −ln softmax(scores)[label], and its gradient (softmax − one-hot) / batch: (B, K)."""
    loss, gradient = 0.0, np.zeros_like(scores)
    for n, label in enumerate(labels):
        exponentials = np.exp(scores[n] - np.max(scores[n]))
        probabilities = exponentials / np.sum(exponentials)
        loss -= np.log(probabilities[label]) / len(labels)
        gradient[n] = probabilities / len(labels)
        gradient[n, label] -= 1 / len(labels)
    return np.array(loss), gradient
