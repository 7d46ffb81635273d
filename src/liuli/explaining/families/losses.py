"""Losses and distances: two tensors against each other, number by number or row by row, then summed or averaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import REGISTRY, Explainer, Flats, NotExplained, Workbench, explains, pick
from liuli.explaining.expression import Expression, Number, Source
from liuli.explaining.families.elementwise import projected, spread
from liuli.explaining.families.rows import Rows, Setup, dimensions
from liuli.tracing.parts import Address, Operation


class Compared(Explainer):
    """Operands broadcast to one shape, and then one number for each row of it.

    Where the rows are of one element, it is an elementwise operation.
    """

    vector = True

    def __init__(
        self,
        operation: Operation,
        bench: Workbench,
        text: str,
        operands: Mapping[str, Source],
        constants: Mapping[str, float],
        rows: Rows,
    ) -> None:
        super().__init__(operation, bench)
        self.text, self.operands, self.rows = text, operands, rows
        self.constants = {letter: Number(one) for letter, one in constants.items()}

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        single = len(self.rows.offsets) == 1 and "Sum" not in self.text
        places = self.rows.members(int(np.ravel(flat)[0])) if not single else flat
        found: dict[str, Expression | None] = {"n": Number(len(self.rows.offsets)), **self.constants}
        for letter, source in self.operands.items():
            found[letter] = pick(source, projected(places, self.rows.shape, source.shape))
        return {**found, **self.formula(output).define(found, ())}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        for shape in {source.shape for source in self.operands.values() if source.address == address}:
            rows = np.unique(self.rows.row(spread(flat, self.rows.shape, shape)))
            if "Sum" in self.text:
                for row in rows.tolist():
                    yield 0, np.array([row])
            else:
                yield 0, rows


def loss(names: str, each: str, mean: str = "{sum}/n", **letters: Any) -> None:
    """Register a loss by the formula of one number, in which {k} stands behind each operand.

    `letters` names the argument for each letter; a pair gives a default too.
    """
    for name in names.split():
        REGISTRY[name] = _loss(each, mean, letters)


def _loss(each: str, mean: str, letters: Mapping[str, Any]) -> Setup:
    def make(operation: Operation, bench: Workbench) -> Explainer:
        return compared_loss(operation, bench, each, mean, letters)

    return make


def compared_loss(
    operation: Operation, bench: Workbench, each: str, mean: str, letters: Mapping[str, Any]
) -> Explainer:
    """A loss of operands, with its reduction."""
    base = Explainer(operation, bench)
    operands, constants = {}, {}
    for letter, name in {"a": "input", "b": "target", **letters}.items():
        argument, default = name if isinstance(name, tuple) else (name, None)
        value = operation.arguments.get(argument, default)
        if isinstance(value, Address):
            operands[letter] = bench.source(value)
        else:
            constants[letter] = default if value is None else value
    shape = tuple(np.broadcast_shapes(*(source.shape for source in operands.values())))
    reduction = base.option("reduction", "mean")
    reduction = {0: "none", 1: "mean", 2: "sum"}.get(reduction, reduction)
    every = each.replace("{k}", "" if reduction == "none" else "[k]")
    total = f"Sum(k, {every})"
    if mean != "{sum}/n" and reduction == "mean":
        constants["n"] = len(shape) and shape[0]
    text = {"none": f"y = {every}", "sum": f"y = {total}", "mean": f"y = {mean.format(sum=total)}"}
    if reduction == "batchmean":
        constants["n"] = shape[0]
        text["batchmean"] = f"y = {total}/n"
    dims = () if reduction == "none" else tuple(range(len(shape)))
    return Compared(operation, bench, text[reduction], operands, constants, Rows(shape, dims))


loss("mse_loss", "(a{k} - b{k})**2")
loss("l1_loss", "abs(a{k} - b{k})")
loss(
    "smooth_l1_loss",
    "where(abs(a{k} - b{k}) < β, (a{k} - b{k})**2/(2*β), abs(a{k} - b{k}) - β/2)",
    β=("beta", 1.0),
)
loss(
    "huber_loss",
    "where(abs(a{k} - b{k}) <= δ, (a{k} - b{k})**2/2, δ*(abs(a{k} - b{k}) - δ/2))",
    δ=("delta", 1.0),
)
loss("soft_margin_loss", "log1p(exp(-b{k}*a{k}))")
loss(
    "hinge_embedding_loss",
    "where(b{k} == -1, 0, a{k}) + where(b{k} == 1, 0, m - a{k} >= 0, m - a{k}, 0)",
    m=("margin", 1.0),
)
loss(
    "margin_ranking_loss",
    "where(m - c{k}*(a{k} - b{k}) >= 0, m - c{k}*(a{k} - b{k}), 0)",
    a="input1",
    b="input2",
    c="target",
    m=("margin", 0.0),
)


@explains("binary_cross_entropy")
def binary_cross_entropy(operation: Operation, bench: Workbench) -> Explainer:
    """−(t·log p + (1 − t)·log(1 − p)), the logarithms kept above −100."""
    each = "-(b{k}*max(log(a{k}), -100) + (1 - b{k})*max(log1p(-a{k}), -100))"
    return _weighted(operation, bench, each, {})


@explains("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(operation: Operation, bench: Workbench) -> Explainer:
    """Binary cross-entropy of the sigmoid; `pos_weight` weighs the positive examples."""
    softplus = "(log1p(exp(-abs(a{k}))) + where(a{k} < 0, -a{k}, 0))"
    positive = operation.arguments.get("pos_weight") is not None
    each = f"(1 - b{{k}})*a{{k}} + {'(1 + (c{k} - 1)*b{k})*' if positive else ''}{softplus}"
    return _weighted(operation, bench, each, {"c": "pos_weight"} if positive else {})


def _weighted(operation: Operation, bench: Workbench, each: str, letters: Mapping[str, Any]) -> Explainer:
    if operation.arguments.get("weight") is not None:
        each, letters = f"w{{k}}*({each})", {**letters, "w": "weight"}
    return compared_loss(operation, bench, each, "{sum}/n", letters)


@explains("kl_div")
def kl_div(operation: Operation, bench: Workbench) -> Explainer:
    """Kullback-Leibler divergence of a target from probabilities that are given as logarithms."""
    if operation.arguments.get("log_target"):
        each = "exp(b{k})*(b{k} - a{k})"
    else:
        each = "where(b{k} == 0, 0, b{k}*log(b{k})) - b{k}*a{k}"
    return compared_loss(operation, bench, each, "{sum}/n", {})


@explains("gaussian_nll_loss")
def gaussian(operation: Operation, bench: Workbench) -> Explainer:
    """The negative log-likelihood of a normal distribution, its variance kept above ε."""
    full = " + log(2*π)/2" if operation.arguments.get("full") else ""
    each = f"(log(max(v{{k}}, ε)) + (a{{k}} - b{{k}})**2/max(v{{k}}, ε))/2{full}"
    found = compared_loss(operation, bench, each, "{sum}/n", {"v": "var", "ε": ("eps", 1e-6)})
    assert isinstance(found, Compared)
    found.constants["π"] = Number(np.pi)
    return found


@explains("poisson_nll_loss")
def poisson(operation: Operation, bench: Workbench) -> Explainer:
    """The Poisson loss, with Stirling's approximation where it was asked for."""
    log = operation.arguments.get("log_input", True)
    each = "exp(a{k}) - b{k}*a{k}" if log else "a{k} - b{k}*log(a{k} + ε)"
    if operation.arguments.get("full"):
        each += " + where(b{k} > 1, b{k}*log(b{k}) - b{k} + log(2*π*b{k})/2, 0)"
    found = compared_loss(operation, bench, each, "{sum}/n", {"ε": ("eps", 1e-8)})
    assert isinstance(found, Compared)
    found.constants["π"] = Number(np.pi)
    return found


class Distance(Compared):
    """A measure of two rows, by the formula of a registered name."""


DISTANCES = {
    "cosine_similarity": """
        y = Sum(k, a[k]*b[k])/(max(A, ε)*max(B, ε))
        A = sqrt(Sum(k, a[k]**2))
        B = sqrt(Sum(k, b[k]**2))
    """,
    "pairwise_distance": "y = Sum(k, abs(a[k] - b[k] + ε)**p)**(1/p)",
    "dist": "y = Sum(k, abs(a[k] - b[k])**p)**(1/p)",
}


@explains(*DISTANCES)
def distance(operation: Operation, bench: Workbench) -> Explainer:
    """Of rows along `dim`, or of all numbers."""
    base = Explainer(operation, bench)
    first, second = base.need("x1", "input"), base.need("x2", "other")
    shape = tuple(np.broadcast_shapes(first.shape, second.shape))
    dims = dimensions(operation.arguments.get("dim", -1 if operation.name == "pairwise_distance" else None), len(shape))
    if operation.name == "cosine_similarity":
        dims = dimensions(operation.arguments.get("dim", 1), len(shape))
    constants = {"ε": base.option("eps", 1e-8), "p": base.option("p", 2)}
    operands = {"a": first, "b": second}
    return Distance(operation, bench, DISTANCES[operation.name], operands, constants, Rows(shape, dims))


@explains("cdist")
class PairDistances(Explainer):
    """The distance of every row of one tensor from every row of the other."""

    text = "y[i,j] = Sum(k, abs(a[i,k] - b[j,k])**p)**(1/p)"

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.first, self.second = self.need("x1"), self.need("x2")
        if self.first.shape[:-2] != self.second.shape[:-2]:
            raise NotExplained("cdist with broadcasting")
        self.rows, self.columns, self.width = self.first.shape[-2], self.second.shape[-2], self.first.shape[-1]

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        batch, place = divmod(int(flat), self.rows * self.columns)
        i, j = divmod(place, self.columns)
        along = np.arange(self.width)
        a = pick(self.first, (batch * self.rows + i) * self.width + along)
        return {
            "a": a,
            "b": pick(self.second, (batch * self.columns + j) * self.width + along),
            "p": Number(self.option("p", 2)),
        }

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        place = flat // self.width
        if address == self.first.address:
            yield 0, place * self.columns + np.arange(self.columns)
        if address == self.second.address:
            batch, j = divmod(place, self.columns)
            yield 0, (batch * self.rows + np.arange(self.rows)) * self.columns + j
