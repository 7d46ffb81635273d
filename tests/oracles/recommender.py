"""The recommender (form "mlp") forward and backward by hand, pair by pair, in float64 loops.

Shapes: B pairs, d width of an embedding, H hidden units, five ratings. A gradient by a value is called d_ and the
value's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array, cross_entropy

Places = NDArray[np.int64]
BEFORE, AFTER = 0.4, 0.5  # shares that dropout silences


def values(
    weights: dict[str, Array], users: Places, items: Places, ratings: Array, kept: dict[str, Array] | None = None
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    people, films = weights["user.weight"], weights["item.weight"]
    w, b = weights["join.hidden.weight"], weights["join.hidden.bias"]
    v, c = weights["join.output.weight"], weights["join.output.bias"]
    count, width = len(users), people.shape[1]
    keep_both = np.ones((count, 2 * width)) if kept is None else kept["dropout"] / (1 - BEFORE)
    keep_hidden = np.ones((count, len(w))) if kept is None else kept["join.dropout"] / (1 - AFTER)

    both, hidden, dropped = (np.zeros((count, size)) for size in (2 * width, len(w), len(w)))
    scores = np.zeros((count, len(v)))
    for n in range(count):
        both[n] = np.concatenate([people[users[n]], films[items[n]]]) * keep_both[n]
        hidden[n] = [np.sum(w[h] * both[n]) + b[h] for h in range(len(w))]
        dropped[n] = np.maximum(hidden[n], 0) * keep_hidden[n]
        scores[n] = [np.sum(v[k] * dropped[n]) + c[k] for k in range(len(v))]
    loss, d_scores = cross_entropy(scores, ratings.astype(np.int64) - 1)

    d_people, d_films = np.zeros_like(people), np.zeros_like(films)
    d_w, d_v = np.zeros_like(w), np.zeros_like(v)
    d_dropped, d_hidden = np.zeros_like(dropped), np.zeros_like(hidden)
    d_both, d_user, d_item = np.zeros_like(both), np.zeros((count, width)), np.zeros((count, width))
    for n in range(count):
        d_v += np.outer(d_scores[n], dropped[n])
        d_dropped[n] = d_scores[n] @ v
        d_hidden[n] = d_dropped[n] * keep_hidden[n] * (hidden[n] > 0)
        d_w += np.outer(d_hidden[n], both[n])
        d_both[n] = d_hidden[n] @ w
        d_user[n], d_item[n] = np.split(d_both[n] * keep_both[n], 2)
        d_people[users[n]] += d_user[n]
        d_films[items[n]] += d_item[n]

    outputs = {
        "user": (people[users], d_user),
        "item": (films[items], d_item),
        "dropout": (both, d_both),
        "join.hidden": (hidden, d_hidden),
        "join.dropout": (dropped, d_dropped),
        "join.output": (scores, d_scores),
        "join": (scores, d_scores),
        "forward": (scores, d_scores),
    }
    gradients = {
        "user.weight": d_people,
        "item.weight": d_films,
        "join.hidden.weight": d_w,
        "join.hidden.bias": np.sum(d_hidden, axis=0),
        "join.output.weight": d_v,
        "join.output.bias": np.sum(d_scores, axis=0),
    }
    result = {name: value for name, (value, _) in outputs.items()} | {"loss": loss}
    result |= {f"gradient of {name}": gradient for name, (_, gradient) in outputs.items()}
    return result | {f"gradient of {name}": gradient for name, gradient in gradients.items()}
