"""Recurrent layers and the network around them in float64 loops over sentences, words and units.

A step of each cell is written from its formula, and its derivative by hand, from the last word back to the first. The
GRU's reset gate acts after the product with U (PyTorch's and cuDNN's convention, the first version of the paper).

Shapes: B sentences, T words, D features, M units, K classes; x (D,), h and c (M,); W (G·M, D), U (G·M, M), b (G·M,).
A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array, cross_entropy

Kept = dict[str, Array]
DROPPED = 0.5  # share of the features that dropout silences


class Cell(NamedTuple):
    """A cell: one step forward, one step back.

    Attributes:
        forward: (W, U, b, x, h, c) to the new h and c, and what going back needs.
        backward: (what was kept, d_h, d_c) to d_z by W x, d_y by U h, d_h and d_c of the state before, apart from
            what comes through z and y.
    """

    forward: Callable[[Array, Array, Array, Array, Array, Array], tuple[Array, Array, Kept]]
    backward: Callable[[Kept, Array, Array], tuple[Array, Array, Array, Array]]


def sigma(z: Array) -> Array:
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


def product(weight: Array, x: Array) -> Array:
    """Σ_j weight[i,j] · x[j]."""
    return np.array([np.sum(row * x) for row in weight])


def values(
    cell: Cell,
    weights: dict[str, Array],
    numbers: NDArray[np.int64],
    labels: NDArray[np.int64],
    kept: dict[str, Array] | None = None,
) -> Kept:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    table = weights["embedding.weight"]
    W, U, b = (weights[f"recurrent.{name}"] for name in ("weight_input", "weight_state", "bias"))
    v, v0 = weights["output.weight"], weights["output.bias"]
    sentences, steps = numbers.shape
    units = U.shape[1]

    embedded = np.array([[table[number] for number in row] for row in numbers])
    keep = np.ones_like(embedded) if kept is None else kept["dropout"] / (1 - DROPPED)
    read = embedded * keep
    states = np.zeros((sentences, steps, units))
    noted: list[list[Kept]] = []
    for n in range(sentences):
        h, c = np.zeros(units), np.zeros(units)
        noted.append([])
        for t in range(steps):
            h, c, notes = cell.forward(W, U, b, read[n, t], h, c)
            states[n, t] = h
            noted[n].append(notes)
    ends = [sum(number != 0 for number in row) - 1 for row in numbers]
    output = np.array([product(v, states[n, end]) + v0 for n, end in enumerate(ends)])
    one = output.shape[1] == 1
    loss, d_scores = cross_entropy(np.concatenate([np.zeros_like(output), output], 1) if one else output, labels)
    d_output = d_scores[:, 1:] if one else d_scores

    d_states = np.zeros_like(states)  # of the layer's output: what the next layer asks for
    d_read, d_table = np.zeros_like(read), np.zeros_like(table)
    d_W, d_U, d_b, d_v, d_v0 = (np.zeros_like(one) for one in (W, U, b, v, v0))
    for n, end in enumerate(ends):
        d_v += np.outer(d_output[n], states[n, end])
        d_v0 += d_output[n]
        d_states[n, end] = product(v.T, d_output[n])
        d_h, d_c = np.zeros(units), np.zeros(units)
        for t in reversed(range(steps)):
            before = states[n, t - 1] if t else np.zeros(units)
            d_z, d_y, d_before, d_c = cell.backward(noted[n][t], d_h + d_states[n, t], d_c)
            d_W += np.outer(d_z, read[n, t])
            d_U += np.outer(d_y, before)
            d_b += d_z
            d_read[n, t] = product(W.T, d_z)
            d_h = d_before + product(U.T, d_y)
            if numbers[n, t] != 0:  # padding is never learnt
                d_table[numbers[n, t]] += d_read[n, t] * keep[n, t]

    return {
        "embedding": embedded,
        "dropout": read,
        "recurrent": states,
        "output": output,
        "forward": output,
        "loss": loss,
        "gradient of forward": d_output,
        "gradient of output": d_output,
        "gradient of recurrent": d_states,
        "gradient of dropout": d_read,
        "gradient of embedding": d_read * keep,
        "gradient of embedding.weight": d_table,
        "gradient of recurrent.weight_input": d_W,
        "gradient of recurrent.weight_state": d_U,
        "gradient of recurrent.bias": d_b,
        "gradient of output.weight": d_v,
        "gradient of output.bias": d_v0,
    }
