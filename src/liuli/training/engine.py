"""The seam between the loop and the arithmetic.

The loop decides what is done when; an engine does it: one optimizer step, one evaluation. There are four:
PyTorch step by step (`torch_engine`), the same captured once and replayed (`captured`), the hand-written
NumPy one (`scratch_engine`), and that of networks which teach themselves (`taught_engine`). All call their
weights by the names of the PyTorch network, so that what one has learnt any other can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.system import Recipe, System
from liuli.tasks.examples import Batch, Outcome

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from liuli.training.world import World

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


class Engine(Protocol):
    """What trains a network. `Batch` tensors lie on `device`."""

    device: torch.device

    def train_step(self, batch: Batch, rate: float, weight: float = 1.0) -> dict[str, Tensor]:
        """One optimizer step on one batch.

        Must not wait for the device: no `.item()`. The tensors returned are never written to again.

        Args:
            batch: this process's share of the global batch.
            rate: the learning rate of this step.
            weight: what the mean loss is multiplied by before going backward; 1 but for uneven shares
                of a batch over several processes (see `data.order.Batches`).

        Returns:
            Scalars, detached: "loss", the unweighted mean over the batch, and the task's tallies, sums over it.
        """

    def evaluate(self, batch: Batch) -> Outcome:
        """Loss and output in evaluation mode, without gradients; touches no random generator."""

    def respond(self, batch: Batch) -> Tensor:
        """The task's response in evaluation mode, without gradients."""

    def watch(self) -> Mapping[str, NDArray[np.uint8]]:
        """The pictures of `Task.watch`, in evaluation mode, without gradients."""

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on but the global generators: weights, moments, counts.

        Tensors that the engine goes on using: copy what is to be kept.
        """

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state()`, bit for bit."""

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers by the names of the network's `state_dict`; in use, copy what is to be kept."""

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy `weights` in."""

    def gradients(self) -> dict[str, Tensor]:
        """The gradients of the last step by name, after clipping; empty before the first."""


class ModuleWeights:
    """The weights of an engine whose network is a module."""

    network: nn.Module

    def weights(self) -> dict[str, Tensor]:
        """See `Engine`."""
        return {name: value.detach() for name, value in self.network.state_dict().items()}

    @torch.no_grad()
    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """See `Engine`."""
        for name, value in self.network.state_dict().items():
            value.copy_(weights[name])


def build(
    engine: str,
    step: str,
    system: System,
    network: nn.Module,
    options: Mapping[str, object],
    recipe: Recipe,
    fabric: Fabric | None,
    batch: Batch,
) -> tuple[Engine, str]:
    """The engine for one run, and how it steps: "captured" or "eager".

    Args:
        engine: `torch` or `scratch`.
        step: "auto", or what a run that is resumed was trained with: another step means other bits.
        network: freshly made, on its device; training begins from its weights, and a torch engine trains it in place.
        options: that it was made with.
        fabric: where precision is mixed or processes are several.
        batch: one of those that it will be trained on.
    """
    if engine == "scratch":
        from liuli.training.scratch_engine import ScratchEngine

        return ScratchEngine(system, network, options, recipe), "eager"
    if hasattr(network, "learn"):
        from liuli.training.taught_engine import TaughtEngine

        return TaughtEngine(network, system.task, recipe), "eager"
    from liuli.training.torch_engine import TorchEngine

    if fabric is None and step != "eager" and not system.task.phases:
        from liuli.training.captured import CapturedEngine
        from liuli.training.recording import NotCapturable

        captured = CapturedEngine(network, system.task, recipe)
        with suppress(NotCapturable):
            if step == "auto":
                captured.prepare(batch)
            return captured, "captured"
    return TorchEngine(network, system.task, recipe, fabric), "eager"


def choose_device(wanted: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means here.

    Raises:
        UserError: it is none of these, or is not to be had.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise UserError(f"device is '{wanted}', expected auto, cpu or cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("device is 'cuda', but PyTorch finds no GPU here; use --device cpu, or install a CUDA build")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def check(system: System, recipe: Recipe, engine: str, precision: str, world: World) -> None:
    """Whether all this goes together.

    Raises:
        UserError: it does not.
    """
    if engine not in ("torch", "scratch"):
        raise UserError(f"engine is '{engine}', expected torch or scratch")
    if precision not in PRECISIONS:
        raise UserError(f"precision is '{precision}', expected one of {', '.join(PRECISIONS)}")
    if precision == "16-mixed" and world.kind == "cpu":
        raise UserError("precision is '16-mixed', which needs a GPU; use bf16-mixed or 32-true on a CPU")
    if recipe.batch_size < world.size:
        raise UserError(f"batch_size is {recipe.batch_size}, expected at least one for each of {world.size} processes")
    if system.task.phases and (precision, world.size, recipe.accumulate) != ("32-true", 1, 1):
        raise UserError(
            f"{system.name}: its parts take turns in every step, which is done in float32, in one process and on whole "
            "batches; leave out --precision and --set accumulate"
        )
    if engine == "torch" and hasattr(system.model, "learn"):
        check_taught(system, recipe, precision, world)
    if engine == "scratch":
        from liuli.scratch.networks import NETWORKS

        if system.name not in NETWORKS:
            raise UserError(
                f"{system.name}: is not written by hand ({', '.join(NETWORKS)} are); train it with --engine torch"
            )
        if (precision, world.size, world.kind) != ("32-true", 1, "cpu"):
            raise UserError("the scratch engine computes in float32, in one process, on the CPU; use --engine torch")


def check_taught(system: System, recipe: Recipe, precision: str, world: World) -> None:
    """Whether a network that teaches itself can be trained so: it is given batches and a rate, nothing else.

    Raises:
        UserError: it cannot.
    """
    if (precision, world.size) != ("32-true", 1):
        raise UserError(f"{system.name}: teaches itself, as it is and in one process; leave out --precision")
    used = {"epochs", "batch_size", "lr", "schedule", "warmup", "floor", "validation", "patience", "augment", "seed"}
    own = system.recipe.settings()
    for key, value in recipe.settings().items():
        if key not in used and value != own[key]:
            raise UserError(f"--set {key}: {system.name} teaches itself and does not use it; leave it out")
