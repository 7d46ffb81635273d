"""Recurrent cells written out gate by gate, and the passes of `nn.RNN`, `nn.LSTM` and `nn.GRU` made of them.

They take PyTorch's own weights, in PyTorch's order, and give what its kernels give, forward and backward; where those
hand back one opaque result, here every gate of every time step is a value.

Shapes: B sequences, T time steps, D features of an input, H units, P the size of the output: H, or that of an
LSTM's projection. S = layers · directions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liuli.layers.recurrence import Recurrence, suits


class Weights(NamedTuple):
    """The weights of one cell; the gates lie one under another, G of them (RNN 1, LSTM 4, GRU 3)."""

    input: Tensor  # (G·H, D)
    hidden: Tensor  # (G·H, P)
    input_bias: Tensor | None = None  # (G·H,)
    hidden_bias: Tensor | None = None  # (G·H,)
    projection: Tensor | None = None  # (P, H), LSTM only


State = tuple[Tensor, ...]  # (h,) or (h, c)
Cell = Callable[[Tensor, State, Weights], State]


def rnn_tanh_cell(x: Tensor, state: State, weights: Weights) -> State:
    """hₜ = tanh(W x + b + U hₜ₋₁ + b′)  (Elman, 1990)."""
    (h,) = state
    h = torch.tanh(F.linear(x, weights.input, weights.input_bias) + F.linear(h, weights.hidden, weights.hidden_bias))
    return (h,)  # (B, H)


def rnn_relu_cell(x: Tensor, state: State, weights: Weights) -> State:
    """hₜ = max(0, W x + b + U hₜ₋₁ + b′)."""
    (h,) = state
    h = torch.relu(F.linear(x, weights.input, weights.input_bias) + F.linear(h, weights.hidden, weights.hidden_bias))
    return (h,)  # (B, H)


def lstm_cell(x: Tensor, state: State, weights: Weights) -> State:
    """cₜ = f ⊙ cₜ₋₁ + i ⊙ g and hₜ = o ⊙ tanh(cₜ), projected where there is a projection.

    Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000); projection: Sak et al. (2014).
    """
    h, c = state
    gates = F.linear(x, weights.input, weights.input_bias) + F.linear(h, weights.hidden, weights.hidden_bias)
    to_input, to_forget, to_candidate, to_output = gates.chunk(4, dim=-1)  # (B, H) each
    input_gate = torch.sigmoid(to_input)
    forget_gate = torch.sigmoid(to_forget)
    candidate = torch.tanh(to_candidate)
    output_gate = torch.sigmoid(to_output)
    c = forget_gate * c + input_gate * candidate
    h = output_gate * torch.tanh(c)
    if weights.projection is not None:
        h = F.linear(h, weights.projection)  # (B, P)
    return h, c


def gru_cell(x: Tensor, state: State, weights: Weights) -> State:
    """hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁ with n = tanh(Wₙ x + bₙ + r ⊙ (Uₙ hₜ₋₁ + b′ₙ)).

    Cho et al. (2014), in PyTorch's convention: the reset gate acts after the product with Uₙ, not before it.
    """
    (h,) = state
    of_input = F.linear(x, weights.input, weights.input_bias)  # (B, 3H)
    of_hidden = F.linear(h, weights.hidden, weights.hidden_bias)  # (B, 3H)
    input_reset, input_update, input_new = of_input.chunk(3, dim=-1)
    hidden_reset, hidden_update, hidden_new = of_hidden.chunk(3, dim=-1)
    reset_gate = torch.sigmoid(input_reset + hidden_reset)
    update_gate = torch.sigmoid(input_update + hidden_update)
    candidate = torch.tanh(input_new + reset_gate * hidden_new)
    h = (1 - update_gate) * candidate + update_gate * h
    return (h,)  # (B, H)


CELLS: dict[str, Cell] = {
    "rnn_tanh": rnn_tanh_cell,
    "rnn_relu": rnn_relu_cell,
    "lstm": lstm_cell,
    "gru": gru_cell,
}


def unroll(cell: Cell, steps: Sequence[Tensor], state: State, weights: Weights) -> tuple[list[Tensor], State]:
    """Run `cell` over `steps`, one (Bₜ, D) for every time step: outputs (Bₜ, P), and every sequence's last state.

    Bₜ may fall from step to step (forward through sequences sorted by length) or rise (backward through them): a
    sequence that has ended keeps its state, one that has not begun has its initial state still.
    """
    begin = state  # for all B sequences
    batch = len(steps[0])
    state = tuple(part[:batch] if len(part) != batch else part for part in begin)
    ended: list[State] = []
    outputs = []
    for x in steps:
        if len(x) < batch:
            ended.insert(0, tuple(part[len(x) :] for part in state))
            state = tuple(part[: len(x)] for part in state)
        elif len(x) > batch:
            state = tuple(torch.cat((part, first[batch : len(x)])) for part, first in zip(state, begin, strict=True))
        batch = len(x)
        state = cell(x, state, weights)
        outputs.append(state[0])
    if ended:
        state = tuple(torch.cat(parts) for parts in zip(state, *ended, strict=True))
    return outputs, state


def run(
    kind: str,
    steps: Sequence[Tensor],
    initial: State,
    layers: Sequence[Weights],
    *,
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> tuple[list[Tensor], State]:
    """Stacked, possibly bidirectional layers of the cell `kind`.

    Args:
        kind: 'rnn_tanh', 'rnn_relu', 'lstm' or 'gru'.
        steps: (Bₜ, D) for every time step.
        initial: (S, B, P), and for an LSTM (S, B, H).
        layers: weights of every layer, of every direction in it.
        bidirectional: whether every second of `layers` runs backward in time beside the one before it.
        dropout: what share of the output of every layer but the last is dropped; 0 outside training.

    Returns:
        the last layer's output at every step, (Bₜ, P · directions), and the last states, shaped as `initial`.
    """
    directions = 2 if bidirectional else 1
    last: list[State] = []
    for layer in range(0, len(layers), directions):
        if layer and dropout:
            # One mask for all time steps at once, as PyTorch draws it.
            sizes = [len(x) for x in steps]
            steps = torch.split(F.dropout(torch.cat(list(steps)), dropout), sizes)
        forward, state = unroll(CELLS[kind], steps, tuple(part[layer] for part in initial), layers[layer])
        last.append(state)
        if not bidirectional:
            steps = forward
            continue
        backward, state = unroll(
            CELLS[kind], steps[::-1], tuple(part[layer + 1] for part in initial), layers[layer + 1]
        )
        last.append(state)
        steps = [torch.cat(both, dim=-1) for both in zip(forward, backward[::-1], strict=True)]
    return list(steps), tuple(torch.stack(parts) for parts in zip(*last, strict=True))


class Recurrent(nn.Module, ABC):
    """One layer whose state goes through the time steps; a subclass writes its cell gate by gate.

    The cell is what a record holds. Where nobody looks (no function mode of PyTorch is on), a kernel computes the same
    for all time steps at once: in training a few units by one of liuli's own (see `recurrence`), else PyTorch's.

    Args:
        width: D, features of an input.
        units: M, of the state.
    """

    kernel: ClassVar[str]
    """Of `CELLS`."""
    gates: ClassVar[int] = 1
    """G: what the cell computes from input and state, one under another in the weights."""
    memory: ClassVar[bool] = False
    """Whether the state is (h, c), not (h,)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.units = units
        bound = units**-0.5
        self.weight_input = nn.Parameter(torch.empty(self.gates * units, width).uniform_(-bound, bound))
        self.weight_state = nn.Parameter(torch.empty(self.gates * units, units).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(self.gates * units))

    @abstractmethod
    def cell(self, x: Tensor, state: State) -> State:
        """The state after an input (B, D), from the state before it: each (B, M)."""

    def forward(self, x: Tensor, begin: State | None = None) -> Tensor:
        """The states h after every time step: (B, T, D) to (B, T, M). The first comes from `begin`, else from zeros."""
        state = begin or self.zeros(x)
        if not torch._C._is_torch_function_mode_enabled():
            return self.by_kernel(x, state)
        states = []
        for step in x.unbind(1):  # (B, D)
            state = self.cell(step, state)
            states.append(state[0])
        return torch.stack(states, dim=1)

    def zeros(self, x: Tensor) -> State:
        """The state before anything was read, for sequences (B, …)."""
        nothing = x.new_zeros(len(x), self.units)
        return (nothing, nothing) if self.memory else (nothing,)

    def by_kernel(self, x: Tensor, state: State) -> Tensor:
        """The same by a kernel."""
        learns = torch.is_grad_enabled()  # whether anyone will go backward
        if learns and suits(self.kernel, x, self.units):
            own = (self.weight_input, self.weight_state, self.bias)
            apply: Callable[..., Tensor] = Recurrence.apply
            return apply(self.kernel, x, *own, *state)
        # PyTorch's would add a second bias.
        weights = (self.weight_input, self.weight_state, self.bias, torch.zeros_like(self.bias))
        begin = tuple(part[None] for part in state)
        initial = begin if self.memory else begin[0]
        run = getattr(torch, self.kernel)
        return run(x, initial, weights, True, 1, 0.0, learns, False, True)[0]


def turned(lengths: Tensor, steps: int) -> Tensor:
    """Where each step comes from when sequences are read backward, int64 (B, T); what follows their ends stays there.

    Args:
        lengths: of the sequences, (B,).
        steps: T.
    """
    places = torch.arange(steps, device=lengths.device)
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


def grouped(flat: Sequence[Tensor], cells: int, bias: bool) -> list[Weights]:
    """PyTorch's flat list of weights, as one `Weights` for each of `cells`."""
    each = len(flat) // cells
    bounds = range(0, len(flat) + 1, each)
    groups = [flat[begin:end] for begin, end in pairwise(bounds)]
    if bias:
        return [Weights(*group) for group in groups]
    return [Weights(group[0], group[1], projection=group[2] if each == 3 else None) for group in groups]
