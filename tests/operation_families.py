"""Operations of every family with drawn shapes and settings, for the tests of truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from liuli.explaining.explainer import words
from tests.layer_families import (
    activation,
    attention,
    classification,
    convolution,
    einsum,
    embedding,
    embedding_bag,
    interpolate,
    linear,
    loss,
    matmul,
    normalization,
    padded_convolution,
    pool,
    softmax,
)
from tests.traced_cases import Case, Draw, index, reduced, shape, size


def arithmetic(draw: Draw) -> Case:
    given = draw(shape)
    functions: dict[str, Callable[..., Any]] = {
        "add": lambda a, b: torch.add(a, b, alpha=0.5),
        "sub": lambda a, b: 2 - (a - b),
        "mul": lambda a, b: a * b * 3,
        "div": lambda a, b: a / b + 1 / b,
        "pow": lambda a, b: a**b + a**2 + 2**a,
        "atan2": torch.atan2,
        "maximum": lambda a, b: torch.maximum(a, b) + torch.minimum(a, b / 2),
        "lerp": lambda a, b: torch.lerp(a, b, 0.3),
        "addcmul": lambda a, b: torch.addcmul(a, a, b, value=0.5),
        "where": lambda a, b: torch.where(a > b, a, b * 2),
        "where of a tensor": lambda a, b: a.where(a > b, b * 2),
        "hypot": torch.hypot,
        "remainder": lambda a, b: torch.remainder(a, b) + torch.fmod(a, b),
        "logaddexp": torch.logaddexp,
    }
    return Case(functions[draw(st.sampled_from(sorted(functions)))], (given, reduced(draw, given)), positive=True)


UNARY = words(
    "abs neg square sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos "
    "atan sinh cosh tanh erf erfc erfinv sigmoid logit floor ceil round trunc frac sign lgamma "
    "digamma clamp nan_to_num"
)


def unary(draw: Draw) -> Case:
    name = draw(st.sampled_from(UNARY))
    settings = {"min": 0.2, "max": draw(st.sampled_from([None, 0.6]))} if name == "clamp" else {}
    return Case(getattr(torch, name), (draw(shape),), positive=True, settings=settings)


def reduction(draw: Draw) -> Case:
    given = (3, draw(size), draw(st.integers(2, 4)))
    name = draw(
        st.sampled_from(
            words("sum mean prod var std amax amin norm max min cumsum cumprod median argmax argmin sort any")
        )
    )
    dim = draw(st.sampled_from([0, 2, -1]))
    settings: dict[str, Any] = {"dim": dim}
    if name in ("sum", "mean", "var", "std", "amax"):
        settings["keepdim"] = draw(st.booleans())
    if name == "norm":
        settings["p"] = draw(st.sampled_from([1, 2, 3, float("inf")]))
    if name in ("sum", "mean", "var", "std", "prod", "max") and draw(st.booleans()):
        settings = {}
    return Case(getattr(torch, name), (given,), settings=settings)


def comparison(draw: Draw) -> Case:
    functions: list[Callable[..., Any]] = [
        lambda a, b: torch.where(a > b, a, b),
        lambda a, b: a.masked_fill(b < 0, -1.5),
        lambda a, b: a.clamp(-0.5, 0.5) * (b >= a),
        lambda a, b: ((a < b) & (b != 0)).to(a.dtype) * a,
        lambda a, b: (~(a == b)).to(a.dtype) * b,
        lambda a, b: torch._is_all_true(a > b) * a,  # as torch.distributions asks
    ]
    given = draw(shape)
    return Case(draw(st.sampled_from(functions)), (given, given))


MOVES: dict[str, Callable[[Tensor], Any]] = {
    "getitem": lambda x: x[:, 1:, ..., 0],
    "none": lambda x: x[None, ..., -1:, ::2],
    "advanced": lambda x: x[torch.tensor([0, 1, 0]), :, torch.tensor([1, 0, 1])],
    "mask": lambda x: x[x > 0],
    "view": lambda x: x.reshape(-1).view(2, -1),
    "transpose": lambda x: x.transpose(0, 2).permute(1, 0, 2).mT,
    "flatten": lambda x: x.flatten(1).unflatten(1, (3, -1)).squeeze().unsqueeze(1),
    "expand": lambda x: x[:, :1].expand(-1, 3, -1).repeat(1, 2, 1).repeat_interleave(2, 0),
    "roll": lambda x: x.roll((1, 2), (0, 1)).flip(2).rot90(1, (0, 1)),
    "unfold": lambda x: x.unfold(1, 2, 1).movedim(0, 1),
    "im2col": lambda x: F.unfold(x[None], (2, 2), padding=1),
    "cat": lambda x: torch.cat([x, 2 * x, x], 1),
    "stack": lambda x: torch.stack([x, x.flip(0)], -1),
    "split": lambda x: x.split([1, 2], 1)[1] + x.chunk(3, 1)[0],
    "unbind": lambda x: x.unbind(1)[2] * x.unbind(1)[0],
    "pad": lambda x: F.pad(x, (1, 2, 0, 1), value=0.7),
    "circular": lambda x: F.pad(x, (1, 2), mode="circular") + F.pad(x, (2, 1), mode="reflect"),
    "tril": lambda x: x.tril() + x.triu(1),
    "diagonal": lambda x: x.diagonal(0, 1, 2).diag_embed(),
    "gather": lambda x: x.gather(2, index((2, 3, 5), 4)),
    "index_select": lambda x: x.index_select(1, torch.tensor([2, 0, 0])),
    "take": lambda x: x.take(torch.tensor([3, 3, 1])) * x.take_along_dim(torch.tensor([[[0]]]), 2).sum(),
    "topk": lambda x: x.topk(2, 1),
    "shuffle": lambda x: F.pixel_shuffle(x.reshape(1, 4, 2, 3), 2),
    "fold": lambda x: F.fold(x.reshape(1, 4, 6), (3, 4), (2, 2)),
    "meshgrid": lambda x: torch.meshgrid(x[0, 0], x[0, 1], indexing="ij")[0],
    "nonzero": lambda x: x[(x > 0).nonzero(as_tuple=True)],
    "casts": lambda x: x.float().double().to(x.dtype) + x.int(),
}


def moving(draw: Draw) -> Case:
    return Case(MOVES[draw(st.sampled_from(sorted(MOVES)))], ((2, 3, 4),))


def packing(draw: Draw) -> Case:
    count, steps, first = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.booleans())
    lengths = torch.tensor([draw(st.integers(1, steps)) for _ in range(count)])
    filled, total = draw(st.sampled_from([0.0, -1.5, 7.0, float("-inf")])), draw(st.sampled_from([None, steps + 1]))

    def function(x: Tensor) -> Any:
        packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        again, counts = pad_packed_sequence(packed, first, filled, total)
        return packed.data, packed.batch_sizes, again.clamp(min=-9), counts

    return Case(function, ((count, steps, 2) if first else (steps, count, 2),))


def setitem(x: Tensor, z: Tensor) -> Tensor:
    y = x * 1
    y[0] = z
    y[1, 1:] = 3.0
    return y * x


def through_view(x: Tensor, z: Tensor) -> Tensor:
    y = x * 2
    y[0].add_(z)
    y[:, 1].mul_(z[1])
    return y * y


def aliased(x: Tensor, z: Tensor) -> Tensor:
    y = x * 2
    row = y[0]
    y.add_(1)
    return row * z + y[1]


WRITES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "setitem": setitem,
    "view": through_view,
    "alias": aliased,
    "in_place": lambda x, z: (x * 1).add_(z).mul_(2).neg_().relu_(),
    "scatter": lambda x, z: x.scatter(1, torch.tensor([[[0], [2]], [[1], [0]]]).expand(2, 2, 4), z[:2].expand(2, 2, 4)),
    "scatter_add": lambda x, z: x.scatter_add(1, index((2, 2, 4), 3), z[:2].expand(2, 2, 4)),
    "scatter_reduce": lambda x, z: x.scatter_reduce(1, index((2, 2, 4), 3), z[:2].expand(2, 2, 4), "sum"),
    "scatter_reduce with amax": lambda x, z: x.scatter_reduce(
        1, index((2, 2, 4), 3), z[:2].expand(2, 2, 4), "amax", include_self=False
    ),
    "scatter_reduce with amin": lambda x, z: x.scatter_reduce(
        1, index((2, 2, 4), 3), z[:2].expand(2, 2, 4), "amin", include_self=False
    ),
    "index_add": lambda x, z: x.index_add(1, torch.tensor([0, 2, 0]), z.expand(2, 3, 4), alpha=0.5),
    "index_put": lambda x, z: x.index_put((torch.tensor([0, 0]), torch.tensor([1, 1])), z[:2], accumulate=True),
    "index_copy": lambda x, z: x.index_copy(1, torch.tensor([2, 0, 1]), z.expand(2, 3, 4)).index_fill(
        2, torch.tensor([1]), 0.5
    ),
    "masked_scatter": lambda x, z: x.masked_scatter(x > 0, z.expand(3, 3, 4).reshape(-1)),
    "copy": lambda x, z: (
        torch.zeros_like(x).copy_(z).fill_diagonal_(1.0) if x.dim() == 2 else torch.zeros_like(x).copy_(z) * x
    ),
    "fill": lambda x, z: x * torch.empty(()).fill_(2.0) + torch.full_like(x, 0.5) * z,
}


def writing(draw: Draw) -> Case:
    return Case(WRITES[draw(st.sampled_from(sorted(WRITES)))], ((2, 3, 4), (3, 4)))


def random(draw: Draw) -> Case:
    functions: list[Callable[[Tensor], Any]] = [
        lambda x: F.dropout(x, 0.4, True),
        lambda x: F.dropout2d(x[None], 0.4, True),
        lambda x: F.alpha_dropout(x, 0.4, True),
        lambda x: x + torch.randn_like(x) * torch.rand(()),
        lambda x: (
            x * torch.bernoulli(torch.full_like(x, 0.5)) + torch.arange(4) + torch.eye(4)[0] + torch.linspace(0, 1, 4)
        ),
    ]
    return Case(draw(st.sampled_from(functions)), ((2, 3, 4),))


FAMILIES: dict[str, Callable[[Draw], Case]] = {
    family.__name__: family
    for family in (
        linear, matmul, einsum, convolution, padded_convolution, embedding, embedding_bag, pool, interpolate,
        activation, softmax, normalization, attention, arithmetic, unary, reduction, comparison, moving, packing,
        writing, loss, classification, random,
    )
}  # fmt: skip
