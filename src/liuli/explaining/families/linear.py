"""Linear algebra: dense layers, products of matrices, einsum. Each number is a sum of products along shared indices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Table, Workbench, explains
from liuli.explaining.expression import Column, Expression, Number, Operand, Product, Source, times, total
from liuli.explaining.families.elementwise import projected, spread
from liuli.explaining.families.relation import Relation
from liuli.explaining.fold import Fold
from liuli.explaining.replay import again
from liuli.tracing.parts import Address, Operation


class Contraction(Explainer):
    """A sum of products: see `Relation`, where the output is called "y" and each operand by its letter in the formula.

    Args:
        added: a tensor that is broadcast to the output and added (the bias), its shape there, and the letter of its
            factor.
        factors: constant factors by their letter; one that is 1 is left out.
    """

    def __init__(
        self,
        operation: Operation,
        bench: Workbench,
        text: str,
        relation: Relation,
        operands: Mapping[str, Source],
        added: tuple[Source, tuple[int, ...]] | None = None,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(operation, bench)
        self.text, self.relation, self.operands, self.added = text, relation, operands, added
        if added is None or (factors or {}).get("β") == 0:  # β = 0 keeps even a NaN of b out
            self.added, factors = None, {**(factors or {}), "β": 1}
        self.factors = {letter: None if one == 1 else Number(one) for letter, one in (factors or {}).items()}

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        met = self.relation.meeting("y", int(flat))
        letters: dict[str, Expression | None] = dict(self.factors)
        letters["b"] = None
        for letter, source in self.operands.items():
            letters[letter] = Column(source, met[letter])
        if self.added is not None:
            letters["b"] = Operand(self.added[0], int(projected(flat, self.shape(), self.added[1])))
        return letters

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        for letter, source in self.operands.items():
            if source.address == address:
                yield 0, np.unique(self.relation.meeting(letter, flat)["y"])
        if self.added is not None and self.added[0].address == address:
            yield 0, spread(flat, self.shape(), self.added[1])

    def reach(self, output: int, flats: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """The terms of a product of ones have a slope wherever there is a term."""
        ones: dict[str, Tensor] = {}

        def one(address: Address) -> Tensor:
            shape = self.bench.record.value(address).shape
            return ones.setdefault(address, torch.ones(shape, dtype=torch.float64, requires_grad=True))

        with torch.enable_grad():
            made = again(self.operation, one)[0].reshape(-1)
            slopes = torch.autograd.grad(made[torch.from_numpy(flats)].sum(), list(ones.values()), allow_unused=True)
        pairs = zip(ones, slopes, strict=True)
        return {address: slope.reshape(-1).nonzero()[:, 0].numpy() for address, slope in pairs if slope is not None}

    def gradient(self, address: str, flat: int) -> Expression:
        """Σ of the gradient of each output that it is in × what it is multiplied with there."""
        upstream = self.bench.gradient(self.operation.outputs[0])
        if upstream is None:
            return total([])
        terms = []
        alpha, beta = ([one] if (one := self.factors.get(letter)) else [] for letter in "αβ")
        for letter, source in self.operands.items():
            if source.address == address:
                met = self.relation.meeting(letter, flat)
                others = [Column(one, met[other]) for other, one in self.operands.items() if other != letter]
                terms.append(times(*alpha, Fold("sum", "j", Product((Column(upstream, met["y"]), *others)))))
        if self.added is not None and self.added[0].address == address:
            every = spread(flat, self.shape(), self.added[1])
            terms.append(times(*beta, Fold("sum", "j", Column(upstream, every))))
        return total(terms)

    def table(self, output: int) -> Table | None:
        if {link.big for link in self.relation.links} & set(self.relation.tensors["y"]):
            return None  # a transposed convolution, whose terms differ in number from place to place
        places = self.relation.table("y")
        found = {letter: (source, places[letter]) for letter, source in self.operands.items()}
        if self.added is not None:
            every = np.arange(prod(self.shape()))
            found["b"] = (self.added[0], np.asarray(projected(every, self.shape(), self.added[1]))[:, None])
        return found


@explains("linear")
def linear(operation: Operation, bench: Workbench) -> Explainer:
    """A dense layer: y = x Wᵀ + b."""
    base = Explainer(operation, bench)
    x, w, b = base.need("input"), base.need("weight"), base.tensor("bias")
    if len(w.shape) == 1:
        w = Source(w.address, (1, *w.shape), w.array)
    sizes = {"n": prod(x.shape[:-1]), "o": w.shape[0], "k": w.shape[1]}
    relation = Relation(sizes, {"y": "no", "x": "nk", "W": "ok"})
    text = "y[n,o] = Sum(k, W[o,k]*x[n,k]) + b[o]"
    return Contraction(operation, bench, text, relation, {"W": w, "x": x}, (b, b.shape) if b else None)


@explains("matmul", "mm", "bmm", "mv", "dot", "vdot", "rmatmul")
def matmul(operation: Operation, bench: Workbench) -> Explainer:
    """A product of matrices, vectors, or batches of them."""
    base = Explainer(operation, bench)
    first, second = base.need("input"), base.need("other", "mat2", "vec", "tensor")
    if operation.name == "rmatmul":
        first, second = second, first
    return product(operation, bench, first, second)


def product(
    operation: Operation,
    bench: Workbench,
    first: Source,
    second: Source,
    added: tuple[Source, tuple[int, ...]] | None = None,
    factors: Mapping[str, float] | None = None,
) -> Explainer:
    """The product of `first` and `second`, with α and β·b where they are given."""
    shape = operation.shapes[0]
    rows, columns = len(first.shape) > 1, len(second.shape) > 1
    batch = shape[: len(shape) - rows - columns]
    sizes = {f"n{place}": size for place, size in enumerate(batch)}
    sizes |= {"i": first.shape[-2] if rows else 1, "k": first.shape[-1], "j": second.shape[-1] if columns else 1}

    def lead(source: Source) -> list[str | None]:
        own = source.shape[:-2]
        offset = len(batch) - len(own)
        return [f"n{offset + place}" if size == batch[offset + place] else None for place, size in enumerate(own)]

    relation = Relation(
        sizes,
        {
            "y": [*(f"n{place}" for place in range(len(batch))), *(["i"] if rows else []), *(["j"] if columns else [])],
            "a": [*lead(first), *(["i"] if rows else []), "k"],
            "c": [*lead(second), "k", *(["j"] if columns else [])],
        },
    )
    a = "a[i,k]" if rows else "a[k]"
    c = "c[k,j]" if columns else "c[k]"
    y = {(True, True): "y[i,j]", (True, False): "y[i]", (False, True): "y[j]", (False, False): "y"}[rows, columns]
    text = f"{y} = β*b + α*Sum(k, {a}*{c})" if added else f"{y} = Sum(k, {a}*{c})"
    return Contraction(operation, bench, text, relation, {"a": first, "c": second}, added, factors)


@explains("addmm", "addmv", "baddbmm")
def addmm(operation: Operation, bench: Workbench) -> Explainer:
    """β·b + α·(a c)."""
    base = Explainer(operation, bench)
    first, second = base.need("mat1", "mat", "batch1"), base.need("mat2", "vec", "batch2")
    b = base.need("input")
    factors = {"α": base.option("alpha", 1), "β": base.option("beta", 1)}
    return product(operation, bench, first, second, (b, b.shape), factors)


@explains("addbmm")
def addbmm(operation: Operation, bench: Workbench) -> Explainer:
    """β·b + α·(the sum of the products of a batch of matrices)."""
    base = Explainer(operation, bench)
    a, c, b = base.need("batch1"), base.need("batch2"), base.need("input")
    sizes = {"s": a.shape[0], "i": a.shape[1], "k": a.shape[2], "j": c.shape[2]}
    relation = Relation(sizes, {"y": "ij", "a": "sik", "c": "skj"})
    factors = {"α": base.option("alpha", 1), "β": base.option("beta", 1)}
    text = "y[i,j] = β*b[i,j] + α*Sum((s,k), a[s,i,k]*c[s,k,j])"
    return Contraction(operation, bench, text, relation, {"a": a, "c": c}, (b, b.shape), factors)


@explains("addr")
def addr(operation: Operation, bench: Workbench) -> Explainer:
    """β·b + α·(every number of one vector times every number of the other)."""
    base = Explainer(operation, bench)
    a, c, b = base.need("vec1"), base.need("vec2"), base.need("input")
    relation = Relation({"i": a.shape[0], "j": c.shape[0]}, {"y": "ij", "a": "i", "c": "j"})
    factors = {"α": base.option("alpha", 1), "β": base.option("beta", 1)}
    text = "y[i,j] = β*b[i,j] + α*Sum(k, a[i]*c[j])"
    return Contraction(operation, bench, text, relation, {"a": a, "c": c}, (b, b.shape), factors)


@explains("inner", "linalg_vecdot", "tensordot")
def inner(operation: Operation, bench: Workbench) -> Explainer:
    """A sum of products over the last dimension, or over those that are named."""
    base = Explainer(operation, bench)
    a, c = base.need("input", "a"), base.need("other", "y", "b")
    if operation.name == "linalg_vecdot" or not a.shape or not c.shape:
        raise NotExplained(f"{operation.name} of these shapes")
    dims = operation.arguments.get("dims", 1)
    own = [[-1], [-1]] if operation.name == "inner" else dims
    if isinstance(own, int):
        own = [list(range(len(a.shape) - own, len(a.shape))), list(range(own))]
    left, right = ([one % len(source.shape) for one in side] for side, source in zip(own, (a, c), strict=True))
    first = [f"k{left.index(place)}" if place in left else f"i{place}" for place in range(len(a.shape))]
    second = [f"k{right.index(place)}" if place in right else f"j{place}" for place in range(len(c.shape))]
    sizes = {**dict(zip(first, a.shape, strict=True)), **dict(zip(second, c.shape, strict=True))}
    sizes_agree = all(sizes[index] == size for index, size in zip(first, a.shape, strict=True))
    if not sizes_agree:
        raise NotExplained(f"{operation.name} with broadcasting")
    free = [index for index in first + second if index[0] != "k"]
    relation = Relation(sizes, {"y": free, "a": first, "c": second})
    return Contraction(operation, bench, "y[i,j] = Sum(k, a[i,k]*c[k,j])", relation, {"a": a, "c": c})


@explains("outer", "ger")
def outer(operation: Operation, bench: Workbench) -> Explainer:
    """Every number of one vector times every number of the other."""
    base = Explainer(operation, bench)
    a, c = base.need("input"), base.need("vec2", "other")
    relation = Relation({"i": a.shape[0], "j": c.shape[0]}, {"y": "ij", "a": "i", "c": "j"})
    return Contraction(operation, bench, "y[i,j] = Sum(k, a[i]*c[j])", relation, {"a": a, "c": c})


@explains("bilinear")
def bilinear(operation: Operation, bench: Workbench) -> Explainer:
    """y = xᵀ W z + b, with a matrix for each output."""
    base = Explainer(operation, bench)
    x, z, w, b = base.need("input1"), base.need("input2"), base.need("weight"), base.tensor("bias")
    sizes = {"n": prod(x.shape[:-1]), "o": w.shape[0], "i": w.shape[1], "j": w.shape[2]}
    relation = Relation(sizes, {"y": "no", "x": "ni", "W": "oij", "z": "nj"})
    text = "y[n,o] = Sum((i,j), x[n,i]*W[o,i,j]*z[n,j]) + b[o]"
    operands = {"x": x, "W": w, "z": z}
    return Contraction(operation, bench, text, relation, operands, (b, b.shape) if b else None)


@explains("einsum")
def einsum(operation: Operation, bench: Workbench) -> Explainer:
    """Any sum of products, by the letters of its equation."""
    parts = [part for given in operation.called[0] for part in (given if isinstance(given, list | tuple) else [given])]
    equation = parts[0]
    if isinstance(equation, Address) or not isinstance(equation, str):
        raise NotExplained("einsum without an equation in letters")
    sources = [bench.source(address) for address in parts[1:]]
    left, arrow, right = equation.replace(" ", "").partition("->")
    letters = left.split(",")
    if not arrow:
        every = sorted({sign for sign in left if sign.isalpha()})
        right = ("..." if "..." in left else "") + "".join(sign for sign in every if left.count(sign) == 1)
    batch = max(
        (len(one.shape) - len(names.replace("...", "")) for one, names in zip(sources, letters, strict=True)), default=0
    )
    tensors = {f"x{place}": _indices(names, batch, len(sources[place].shape)) for place, names in enumerate(letters)}
    sizes: dict[str, int] = {}
    for name, source in zip(tensors, sources, strict=True):
        for index, size in zip(tensors[name], source.shape, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    relation = Relation(
        sizes,
        {
            "y": _indices(right, batch, len(operation.shapes[0])),
            **{
                name: [i if sizes[i] == size else None for i, size in zip(tensors[name], source.shape, strict=True)]
                for name, source in zip(tensors, sources, strict=True)
            },
        },
    )
    summed = [sign for sign in dict.fromkeys(left) if sign.isalpha() and sign not in right] or ["k"]
    factors = "*".join(
        f"x{place}[{','.join(n.replace('...', ''))}]" if n else f"x{place}" for place, n in enumerate(letters)
    )
    result = f"y[{','.join(right.replace('...', ''))}]" if right.replace("...", "") else "y"
    text = f"{result} = Sum(({','.join(summed)}), {factors})"
    return Contraction(operation, bench, text, relation, dict(zip(tensors, sources, strict=True)))


def _indices(names: str, batch: int, count: int) -> list[str]:
    """Letters of one operand, with `…` written out as the last of the batch indices."""
    before, dots, after = names.partition("...")
    missing = count - len(before) - len(after)
    return [*before, *(f"…{place}" for place in range(batch - missing, batch) if dots), *after]
