"""A Q-network and its Bellman targets, forward and backward by hand in float64 loops (Mnih et al., 2015).

The target is double (van Hasselt et al., 2016): the online network chooses, the target network says the worth.

Shapes: B batch, A actions, K outcomes of an action, N rows that a network reads: the B states first, then the
B·A·K outcomes; state (B, 4), follows (B, A, K, 4), forward (B, A, 2): Q(s, a), and its target.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST = 100.0


def values(
    weights: dict[str, Array],
    state: Array,
    follows: Array,
    probability: Array,
    reward: Array,
    discount: Array,
    *targets: Array,
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    batch, actions, outcomes = reward.shape
    after = [follows[b, a, k] for b in range(batch) for a in range(actions) for k in range(outcomes)]
    online = network(weights, "online", np.array([*state, *after]))
    target = network(weights, "target", np.array(after))

    forward, chosen = np.zeros((batch, actions, 2)), np.zeros(len(after), np.int64)
    for b, a in np.ndindex(batch, actions):
        forward[b, a, 0] = online["online"][b, a]
        for k in range(outcomes):
            row = (b * actions + a) * outcomes + k
            chosen[row] = max(range(actions), key=lambda other: online["online"][batch + row, other])
            promise = reward[b, a, k] + discount[b, a, k] * target["target"][row, chosen[row]]
            forward[b, a, 1] += probability[b, a, k] * promise
    error = forward[..., 1] - forward[..., 0]  # (B, A)
    loss = np.mean(error**2)

    d_forward = np.stack([-2 * error, 2 * error], -1) / error.size
    d_online = np.zeros_like(online["online"])  # what follows is chosen by it, not weighed: no gradient
    d_online[:batch] = d_forward[..., 0]
    d_target = np.zeros_like(target["target"])
    for row, (b, a, k) in enumerate(np.ndindex(batch, actions, outcomes)):
        d_target[row, chosen[row]] = d_forward[b, a, 1] * probability[b, a, k] * discount[b, a, k]

    result = {name: value for name, value in {**online, **target}.items() if not name.endswith(".given")}
    result |= {"forward": forward, "loss": np.array(loss), "gradient of forward": d_forward}
    result |= backward(weights, "online", online, d_online)
    held = backward(weights, "target", target, d_target)  # its parameters follow, and are not trained
    return result | {name: value for name, value in held.items() if not name.endswith(("weight", "bias"))}


def network(weights: dict[str, Array], name: str, x: Array) -> dict[str, Array]:
    """Every layer's output, before the ReLU; the whole under `name`; what the first was given under "given"."""
    scaled = np.array([row / weights[f"{name}.units"] for row in x])
    hidden1 = dense(weights, f"{name}.hidden1", scaled)
    hidden2 = dense(weights, f"{name}.hidden2", np.maximum(hidden1, 0))
    output = dense(weights, f"{name}.output", np.maximum(hidden2, 0))
    layers = {"given": scaled, "hidden1": hidden1, "hidden2": hidden2, "output": output}
    return {f"{name}.{key}": value for key, value in layers.items()} | {name: MOST * output}


def backward(weights: dict[str, Array], name: str, found: dict[str, Array], slope: Array) -> dict[str, Array]:
    """The gradients of a network's layers and parameters, from that of its output."""
    result, slope = {f"gradient of {name}": slope}, MOST * slope
    for layer, before in (("output", "hidden2"), ("hidden2", "hidden1"), ("hidden1", "given")):
        seen = found[f"{name}.{before}"] if before == "given" else np.maximum(found[f"{name}.{before}"], 0)
        result[f"gradient of {name}.{layer}"] = slope
        result[f"gradient of {name}.{layer}.bias"] = sum(slope)
        result[f"gradient of {name}.{layer}.weight"] = sum(map(np.outer, slope, seen))
        slope = np.array([row @ weights[f"{name}.{layer}.weight"] for row in slope]) * (seen > 0)
    return result


def dense(weights: dict[str, Array], name: str, x: Array) -> Array:
    """z[n,o] = bias[o] + Σ_i weight[o,i] · x[n,i]."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return np.array([[bias[o] + sum(weight[o] * row) for o in range(len(weight))] for row in x])
