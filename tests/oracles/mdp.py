"""One step of looking ahead by values of states, forward and backward in float64 loops (Bellman, 1957).

Shapes: B batch, A actions, K outcomes of an action; values (S,), forward (B, A, 2): V(s), and what an action promises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def values(
    weights: dict[str, Array],
    state: Array,
    follows: Array,
    probability: Array,
    reward: Array,
    discount: Array,
    *targets: Array,
) -> dict[str, Array]:
    """The output, the loss, and every gradient; see `liuli.oracles`."""
    held = weights["values"]
    batch, actions, outcomes = reward.shape
    forward = np.zeros((batch, actions, 2))
    for b in range(batch):
        for a in range(actions):
            forward[b, a, 0] = held[state[b]]
            for k in range(outcomes):
                promise = reward[b, a, k] + discount[b, a, k] * held[follows[b, a, k]]
                forward[b, a, 1] += probability[b, a, k] * promise

    loss, d_forward, d_held = 0.0, np.zeros_like(forward), np.zeros_like(held)
    for b in range(batch):
        best = max(range(actions), key=lambda a: forward[b, a, 1])
        error = forward[b, best, 1] - held[state[b]]
        loss += error**2 / batch
        slope = 2 * error / batch
        d_forward[b, best, 1] += slope
        d_forward[b, :, 0] -= slope / actions  # the largest of equals: each has its share
        d_held[state[b]] -= slope
        for k in range(outcomes):
            d_held[follows[b, best, k]] += slope * probability[b, best, k] * discount[b, best, k]
    return {
        "forward": forward,
        "loss": np.array(loss),
        "gradient of forward": d_forward,
        "gradient of values": d_held,
    }
