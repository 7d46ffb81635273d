"""The variational auto-encoder, forward and backward by hand in float64 loops, from the paper's equations.

Shapes: B batch, P pixels, d numbers of a code, H hidden units. Values under a layer's name are before the ReLU. The
divergence is appendix B's −D_KL = ½ Σ (1 + log σ² − μ² − σ²); the pixels are appendix C.1's Bernoulli, whose
probability is computed and whose logarithm is taken, as printed.
"""

from __future__ import annotations

import numpy as np

from liuli.oracles.loops import Array


def values(weights: dict[str, Array], pictures: Array, noise: Array, *batch: Array) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    x = pictures.reshape(len(pictures), -1)
    encoder = dense(weights, "encoder", x)
    hidden = np.maximum(encoder, 0)
    mean = dense(weights, "mean", hidden)
    log_variance = dense(weights, "log_variance", hidden)
    variance = np.exp(log_variance)
    epsilon = noise[:, : mean.shape[1]]
    code = mean + np.sqrt(variance) * epsilon
    decoder = dense(weights, "decoder", code)
    painted = np.maximum(decoder, 0)
    pixels = dense(weights, "pixels", painted)

    count = len(x)
    y = 1 / (1 + np.exp(-pixels))
    loss = 0.0
    for n in range(count):
        likelihood = sum(x[n, i] * np.log(y[n, i]) + (1 - x[n, i]) * np.log(1 - y[n, i]) for i in range(x.shape[1]))
        divergence = -sum(
            1 + log_variance[n, j] - mean[n, j] ** 2 - variance[n, j] for j in range(mean.shape[1])
        ) / 2  # fmt: skip
        loss += (divergence - likelihood) / count

    d_pixels = (y - x) / count
    d_decoder = (d_pixels @ weights["pixels.weight"]) * (decoder > 0)
    d_code = d_decoder @ weights["decoder.weight"]
    d_mean = d_code + mean / count
    d_log_variance = d_code * epsilon * np.sqrt(variance) / 2 + (variance - 1) / (2 * count)
    d_hidden = d_mean @ weights["mean.weight"] + d_log_variance @ weights["log_variance.weight"]
    d_encoder = d_hidden * (encoder > 0)

    forward = np.concatenate([pixels, mean, log_variance], axis=1)
    d_forward = np.concatenate([d_pixels, mean / count, (variance - 1) / (2 * count)], axis=1)  # by the output itself
    layers = {"encoder": encoder, "mean": mean, "log_variance": log_variance, "decoder": decoder, "pixels": pixels}
    slopes = {
        "encoder": d_encoder, "mean": d_mean, "log_variance": d_log_variance, "decoder": d_decoder, "pixels": d_pixels
    }  # fmt: skip
    seen = {"encoder": x, "mean": hidden, "log_variance": hidden, "decoder": code, "pixels": painted}
    result = {**layers, "forward": forward, "loss": np.array(loss), "gradient of forward": d_forward}
    for name, slope in slopes.items():
        result[f"gradient of {name}"] = slope
        result[f"gradient of {name}.weight"] = sum(np.outer(slope[n], seen[name][n]) for n in range(count))
        result[f"gradient of {name}.bias"] = sum(slope[n] for n in range(count))
    return result


def dense(weights: dict[str, Array], name: str, x: Array) -> Array:
    """z[n,o] = bias[o] + Σ_i weight[o,i] · x[n,i]."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return np.array([[bias[o] + np.sum(weight[o] * row) for o in range(len(weight))] for row in x])
