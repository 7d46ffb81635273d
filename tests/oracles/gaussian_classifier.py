"""Gaussians and Bayes' rule with derivatives by hand, in float64 loops over examples and classes.

With s the scores, p = softmax(s), and g = p − (1 at the label), each divided by the number of examples:

    s_k     = log π_k − ½ D_k − ½ Σᵢⱼ (xᵢ − μ_kᵢ) P_kᵢⱼ (xⱼ − μ_kⱼ)
    ∂L/∂μ_k = Σ g_k · ½ (P_k + P_kᵀ)(x − μ_k)        ∂L/∂P_k = −½ Σ g_k (x − μ_k)(x − μ_k)ᵀ

Shapes: B batch, d features, K classes; inputs (B, d), forward (B, K), mean (K, d), precision (K, d, d).
"""

from __future__ import annotations

from math import exp, log

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array


def values(weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Scores, the loss, and every gradient; see `liuli.oracles`."""
    mean, precision = weights["mean"], weights["precision"]
    classes, features = mean.shape
    count = len(inputs)
    forward, d_forward = np.zeros((count, classes)), np.zeros((count, classes))
    d_mean, d_precision = np.zeros_like(mean), np.zeros_like(precision)
    loss = 0.0
    for n in range(count):
        for k in range(classes):
            square = 0.0
            for i in range(features):
                for j in range(features):
                    square += (inputs[n, i] - mean[k, i]) * precision[k, i, j] * (inputs[n, j] - mean[k, j])
            forward[n, k] = weights["log_prior"][k] - weights["log_determinant"][k] / 2 - square / 2
        total = sum(exp(s) for s in forward[n])
        loss += (log(total) - forward[n, labels[n]]) / count
        for k in range(classes):
            d_forward[n, k] = g = (exp(forward[n, k]) / total - (k == labels[n])) / count
            away = inputs[n] - mean[k]
            d_mean[k] += g * (precision[k] + precision[k].T) @ away / 2
            d_precision[k] -= g * np.outer(away, away) / 2
    gradients = {
        "forward": d_forward,
        "mean": d_mean,
        "precision": d_precision,
        "log_determinant": -d_forward.sum(0) / 2,
        "log_prior": d_forward.sum(0),
    }
    return {"forward": forward, "loss": np.array(loss)} | {f"gradient of {k}": v for k, v in gradients.items()}
