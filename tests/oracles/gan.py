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
    layers = range(1, 1 + sum(name.startswith(f"{g}hidden") for name in weights))
    z: dict[str, Array] = {}
    seen: dict[str, Array] = {}  # by each layer
    x = noise
    for n in layers:
        seen[f"{g}hidden{n}"] = x
        z[f"{g}hidden{n}"] = dense(weights, f"{g}hidden{n}", x)
        z[f"{g}norm{n}"] = normalised(weights, f"{g}norm{n}", z[f"{g}hidden{n}"])
        x = np.maximum(z[f"{g}norm{n}"], 0)
    seen[g + "pixels"] = x
    z[g + "pixels"] = dense(weights, g + "pixels", x)
    samples = x = z["generator"] = 1 / (1 + np.exp(-z[g + "pixels"]))
    for n in layers:
        seen[f"{d}hidden{n}"] = x
        z[f"{d}hidden{n}"] = dense(weights, f"{d}hidden{n}", x)
        x = leaky(z[f"{d}hidden{n}"])
    seen[d + "score"] = x
    z[d + "score"] = z["discriminator"] = dense(weights, d + "score", x)
    z["forward"] = np.concatenate([samples, z["discriminator"]], axis=1)
    _, loss = losses(z["discriminator"], z["discriminator"])

    s: dict[str, Array] = {}  # the gradient by each of these
    verdict = 1 / (1 + np.exp(-z["discriminator"]))
    s[d + "score"] = s["discriminator"] = (verdict - 1) / len(noise)
    s["forward"] = np.concatenate([np.zeros_like(samples), s["discriminator"]], axis=1)  # no pixel counts by itself
    back = s[d + "score"] @ weights[d + "score.weight"]
    for n in reversed(layers):
        s[f"{d}hidden{n}"] = back * np.where(z[f"{d}hidden{n}"] > 0, 1, SLOPE)
        back = s[f"{d}hidden{n}"] @ weights[f"{d}hidden{n}.weight"]
    s["generator"] = back
    s[g + "pixels"] = s["generator"] * samples * (1 - samples)
    back = s[g + "pixels"] @ weights[g + "pixels.weight"]
    for n in reversed(layers):
        s[f"{g}norm{n}"] = back * (z[f"{g}norm{n}"] > 0)
        s[f"{g}hidden{n}"] = s[f"{g}norm{n}"] * scale(weights, f"{g}norm{n}")
        back = s[f"{g}hidden{n}"] @ weights[f"{g}hidden{n}.weight"]

    result = z | {"loss": np.array(loss)} | {f"gradient of {name}": slope for name, slope in s.items()}
    for name, x in seen.items():
        result[f"gradient of {name}.weight"] = sum(np.outer(s[name][n], x[n]) for n in range(len(x)))
        if f"{name}.bias" in weights:
            result[f"gradient of {name}.bias"] = sum(s[name][n] for n in range(len(x)))
    for name, x in ((f"{g}norm{n}", z[f"{g}hidden{n}"]) for n in layers):
        standard = (x - weights[f"{name}.running_mean"]) / np.sqrt(weights[f"{name}.running_var"] + EPSILON)
        result[f"gradient of {name}.weight"] = sum(s[name][n] * standard[n] for n in range(len(x)))
        result[f"gradient of {name}.bias"] = sum(s[name][n] for n in range(len(x)))
    return result


def steepness(weights: dict[str, Array], pixels: Array) -> float:
    """‖∇ score(x)‖², the mean over real pictures (B, P) (Mescheder et al., 2018, equation 9, without γ/2)."""
    found = 0.0
    for x in pixels:
        slopes = np.eye(len(x))  # of what a layer is given, by each pixel: forward, not backward
        n = 1
        while f"hidden{n}.weight" in weights:
            z = weights[f"hidden{n}.weight"] @ x + weights[f"hidden{n}.bias"]
            slopes = np.where(z > 0, 1, SLOPE)[:, None] * (weights[f"hidden{n}.weight"] @ slopes)
            x, n = leaky(z), n + 1
        found += float(np.sum((weights["score.weight"] @ slopes) ** 2))
    return found / len(pixels)


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
