"""PyTorch, the step recorded once for each shape of batch and then replayed.

The same loss, gradients, update and random draws as `TorchEngine`. What is left out of every step is the
Python of the modules and of autograd (see `recording`) and the slower of two kernels (see `kernels`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import torch
from torch import Tensor

from liuli.tasks.examples import Batch
from liuli.training.kernels import choose
from liuli.training.recording import NotCapturable, compiled, forget, record
from liuli.training.torch_engine import TorchEngine
from liuli.training.update import Update

TOLERANCE = 1e-2
"""Share of the largest entry by which a replay may differ from the step itself: to find a wrong one, not a rounded."""

MOST = 1 << 30
"""Bytes that recording a step for a further shape may hold: for the few long sentences it is not worth it."""

T = TypeVar("T")


class CapturedEngine(TorchEngine):
    """One process, float32, a network whose step follows from the shapes of a batch (`prepare` finds out).

    For shapes where it does not, the step is computed as it is. The network's parameters and buffers are
    changed in place and must stay where they are.
    """

    def connect(self) -> None:
        """Make ready what changes the weights."""
        self.update = Update(self.recipe.optimizer, self.parameters)
        self.buffers = list(self.network.buffers())
        self.replays: dict[object, Callable[..., list[Tensor]]] = {}
        self.tallies: list[str] = []
        self.last: list[Tensor] = []

    def prepare(self, batch: Batch) -> None:
        """Record the step for such batches, and hold its replay against the step itself on other examples.

        Raises:
            NotCapturable: they differ, the step depends on values, or a kernel does not take it.
        """
        other = tuple(tensor[torch.arange(len(tensor), device=tensor.device) // 2] for tensor in batch)
        replay = self.recorded(batch)
        expected = self.undone(lambda: self.compute(*other))
        try:
            found = self.undone(lambda: replay(*other))
        except RuntimeError as error:
            raise NotCapturable(str(error)) from error
        if not all(map(agree, expected, found)):
            raise NotCapturable("a replay on other examples gives other gradients")

    def train_step(self, batch: Batch, rate: float, weight: float = 1.0) -> dict[str, Tensor]:
        """See `Engine`."""
        self.last = []  # its memory serves this step
        if self.recipe.accumulate == 1 and weight == 1.0:
            sums, gradients = self.replay(batch)
        else:
            sums, gradients = self.replay_pieces(batch, weight)
        if self.recipe.clip is not None:
            gradients = clipped(gradients, self.recipe.clip)
        self.update(gradients, rate)
        self.last = gradients
        return sums

    def replay(self, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Loss and tallies by name, and the gradients."""
        form = tuple((tensor.shape, tensor.stride(), tensor.dtype) for tensor in batch)
        if form not in self.replays:
            self.replays[form] = self.compute
            with suppress(NotCapturable):
                self.replays[form] = self.recorded(batch, MOST)
        results = self.replays[form](*batch)
        count = 1 + len(self.tallies)
        return dict(zip(("loss", *self.tallies), results, strict=False)), results[count:]

    def replay_pieces(self, batch: Batch, weight: float) -> tuple[dict[str, Tensor], list[Tensor]]:
        """The same in pieces, each with its share of the loss."""
        total: dict[str, Tensor] = {}
        gradients: list[Tensor] = []
        for piece in zip(*(tensor.chunk(self.recipe.accumulate) for tensor in batch), strict=True):
            share = len(piece[0]) / len(batch[0])
            sums, fresh = self.replay(piece)
            sums["loss"] = sums["loss"] * share
            fresh = list(torch._foreach_mul(fresh, share * weight))
            gradients = list(torch._foreach_add(gradients, fresh)) if gradients else fresh
            total = {name: total[name] + value if total else value for name, value in sums.items()}
        return total, gradients

    def recorded(self, batch: Batch, most: float = math.inf) -> Callable[..., list[Tensor]]:
        """The step for such batches; with nothing changed by having looked. `most`: see `record`."""
        graph = self.undone(lambda: record(self.compute, batch, self.buffers, most))
        choose(graph)
        replay: Callable[..., list[Tensor]] = torch.no_grad()(compiled(graph))
        forget(graph)
        return replay

    def compute(self, *batch: Tensor) -> list[Tensor]:
        """What is recorded: loss, tallies, gradient of every parameter."""
        loss, output = self.task.outcome(self.network, batch)
        parameters = list(self.parameters.values())
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        tallies = self.task.tally(output.detach(), batch)
        self.tallies = list(tallies)
        return [loss.detach(), *tallies.values(), *map(laid_out, gradients, parameters)]

    def undone(self, act: Callable[[], T]) -> T:
        """Do something and put random state and buffers back."""
        before = [buffer.clone() for buffer in self.buffers]
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            result = act()
        with torch.no_grad():
            for buffer, value in zip(self.buffers, before, strict=True):
                buffer.copy_(value)
        return result

    def state(self) -> dict[str, Tensor]:
        """See `Engine`; as `TorchEngine` has it."""
        state = {f"weights.{name}": value for name, value in self.weights().items()}
        return state | {f"optimizer.{key}": value for key, value in self.update.state().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Engine`."""
        self.set_weights({name: state[f"weights.{name}"] for name in self.weights()})
        kept = {key.removeprefix("optimizer."): value for key, value in state.items() if key.startswith("optimizer.")}
        self.update.load_state(kept)

    def gradients(self) -> dict[str, Tensor]:
        """See `Engine`."""
        return dict(zip(self.parameters, self.last, strict=False))


def laid_out(gradient: Tensor | None, parameter: Tensor) -> Tensor:
    """The gradient with the strides of its parameter, as the fused kernels read it."""
    if gradient is None:
        raise NotCapturable("a parameter has no gradient")
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter, requires_grad=False).copy_(gradient)


def clipped(gradients: list[Tensor], largest: float) -> list[Tensor]:
    """The gradients, scaled down where their common norm is above `largest`."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return list(torch._foreach_mul(gradients, (largest / (norm + 1e-6)).clamp(max=1.0)))


def agree(expected: Tensor, found: Tensor) -> bool:
    """Whether two results are one, but for rounding; counts, which rounding may tip, are let pass."""
    if not expected.is_floating_point():
        return True
    allowed = TOLERANCE * float(expected.abs().nan_to_num().max()) + 1e-6
    return torch.allclose(expected, found, rtol=0.0, atol=allowed, equal_nan=True)
