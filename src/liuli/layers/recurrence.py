"""A recurrent layer as one operation of PyTorch, which autograd and a recorded step know (`training.recording`).

By the kernels of `recurrent_kernel`, on the CPU. Its derivative is an operation too.

Shapes: B sequences, T time steps, D features of an input, M units, G rows of the weights for each unit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from liuli.layers.compiled import compiled

KINDS = {"rnn_tanh": 0, "gru": 1, "lstm": 2}
"""What the kernels call the cells."""
FEW = {"rnn_tanh": 256, "gru": 256, "lstm": 32}
"""Units up to which these kernels are the faster. PyTorch, too, has a whole LSTM as one kernel, but no other cell."""

OPERATIONS = (
    "recurrence(int kind, Tensor x, Tensor W, Tensor U, Tensor bias, Tensor h, Tensor c) -> Tensor[]",
    "recurrence_backward(int kind, Tensor d_states, Tensor x, Tensor W, Tensor U, Tensor[] kept) -> Tensor[]",
)


def suits(kind: str, x: Tensor, units: int) -> bool:
    """Whether a layer of the cell `kind` is best trained so on sequences x."""
    plain = (
        x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    )
    return plain and units <= FEW.get(kind, 0) and x.numel() > 0 and compiled("recurrent_kernel")


def forward(kind: int, *given: Tensor) -> list[Tensor]:
    """See `recurrent_kernel.forward`."""
    from liuli.layers import recurrent_kernel

    kept = recurrent_kernel.forward(kind, *(one.detach().contiguous().numpy() for one in given))
    return [torch.from_numpy(one) for one in kept]


def backward(kind: int, d_states: Tensor, x: Tensor, W: Tensor, U: Tensor, kept: list[Tensor]) -> list[Tensor]:
    """See `recurrent_kernel.backward`."""
    from liuli.layers import recurrent_kernel

    given = (one.detach().contiguous().numpy() for one in (d_states, x, W, U, *kept))
    return [torch.from_numpy(one) for one in recurrent_kernel.backward(kind, *given)]


library: Any = torch.library.Library("liuli", "FRAGMENT")  # type: ignore[no-untyped-call]
for operation, compute in zip(OPERATIONS, (forward, backward), strict=True):
    library.impl(library.define(operation), compute, "CPU")


class Recurrence(torch.autograd.Function):
    """The states after every step, (B, T, M), of x (B, T, D) and what the layer has: see `recurrent_kernel.forward`."""

    @staticmethod
    def forward(ctx: Any, kind: str, x: Tensor, W: Tensor, U: Tensor, bias: Tensor, *begin: Tensor) -> Tensor:
        """By the operation."""
        kept = torch.ops.liuli.recurrence(KINDS[kind], x, W, U, bias, begin[0], begin[-1])
        ctx.kind = kind
        ctx.save_for_backward(*kept, x, W, U, bias, *begin)
        states: Tensor = kept[0][1:].permute(2, 0, 1)
        return states

    @staticmethod
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor | None, ...]:
        """By its derivative; where that is to be differentiated again, by autograd through the cells that are read."""
        kept, (x, W, U, bias, *begin) = ctx.saved_tensors[:3], ctx.saved_tensors[3:]
        if not torch.is_grad_enabled():
            *gradients, d_h, d_c = torch.ops.liuli.recurrence_backward(KINDS[ctx.kind], d_states, x, W, U, kept)
            return None, *gradients, *(one.t() for one in (d_h, d_c)[: len(begin)])
        from liuli.layers.recurrent import CELLS, Weights, unroll

        steps, _ = unroll(CELLS[ctx.kind], x.unbind(1), tuple(begin), Weights(W, U, bias))
        wanted = [one for one, needed in zip((x, W, U, bias, *begin), ctx.needs_input_grad[1:], strict=True) if needed]
        found = iter(torch.autograd.grad(torch.stack(steps, dim=1), wanted, d_states, create_graph=True))
        return None, *(next(found) if needed else None for needed in ctx.needs_input_grad[1:])
