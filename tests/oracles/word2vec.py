"""Skip-gram with negative sampling in float64 loops, from equation 4 of Mikolov et al. (2013b).

    log σ(u_o · v_c) for each word o around c, and log σ(−u_k · v_c) for each word k of noise

Shapes: B batch, C words around, K words of noise, V words, D dimensions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array


def values(
    weights: dict[str, Array],
    centre: NDArray[np.int64],
    context: NDArray[np.int64],
    noise: NDArray[np.int64],
    *_: Array,
) -> dict[str, Array]:
    """Both lookups, the signed scores, the loss, and every gradient; see `liuli.oracles`."""
    v, u = weights["input.weight"], weights["output.weight"]
    batch, around = context.shape
    asked = around + noise.shape[1]
    dimension = v.shape[1]
    looked_up, signed, loss = np.zeros((batch, asked, dimension)), np.zeros((batch, asked)), 0.0
    d_signed, d_looked_up = np.zeros((batch, asked)), np.zeros((batch, asked, dimension))
    hidden, d_hidden = np.zeros((batch, dimension)), np.zeros((batch, dimension))
    d_v, d_u = np.zeros_like(v), np.zeros_like(u)
    for b in range(batch):
        hidden[b] = v[centre[b]]
        for place, word in enumerate([*context[b], *noise[b]]):
            sign = 1 if place < around else -1
            looked_up[b, place] = u[word]
            score = sum(u[word, d] * hidden[b, d] for d in range(dimension))
            signed[b, place] = sign * score
            loss += math.log(1 + math.exp(-sign * score)) / batch
            d_signed[b, place] = -1 / (1 + math.exp(sign * score)) / batch
            d_looked_up[b, place] = d_signed[b, place] * sign * hidden[b]
            d_hidden[b] += d_signed[b, place] * sign * u[word]
            d_u[word] += d_looked_up[b, place]
        d_v[centre[b]] += d_hidden[b]
    return {
        "input": hidden,
        "output": looked_up,
        "forward": signed,
        "loss": np.array(loss),
        "gradient of input": d_hidden,
        "gradient of output": d_looked_up,
        "gradient of forward": d_signed,
        "gradient of input.weight": d_v,
        "gradient of output.weight": d_u,
    }
