"""Generator and discriminator, forward and backward by hand in float64 loops, as they are asked (not while learning).

Shapes: B batch, Z noise, P pixels. Values under a layer's name are before its nonlinearity. D is computed as a
probability, and the logarithms of the paper's algorithm 1 are taken of it as printed.
"""

from __future__ import annotations

import numpy as np

from liuli.oracles.loops import Array

SLOPE = 0.2  # of the leaky ReLU below 0
EPSILON = 1e-5  # of batch normalisation


def values(weights: dict[str, Array], noise: Array, *batch: Array) -> dict[str, Array]:
    """Every layer's output, the generator's loss, and every gradient; see `liuli.oracles`."""
    g, d = "generator.", "discriminator."
    z: dict[str, Array] = {}
    z[g + "hidden1"] = dense(weights, g + "hidden1", noise)
    z[g + "norm1"] = normalised(weights, g + "norm1", z[g + "hidden1"])
    first = np.maximum(z[g + "norm1"], 0)
    z[g + "hidden2"] = dense(weights, g + "hidden2", first)
    z[g + "norm2"] = normalised(weights, g + "norm2", z[g + "hidden2"])
    second = np.maximum(z[g + "norm2"], 0)
    z[g + "pixels"] = dense(weights, g + "pixels", second)
    samples = 1 / (1 + np.exp(-z[g + "pixels"]))
    z["generator"] = samples
    z[d + "hidden1"] = dense(weights, d + "hidden1", samples)
    third = leaky(z[d + "hidden1"])
    z[d + "hidden2"] = dense(weights, d + "hidden2", third)
    fourth = leaky(z[d + "hidden2"])
    z[d + "score"] = z["discriminator"] = dense(weights, d + "score", fourth)
    z["forward"] = np.concatenate([samples, z["discriminator"]], axis=1)
    _, loss = losses(z["discriminator"], z["discriminator"])

    s: dict[str, Array] = {}  # the gradient by each of these
    verdict = 1 / (1 + np.exp(-z["discriminator"]))
    s[d + "score"] = s["discriminator"] = (verdict - 1) / len(noise)
    s["forward"] = np.concatenate([np.zeros_like(samples), s["discriminator"]], axis=1)  # no pixel counts by itself
    s[d + "hidden2"] = (s[d + "score"] @ weights[d + "score.weight"]) * np.where(z[d + "hidden2"] > 0, 1, SLOPE)
    s[d + "hidden1"] = (s[d + "hidden2"] @ weights[d + "hidden2.weight"]) * np.where(z[d + "hidden1"] > 0, 1, SLOPE)
    s["generator"] = s[d + "hidden1"] @ weights[d + "hidden1.weight"]
    s[g + "pixels"] = s["generator"] * samples * (1 - samples)
    s[g + "norm2"] = (s[g + "pixels"] @ weights[g + "pixels.weight"]) * (z[g + "norm2"] > 0)
    s[g + "hidden2"] = s[g + "norm2"] * scale(weights, g + "norm2")
    s[g + "norm1"] = (s[g + "hidden2"] @ weights[g + "hidden2.weight"]) * (z[g + "norm1"] > 0)
    s[g + "hidden1"] = s[g + "norm1"] * scale(weights, g + "norm1")

    result = z | {"loss": np.array(loss)} | {f"gradient of {name}": slope for name, slope in s.items()}
    seen = {
        g + "hidden1": noise, g + "hidden2": first, g + "pixels": second,
        d + "hidden1": samples, d + "hidden2": third, d + "score": fourth,
    }  # fmt: skip
    for name, x in seen.items():
        result[f"gradient of {name}.weight"] = sum(np.outer(s[name][n], x[n]) for n in range(len(x)))
        if f"{name}.bias" in weights:
            result[f"gradient of {name}.bias"] = sum(s[name][n] for n in range(len(x)))
    for name, x in ((g + "norm1", z[g + "hidden1"]), (g + "norm2", z[g + "hidden2"])):
        standard = (x - weights[f"{name}.running_mean"]) / np.sqrt(weights[f"{name}.running_var"] + EPSILON)
        result[f"gradient of {name}.weight"] = sum(s[name][n] * standard[n] for n in range(len(x)))
        result[f"gradient of {name}.bias"] = sum(s[name][n] for n in range(len(x)))
    return result


def losses(of_real: Array, of_samples: Array) -> tuple[float, float]:
    """The discriminator's and the generator's loss from scores (B, 1): means of the paper's terms, turned round."""
    real, fake = (1 / (1 + np.exp(-scores)) for scores in (of_real, of_samples))
    of_discriminator = sum(-np.log(x) - np.log(1 - y) for x, y in zip(real.flat, fake.flat, strict=True))
    of_generator = sum(-np.log(y) for y in fake.flat)
    return of_discriminator / real.size, of_generator / fake.size


def dense(weights: dict[str, Array], name: str, x: Array) -> Array:
    """z[n,o] = bias[o] + Σ_i weight[o,i] · x[n,i]."""
    weight = weights[f"{name}.weight"]
    bias = weights.get(f"{name}.bias", np.zeros(len(weight)))  # none before a normalisation
    return np.array([[bias[o] + np.sum(weight[o] * row) for o in range(len(weight))] for row in x])


def scale(weights: dict[str, Array], name: str) -> Array:
    """What batch normalisation multiplies each unit by, once its averages stand."""
    return weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + EPSILON)


def normalised(weights: dict[str, Array], name: str, x: Array) -> Array:
    """γ (x − μ) / √(σ² + ε) + β with the averages μ and σ² (Ioffe & Szegedy, 2015, algorithm 2)."""
    return (x - weights[f"{name}.running_mean"]) * scale(weights, name) + weights[f"{name}.bias"]


def leaky(z: Array) -> Array:
    """z where it is positive, else a fifth of it."""
    return np.where(z > 0, z, SLOPE * z)
