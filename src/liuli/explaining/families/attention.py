"""Scaled dot-product attention where it runs as one operation, and sums of embeddings.

A record usually holds attention opened up: scores, softmax, weights, sum. This explains the closed kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Workbench, explains, pick
from liuli.explaining.expression import Column, Expression, Number
from liuli.explaining.families.elementwise import projected
from liuli.explaining.families.moving import padding_row
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation


@explains("scaled_dot_product_attention")
class Attention(Explainer):
    """softmax(Q Kᵀ / √d + mask) V (Vaswani et al., 2017, eq. 1). Axis 0 runs over the keys, axis 1 over the width."""

    text = """
        y[t,e] = Sum(s, a[s]*v[s,e])
        z[s] = Sum(d, q[t,d]*k[s,d])*f + b[t,s]
        m = Max(s, z[s])
        a[s] = exp(z[s] - m)/Sum(s, exp(z[s] - m))
    """
    axes = "s d"
    detached = ("m",)

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.q, self.k, self.v = self.need("query"), self.need("key"), self.need("value")
        self.mask = self.tensor("attn_mask")
        if self.option("dropout_p", 0.0) or self.option("enable_gqa", False) or self.q.shape[:-2] != self.k.shape[:-2]:
            raise NotExplained("this form of the closed attention kernel")
        self.scale = self.option("scale") or 1 / sqrt(self.q.shape[-1])

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        queries, width, keys = self.q.shape[-2], self.q.shape[-1], self.k.shape[-2]
        row, e = divmod(int(flat), self.v.shape[-1])
        batch, t = divmod(row, queries)
        seen = np.arange(t + 1 if self.option("is_causal", False) else keys)
        bias: Expression | None = None
        if self.mask is not None:
            places = projected((batch * queries + t) * keys + seen, (*self.q.shape[:-1], keys), self.mask.shape)
            if self.mask.array.dtype == np.bool_:
                seen = seen[self.mask.array[places]]
            else:
                bias = Column(self.mask, np.asarray(places)[:, None])
        letters: dict[str, Expression | None] = {
            "q": pick(self.q, (row * width + np.arange(width))[None, :]),
            "k": pick(self.k, (batch * keys + seen)[:, None] * width + np.arange(width)),
            "v": pick(self.v, ((batch * keys + seen) * self.v.shape[-1] + e)[:, None]),
            "f": Number(self.scale),
            "b": bias,
        }
        return {**letters, **self.formula(output).define(letters, self.detached)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        width = self.v.shape[-1]
        queries = self.q.shape[-2]
        if address == self.q.address:
            yield 0, flat // self.q.shape[-1] * width + np.arange(width)
        if address in (self.k.address, self.v.address):
            source = self.k if address == self.k.address else self.v
            batch = flat // (source.shape[-1] * source.shape[-2])
            yield 0, batch * queries * width + np.arange(queries * width)
        if self.mask is not None and address == self.mask.address:
            yield 0, np.arange(prod(self.shape()))


@explains("embedding_bag")
class EmbeddingBag(Explainer):
    """The sum, mean or maximum of the rows of a table that a bag of words names."""

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        words, table = self.need("input"), self.need("weight")
        if words.array.dtype.kind == "f":  # older signatures have them the other way round
            words, table = table, words
        self.words, self.table_source = words.array.astype(np.int64), table
        mode = self.option("mode", "mean")
        self.mode = {0: "sum", 1: "mean", 2: "max"}.get(mode, mode)
        self.weights = self.tensor("per_sample_weights")
        offsets = self.tensor("offsets")
        if offsets is None:
            starts = np.arange(words.shape[0] + 1) * words.shape[1]
        else:
            starts = (
                offsets.array
                if self.option("include_last_offset", False)
                else np.append(offsets.array, len(words.array))
            )
        self.starts = starts
        self.padding = padding_row(self, table.shape[0])
        if self.arguments.get("max_norm") is not None:
            raise NotExplained("embedding_bag that shortens the rows it reads (max_norm)")
        if self.option("scale_grad_by_freq", False):
            raise NotExplained("embedding_bag that scales its gradient by frequency")

    def bag(self, number: int) -> NDArray[np.int64]:
        """The places of the words of one bag."""
        places = np.arange(self.starts[number], self.starts[number + 1])
        return places[self.words[places] != self.padding] if self.padding is not None else places

    def formula(self, output: int) -> Formula:
        each = "w[k]*W[word k,d]" if self.weights else "W[word k,d]"
        each = each.replace("word k", "k")
        texts = {
            "sum": f"y[n,d] = Sum(k, {each})",
            "mean": f"y[n,d] = Sum(k, {each})/n",
            "max": f"y[n,d] = Max(k, {each})",
        }
        return formula(texts[self.mode])

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        number, column = divmod(int(flat), self.shape()[-1])
        places = self.bag(number)
        rows = Column(self.table_source, self.words[places] * self.shape()[-1] + column)
        weights = Column(self.weights, places) if self.weights else None
        return {"W": rows, "w": weights, "n": Number(max(len(places), 1))}

    def expression(self, output: int, flat: Flats) -> Expression:
        if output > 0:
            raise NotExplained("what embedding_bag keeps for itself")
        return self.explained(output, int(flat))[1]

    def explained(self, output: int, flat: int) -> tuple[Formula, Expression]:
        if self.mode == "max" and not len(self.bag(flat // self.shape()[-1])):  # of no rows PyTorch gives 0
            return formula("y[n,d] = 0"), Number(0)
        shown, environment = self.formula(output), self.environment(output, flat)
        return shown, shown.bind(environment)

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        width = self.shape()[-1]
        if address == self.table_source.address:
            word, column = divmod(flat, width)
            numbers = [number for number in range(len(self.starts) - 1) if word in self.words[self.bag(number)]]
            yield 0, np.array(numbers, dtype=np.int64) * width + column
        elif self.weights and address == self.weights.address:
            number = int(np.searchsorted(self.starts, flat, side="right")) - 1
            yield 0, number * width + np.arange(width)
