"""Networks that teach themselves: in closed form, by a kernel of their own, by trial and error."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liuli.system import Recipe
from liuli.tasks.examples import Batch, Outcome
from liuli.tasks.task import Task
from liuli.training.engine import ModuleWeights


class TaughtEngine(ModuleWeights):
    """The engine of a network that has `learn` (see `liuli.system.SelfTaught`); the loop is the same as for all.

    Args:
        network: on its device; it changes its own weights in place.
    """

    def __init__(self, network: nn.Module, task: Task, recipe: Recipe) -> None:
        self.network = network.eval()
        self.task = task
        self.recipe = recipe
        self.device = next((value.device for value in network.state_dict().values()), torch.device("cpu"))

    def train_step(self, batch: Batch, rate: float, weight: float = 1.0) -> dict[str, Tensor]:
        """See `Engine`; where the network says nothing of how it fared, it is asked about the same batch."""
        with torch.no_grad():
            sums: dict[str, Tensor] | None = self.network.learn(batch, rate)  # type: ignore[operator]
            if sums is None:
                loss, output = self.task.outcome(self.network, batch)
                sums = {"loss": loss, **self.task.tally(output, batch)}
        return sums

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Outcome:
        """See `Engine`."""
        return self.task.outcome(self.network, batch)

    @torch.no_grad()
    def respond(self, batch: Batch) -> Tensor:
        """See `Engine`."""
        return self.task.respond(self.network, batch)

    @torch.no_grad()
    def watch(self) -> Mapping[str, NDArray[np.uint8]]:
        """See `Engine`."""
        return self.task.watch(self.network)

    def state(self) -> dict[str, Tensor]:
        """See `Engine`: `weights.NAME` and `memory.NAME`."""
        memory: dict[str, Tensor] = self.network.memory() if hasattr(self.network, "memory") else {}  # type: ignore[operator]
        state = {f"weights.{name}": value for name, value in self.weights().items()}
        return state | {f"memory.{name}": value for name, value in memory.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Engine`."""
        self.set_weights({name: state[f"weights.{name}"] for name in self.weights()})
        memory = {key.removeprefix("memory."): value for key, value in state.items() if key.startswith("memory.")}
        if hasattr(self.network, "remember"):  # of the first checkpoint too, in which there may be nothing yet
            self.network.remember(memory)  # type: ignore[operator]

    def gradients(self) -> dict[str, Tensor]:
        """See `Engine`; there are none."""
        return {}
