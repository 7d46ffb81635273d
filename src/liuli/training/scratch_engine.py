"""The hand-written NumPy network as an engine: the same loop, the same weights by the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn

from liuli.scratch import optimizers
from liuli.scratch.losses import softmax_cross_entropy
from liuli.scratch.networks import NETWORKS
from liuli.scratch.tape import Tensor as Value
from liuli.system import Adam, Recipe, System
from liuli.tasks.examples import Batch, Outcome


class ScratchEngine:
    """Trains a network of `liuli.scratch` by its own tape and optimizer, on the CPU in float32.

    Args:
        network: the PyTorch network of the system; training begins from its weights.
        options: of the model.
    """

    def __init__(self, system: System, network: nn.Module, options: Mapping[str, Any], recipe: Recipe) -> None:
        self.task = system.task
        self.recipe = recipe
        self.device = torch.device("cpu")
        self.network = NETWORKS[system.name](np.random.default_rng(recipe.seed), **options)
        self.network.load({name: value.numpy() for name, value in network.state_dict().items()})
        self.optimizer = make_optimizer(recipe, self.network.parameters)
        # NumPy's products get the threads. Torch's, of which a batch needs none, would wait for them on the same cores.
        self.limits = threadpool_limits(torch.get_num_threads(), user_api="blas")
        torch.set_num_threads(1)

    def train_step(self, batch: Batch, rate: float, weight: float = 1.0) -> dict[str, Tensor]:
        """See `Engine`."""
        self.optimizer.clear_gradients()
        total: dict[str, Tensor] = {}
        for piece in zip(*(torch.chunk(tensor, self.recipe.accumulate) for tensor in batch), strict=True):
            share = len(piece[0]) / len(batch[0])
            scores, loss = self.forward(piece, training=True)
            (loss if share == weight == 1.0 else loss * (share * weight)).backward()
            sums = {"loss": single(loss) * share}
            sums |= self.task.tally(torch.from_numpy(scores.value), piece)
            total = {name: total[name] + value if total else value for name, value in sums.items()}
        if self.recipe.clip is not None:
            optimizers.clip_gradients(self.optimizer, self.recipe.clip)
        self.optimizer.learning_rate = rate
        self.optimizer.step()
        return total

    def forward(self, batch: Batch, training: bool) -> tuple[Value, Value]:
        """Scores and mean loss, on the tape."""
        inputs, labels = self.task.scratch_arrays(batch)
        scores = self.network(np.asarray(inputs), training=training)
        return scores, softmax_cross_entropy(scores, np.asarray(labels))

    def evaluate(self, batch: Batch) -> Outcome:
        """See `Engine`."""
        scores, loss = self.forward(batch, training=False)
        return Outcome(single(loss), torch.from_numpy(scores.value))

    def respond(self, batch: Batch) -> Tensor:
        """See `Engine`."""
        scores = self.network(np.asarray(self.task.scratch_arrays(batch)[0]), training=False)
        return torch.from_numpy(scores.value)

    def watch(self) -> Mapping[str, NDArray[np.uint8]]:
        """See `Engine`; a task draws with the PyTorch network, and here is none."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """See `Engine`: `weights.NAME` and `optimizer.KEY`."""
        state = {f"weights.{name}": value for name, value in self.weights().items()}
        return state | {f"optimizer.{key}": torch.from_numpy(value) for key, value in self.optimizer.state.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Engine`."""
        self.set_weights({name: state[f"weights.{name}"] for name in self.network.parameters})
        self.optimizer.restore({key: state[f"optimizer.{key}"].numpy() for key in self.optimizer.state})

    def weights(self) -> dict[str, Tensor]:
        """See `Engine`."""
        return {name: torch.from_numpy(value.value) for name, value in self.network.parameters.items()}

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """See `Engine`."""
        self.network.load({name: value.numpy() for name, value in weights.items()})

    def gradients(self) -> dict[str, Tensor]:
        """See `Engine`."""
        found = {name: value.gradient for name, value in self.network.parameters.items()}
        return {name: torch.from_numpy(value) for name, value in found.items() if value is not None}


def single(loss: Value) -> Tensor:
    """The one number of a loss, ten times as fast as by `torch.tensor`."""
    return torch.from_numpy(np.asarray(loss.value))


def make_optimizer(recipe: Recipe, parameters: Mapping[str, Value]) -> optimizers.Optimizer:
    """The hand-written optimizer that the recipe names."""
    settings = asdict(recipe.optimizer)
    rate = settings.pop("lr")
    if not isinstance(recipe.optimizer, Adam):
        return optimizers.SGD(parameters, rate, **settings)
    made = optimizers.AdamW if settings.pop("decoupled") else optimizers.Adam  # equal where nothing decays
    return made(parameters, rate, **settings)
