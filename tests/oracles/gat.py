"""Graph attention by dense masks, forward and backward by hand in float64 loops over nodes and heads.

Every pair of nodes has a place; where there is no edge, attention is 0. Shapes: B graphs of N nodes and L edges, taken
as one graph of M = B·N nodes and A = B·L edges; h heads of width d, K classes. A gradient by a value is called d_ and
the value's name. An attention matrix is (M, M, h): [i, j] is what i pays to j.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array, cross_entropy

Places = NDArray[np.int64]
RATE, SLOPE = 0.6, 0.2


def values(
    weights: dict[str, Array],
    features: Array,
    edges: Places,
    bare_edges: Places,
    nodes: Places,
    marked: NDArray[np.bool_],
    labels: Places,
    kept: dict[str, Array] | None = None,
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    size = features.shape[1]
    x = np.concatenate(list(features))
    joined = np.concatenate([one + size * place for place, one in enumerate(edges)], axis=1)
    first = Layer("first", weights, joined, kept)
    second = Layer("second", weights, joined, kept)
    before = first.forward(x)
    hidden = np.where(before > 0, before, np.exp(np.minimum(before, 0)) - 1)
    scores = second.forward(hidden)
    told = marked.reshape(-1)
    loss, d_told = cross_entropy(scores[told], labels.reshape(-1)[told])

    d_scores = np.zeros_like(scores)
    d_scores[told] = d_told
    d_hidden = second.backward(d_scores)
    first.backward(d_hidden * np.where(before > 0, 1.0, hidden + 1))
    shape = (*features.shape[:2], -1)
    return {
        **first.found,
        **second.found,
        "forward": scores.reshape(shape),
        "gradient of forward": d_scores.reshape(shape),
        "loss": loss,
    }


class Layer:
    """One layer of the network; everything that it computes goes into `found`."""

    def __init__(self, name: str, weights: dict[str, Array], edges: Places, kept: dict[str, Array] | None) -> None:
        self.name = name
        self.edges = edges
        self.matrix = weights[f"{name}.project.weight"]  # (h·d, F)
        self.a_target, self.a_source = weights[f"{name}.a_target"], weights[f"{name}.a_source"]  # (h, d)
        self.bias = weights[f"{name}.bias"]
        self.keep_inputs = 1.0 if kept is None else kept[f"{name}.dropout"] / (1 - RATE)  # (M, F)
        self.keep_attention = 1.0 if kept is None else kept[f"{name}.silence"] / (1 - RATE)  # (A, h)
        self.found: dict[str, Array] = {}

    def note(self, name: str, value: Array, gradient: bool = False) -> None:
        path = f"{self.name}.{name}" if name else self.name
        self.found[f"gradient of {path}" if gradient else path] = value

    def forward(self, x: Array) -> Array:
        """(M, F) to (M, h·d)."""
        count, (heads, width) = len(x), self.a_target.shape
        self.x = x * self.keep_inputs
        flat = self.x @ self.matrix.T
        self.p = p = flat.reshape(count, heads, width)
        allowed = np.zeros((count, count), dtype=bool)
        allowed[self.edges[1], self.edges[0]] = True
        self.raw, self.alpha = np.zeros((count, count, heads)), np.zeros((count, count, heads))
        for i in range(count):
            for k in range(heads):
                for j in range(count):
                    self.raw[i, j, k] = np.sum(self.a_target[k] * p[i, k]) + np.sum(self.a_source[k] * p[j, k])
                score = np.where(self.raw[i, :, k] > 0, self.raw[i, :, k], SLOPE * self.raw[i, :, k])
                exponentials = np.where(allowed[i], np.exp(score - np.max(score[allowed[i]])), 0.0)
                self.alpha[i, :, k] = exponentials / np.sum(exponentials)
        silenced = self.alpha[self.edges[1], self.edges[0]] * self.keep_attention  # (A, h)
        self.beta = np.zeros_like(self.alpha)
        self.beta[self.edges[1], self.edges[0]] = silenced
        out = np.zeros((count, heads, width))
        for i, j in np.argwhere(allowed):
            for k in range(heads):
                out[i, k] += self.beta[i, j, k] * p[j, k]
        result: Array = out.reshape(count, -1) + self.bias
        self.note("dropout", self.x)
        self.note("project", flat)
        self.note("silence", silenced)
        self.note("", result)
        return result

    def backward(self, d_out: Array) -> Array:
        """The gradient by the layer's input, from that by its output."""
        p, (count, heads, width) = self.p, self.p.shape
        d = d_out.reshape(count, heads, width)
        d_silenced = np.array([[np.sum(d[i, k] * p[j, k]) for k in range(heads)] for j, i in self.edges.T])  # (A, h)
        d_alpha = np.zeros_like(self.alpha)
        d_alpha[self.edges[1], self.edges[0]] = d_silenced * self.keep_attention
        d_p = np.zeros_like(p)
        d_target, d_source = np.zeros_like(self.a_target), np.zeros_like(self.a_source)
        for i in range(count):
            for k in range(heads):
                alpha = self.alpha[i, :, k]
                d_score = alpha * (d_alpha[i, :, k] - np.sum(alpha * d_alpha[i, :, k]))
                d_raw = d_score * np.where(self.raw[i, :, k] > 0, 1.0, SLOPE)
                for j in range(count):
                    d_target[k] += d_raw[j] * p[i, k]
                    d_source[k] += d_raw[j] * p[j, k]
                    d_p[i, k] += d_raw[j] * self.a_target[k]
                    d_p[j, k] += d_raw[j] * self.a_source[k] + self.beta[i, j, k] * d[i, k]
        d_flat = d_p.reshape(count, -1)
        d_dropped = d_flat @ self.matrix
        for name, value in {
            "": d_out,
            "bias": np.sum(d_out, axis=0),
            "silence": d_silenced,
            "a_target": d_target,
            "a_source": d_source,
            "project": d_flat,
            "project.weight": d_flat.T @ self.x,
            "dropout": d_dropped,
        }.items():
            self.note(name, value, gradient=True)
        result: Array = d_dropped * self.keep_inputs
        return result
