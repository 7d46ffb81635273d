"""Projection, reconstruction, squared error and gradients in float64, by `numpy.einsum`, from the formulas.

With z = (x − μ) / s, c = V z, x̂ = s·(Vᵀ c) + μ and r = x̂ − x, the loss is the mean of r² over all N·d numbers. With
g = 2 r / (N d), h = V (g·s) and u = Vᵀ h:

    ∂L/∂V = Σ c (g·s)ᵀ + h zᵀ     ∂L/∂s = Σ g·(Vᵀ c) − u·z / s     ∂L/∂μ = Σ g − u / s

Shapes: N batch, d features, k components; inputs (N, d), forward (N, k + d).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array


def values(weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Coordinates and reconstruction, the loss, and every gradient; see `liuli.oracles`."""
    mean, scale, v = weights["mean"], weights["scale"], weights["components"]
    z = np.array([[(x[i] - mean[i]) / scale[i] for i in range(len(x))] for x in inputs])
    c = np.einsum("kd,nd->nk", v, z)
    turned = np.einsum("kd,nk->nd", v, c)
    r = turned * scale + mean - inputs
    g = 2 * r / r.size
    h = np.einsum("kd,nd->nk", v, g * scale)
    u = np.einsum("kd,nk->nd", v, h)
    gradients = {
        "forward": np.hstack([np.zeros_like(c), g]),  # the loss asks for the reconstruction only
        "mean": np.sum(g - u / scale, axis=0),
        "scale": np.sum(g * turned - u * z / scale, axis=0),
        "components": np.einsum("nk,nd->kd", c, g * scale) + np.einsum("nk,nd->kd", h, z),
    }
    forward = np.hstack([c, turned * scale + mean])
    return {"forward": forward, "loss": np.mean(r**2)} | {f"gradient of {k}": x for k, x in gradients.items()}
