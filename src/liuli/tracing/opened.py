"""Kernels that hide their numbers, and the readable arithmetic that stands for them while a record is made.

Each entry of `KERNELS` takes the arguments of the kernel and returns a function that gives the kernel's result by
readable operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liuli.layers import recurrent
from liuli.layers.recurrent import State
from liuli.tracing.trees import tensors

Readable = Callable[[], Any]


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Readable:
    """softmax(Q Kᵀ / √d) V: `F.scaled_dot_product_attention` (Vaswani et al., 2017, eq. 1).

    Shapes: query (…, h, T, d), key (…, h, S, d), value (…, h, S, e), attn_mask broadcastable to (…, h, T, S).
    """

    def readable() -> Tensor:
        k, v = key, value
        if enable_gqa:  # every key and value head serves a group of query heads
            groups = query.size(-3) // key.size(-3)
            k, v = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
        factor = 1 / math.sqrt(query.size(-1)) if scale is None else scale
        scores = query @ k.transpose(-2, -1) * factor  # (…, h, T, S)
        if is_causal:
            future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(future, float("-inf"))
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, float("-inf"))
        elif attn_mask is not None:
            scores = scores + attn_mask
        weights = scores.softmax(dim=-1)  # (…, h, T, S), each row sums to 1
        blind = _blind(scores) if attn_mask is not None else None
        if blind is not None:  # a query that may see no key gets zeros
            weights = weights.masked_fill(blind, 0.0)
        if dropout_p > 0:
            weights = F.dropout(weights, dropout_p)
        return weights @ v  # (…, h, T, e)

    return readable


def _blind(scores: Tensor) -> Tensor | None:
    with torch._C.DisableTorchFunction():
        rows = (scores.detach() == float("-inf")).all(-1, keepdim=True)
        return rows if bool(rows.any()) else None


def _recurrent(kind: str, arguments: tuple[Any, ...]) -> Readable:
    if isinstance(arguments[3], (list, tuple)):  # packed sequences
        data, batch_sizes, states, flat, bias, layers, dropout, train, bidirectional = arguments
        sizes, batch_first = batch_sizes.tolist(), False
    else:
        data, states, flat, bias, layers, dropout, train, bidirectional, batch_first = arguments
        sizes = None
    initial: State = tuple(states) if kind == "lstm" else (states,)
    cells = recurrent.grouped(flat, layers * (2 if bidirectional else 1), bias)

    def readable() -> tuple[Tensor, ...]:
        steps: Sequence[Tensor]
        steps = torch.split(data, sizes) if sizes is not None else torch.unbind(data, 1 if batch_first else 0)
        outputs, last = recurrent.run(
            kind, steps, initial, cells, bidirectional=bidirectional, dropout=dropout if train else 0.0
        )
        joined = torch.cat(outputs) if sizes is not None else torch.stack(outputs, dim=1 if batch_first else 0)
        return (joined, *last)

    return readable


def _cell(kind: str, x: Tensor, state: Any, *weights: Tensor) -> Readable:
    def readable() -> Any:
        result = recurrent.CELLS[kind](x, tuple(state) if kind == "lstm" else (state,), recurrent.Weights(*weights))
        return result if kind == "lstm" else result[0]

    return readable


KERNELS: dict[str, Callable[..., Readable]] = {
    "scaled_dot_product_attention": attention,
    **{kind: lambda *args, kind=kind: _recurrent(kind, args) for kind in recurrent.CELLS},
    **{
        f"{kind}_cell": lambda *args, kind=kind, **kwargs: _cell(kind, *args, *kwargs.values())
        for kind in recurrent.CELLS
    },
}


def compared(kernel: Readable, readable: Readable) -> tuple[float, Any]:
    """Run `readable`, and `kernel` on the same operands and random state: the residual, and what `readable` gave."""
    before = torch.get_rng_state()
    result = readable()
    after = torch.get_rng_state()
    drawn = not torch.equal(before, after)
    if drawn:
        torch.set_rng_state(before)
    with torch.no_grad():
        plain = kernel()
    if drawn:
        torch.set_rng_state(after)
    return residual(plain, result), result


def residual(plain: Any, result: Any) -> float:
    """The largest absolute difference between two like structures of tensors; NaN where their shapes differ."""
    ours, theirs = tensors(result), tensors(plain)
    if [tensor.shape for tensor in ours] != [tensor.shape for tensor in theirs]:
        return math.nan
    largest = 0.0
    for a, b in zip(theirs, ours, strict=True):
        a, b = a.detach(), b.detach()
        apart = _largest(a - b) if a.numel() else 0.0
        if math.isnan(apart):  # infinities and NaN that both have are no difference
            apart = float((a - b).abs().masked_fill((a == b) | (a.isnan() & b.isnan()), 0.0).max())
        largest = max(largest, apart)
    return largest


def _largest(difference: Tensor) -> float:
    """The largest absolute value, NaN where there is one."""
    if difference.is_complex():
        return float(difference.abs().max())
    low, high = torch.aminmax(difference)  # both in one reading, and nothing written
    return float(max(abs(low.item()), abs(high.item())))


# Modules that take a closed kernel of their own unless a function mode is on; those of PyTorch in evaluation without
# gradients only.
FAST_PATHS = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention, recurrent.Recurrent)


def without_fast_path(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> tuple[float, Tensor | None, str] | None:
    """Compare `output` with what the module gives in a plain run, where that may take its fast path.

    Returns the residual, the padding (B, T, 1) or (T, B, 1) at which a plain run leaves zeros (an encoder packs its
    padded input), and a sentence; None where a plain run gives the same numbers.
    """
    learns = module.training or (torch.is_grad_enabled() and any(p.requires_grad for p in module.parameters()))
    if learns and not isinstance(module, recurrent.Recurrent):
        return None
    with torch._C.DisableTorchFunction(), torch.no_grad():
        plain = module(*args, **kwargs)
        apart = residual(plain, output)
        if apart == 0.0:
            return None
        note = "the readable path; a plain run takes a fused kernel here"
        mask = kwargs.get("src_key_padding_mask")
        if not isinstance(module, nn.TransformerEncoder) or mask is None or plain.shape != output.shape:
            return apart, None, note
        padding = mask if mask.dtype == torch.bool else mask == float("-inf")
        first: Any = module.layers[0]
        padding = (padding if first.self_attn.batch_first else padding.T).unsqueeze(-1)
        return residual(plain, output.masked_fill(padding, 0.0)), padding, f"{note}, and leaves zeros at the padding"
