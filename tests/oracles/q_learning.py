"""The Bellman target of every entry of a table, forward and backward in float64 loops (Watkins & Dayan, 1992).

Shapes: B batch, A actions, K outcomes of an action; table (S, A), forward (B, A, 2): Q(s, a), and its target.
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
    table = weights["table"]
    batch, actions, outcomes = reward.shape
    forward = np.zeros((batch, actions, 2))
    for b, a in np.ndindex(batch, actions):
        forward[b, a, 0] = table[state[b], a]
        for k in range(outcomes):
            best = max(table[follows[b, a, k], other] for other in range(actions))
            forward[b, a, 1] += probability[b, a, k] * (reward[b, a, k] + discount[b, a, k] * best)

    loss, d_forward, d_table = 0.0, np.zeros_like(forward), np.zeros_like(table)
    for b, a in np.ndindex(batch, actions):
        error = forward[b, a, 1] - forward[b, a, 0]
        slope = 2 * error / (batch * actions)
        loss += error**2 / (batch * actions)
        d_forward[b, a] = -slope, slope
        d_table[state[b], a] -= slope
        for k in range(outcomes):
            after = follows[b, a, k]
            best = max(range(actions), key=lambda other: table[after, other])
            d_table[after, best] += slope * probability[b, a, k] * discount[b, a, k]
    return {
        "forward": forward,
        "loss": np.array(loss),
        "gradient of forward": d_forward,
        "gradient of table": d_table,
    }
