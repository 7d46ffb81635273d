"""PyTorch, step by step: forward, backward, optimizer.

Lightning Fabric brings mixed precision and several processes. One process in float32 needs neither,
and then nothing stands between the network and the step (nor is Fabric imported, which takes a second).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liuli.system import SGD, Recipe
from liuli.tasks.examples import Batch, Outcome
from liuli.tasks.task import Task
from liuli.training.engine import ModuleWeights
from liuli.training.world import World

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class TorchEngine(ModuleWeights):
    """The engine that every system and every device has.

    Args:
        network: on the device that it is to be trained on.
        fabric: where precision is mixed or processes are several, launched; else None.
    """

    def __init__(self, network: nn.Module, task: Task, recipe: Recipe, fabric: Fabric | None = None) -> None:
        self.network = network.train()
        self.task = task
        self.recipe = recipe
        self.fabric = fabric
        self.parameters = dict(network.named_parameters())
        self.device = next(iter(self.parameters.values())).device
        self.connect()

    def connect(self) -> None:
        """Make ready what changes the weights."""
        self.optimizer = make_optimizer(self.recipe, list(self.parameters.values()))
        self.module: Any = self.network
        self.stepper: Any = self.optimizer
        if self.fabric is not None:
            self.module, self.stepper = self.fabric.setup(self.network, self.optimizer)

    def train_step(self, batch: Batch, rate: float, weight: float = 1.0) -> dict[str, Tensor]:
        """See `Engine`."""
        if self.task.phases:
            return self.take_turns(batch, rate)
        self.optimizer.zero_grad(set_to_none=True)
        sums = self.forward_backward(batch, weight) if self.recipe.accumulate == 1 else self.accumulate(batch, weight)
        if self.recipe.clip is not None:
            if self.fabric is None:
                nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
            else:
                self.fabric.clip_gradients(self.module, self.stepper, max_norm=self.recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.stepper.step()
        return sums

    def take_turns(self, batch: Batch, rate: float) -> dict[str, Tensor]:
        """One step of each of the task's phases, each changing its own part of the network.

        One optimizer serves as one for each, since none looks from one parameter to another.
        """
        sums: dict[str, Tensor] = {}
        slopes: dict[nn.Parameter, Tensor] = {}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for phase in self.task.phases:
            mine = [value for name, value in self.parameters.items() if name.startswith(f"{phase}.")]
            loss, output = self.task.phase_loss(phase, self.network, batch)
            self.optimizer.zero_grad(set_to_none=True)  # it passes over what has no gradient
            for parameter, slope in zip(mine, torch.autograd.grad(loss, mine), strict=True):
                parameter.grad = slope
            if self.recipe.clip is not None:
                nn.utils.clip_grad_norm_(mine, self.recipe.clip)
            self.optimizer.step()
            slopes |= {parameter: parameter.grad for parameter in mine if parameter.grad is not None}
            sums[phase] = loss.detach() * len(batch[0])  # tallies are sums over the batch
        for parameter, slope in slopes.items():
            parameter.grad = slope  # for who asks about this step
        return {"loss": loss.detach(), **sums, **self.task.tally(output.detach(), batch)}

    def forward_backward(self, batch: Batch, weight: float) -> dict[str, Tensor]:
        """Loss, its gradient times `weight` added to the parameters', and the tallies."""
        loss, output = self.task.outcome(self.module, batch)
        weighted = loss if weight == 1.0 else loss * weight
        if self.fabric is None:
            weighted.backward()  # type: ignore[no-untyped-call]
        else:
            self.fabric.backward(weighted)
        return {"loss": loss.detach(), **self.task.tally(output.detach(), batch)}

    def accumulate(self, batch: Batch, weight: float) -> dict[str, Tensor]:
        """The same in pieces, whose gradients add up; processes exchange gradients after the last one only."""
        pieces = list(zip(*(tensor.chunk(self.recipe.accumulate) for tensor in batch), strict=True))
        total: dict[str, Tensor] = {}
        for number, piece in enumerate(pieces, 1):
            share = len(piece[0]) / len(batch[0])
            waiting = self.fabric is not None and number < len(pieces)
            with self.fabric.no_backward_sync(self.module) if self.fabric and waiting else nullcontext():
                sums = self.forward_backward(piece, weight * share)
            sums["loss"] = sums["loss"] * share
            total = {name: total[name] + value if total else value for name, value in sums.items()}
        return total

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Outcome:
        """See `Engine`."""
        self.network.eval()
        with self.fabric.autocast() if self.fabric else nullcontext():
            loss, output = self.task.outcome(self.network, batch)
        self.network.train()
        return Outcome(loss.float(), output.float() if output.is_floating_point() else output)

    @torch.no_grad()
    def respond(self, batch: Batch) -> Tensor:
        """See `Engine`."""
        self.network.eval()
        with self.fabric.autocast() if self.fabric else nullcontext():
            response = self.task.respond(self.network, batch)
        self.network.train()
        return response.float() if response.is_floating_point() else response

    @torch.no_grad()
    def watch(self) -> Mapping[str, NDArray[np.uint8]]:
        """See `Engine`."""
        self.network.eval()
        shown = self.task.watch(self.network)
        self.network.train()
        return shown

    def state(self) -> dict[str, Tensor]:
        """See `Engine`: `weights.NAME`, `optimizer.NAME.KEY` and, for float16, the loss scale."""
        state = {f"weights.{name}": value for name, value in self.weights().items()}
        moments = self.optimizer.state_dict()["state"]
        for index, name in enumerate(self.parameters):
            for key, value in moments.get(index, {}).items():
                if isinstance(value, Tensor):
                    state[f"optimizer.{name}.{key}"] = value
        scaler = self.scaler()
        if scaler is not None:
            values = scaler.state_dict()
            state["scaler"] = torch.tensor([values["scale"], values["_growth_tracker"]], dtype=torch.float64)
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Engine`."""
        self.set_weights({name: state[f"weights.{name}"] for name in self.weights()})
        moments: dict[int, dict[str, Tensor | None]] = {}
        for index, name in enumerate(self.parameters):
            prefix = f"optimizer.{name}."
            kept = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            if kept:
                moments[index] = dict(kept)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        scaler = self.scaler()
        if scaler is not None and "scaler" in state:
            scale, tracker = state["scaler"].tolist()
            scaler.load_state_dict({**scaler.state_dict(), "scale": scale, "_growth_tracker": int(tracker)})

    def scaler(self) -> Any:
        """The gradient scaler that float16 needs, else None."""
        return getattr(self.fabric._precision, "scaler", None) if self.fabric is not None else None

    def gradients(self) -> dict[str, Tensor]:
        """See `Engine`."""
        return {name: value.grad for name, value in self.parameters.items() if value.grad is not None}


def make_optimizer(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """PyTorch's own, in one fused kernel; its rate is set at every step."""
    kind = recipe.optimizer
    if isinstance(kind, SGD):
        return torch.optim.SGD(
            parameters, kind.lr, kind.momentum, weight_decay=kind.weight_decay, nesterov=kind.nesterov, fused=True
        )
    made = torch.optim.AdamW if kind.decoupled else torch.optim.Adam  # equal where nothing decays
    return made(parameters, kind.lr, (kind.beta1, kind.beta2), kind.epsilon, kind.weight_decay, fused=True)


def make_fabric(device: torch.device, precision: str, world: World) -> Fabric | None:
    """Fabric where there is something for it to do, launched; else None."""
    if precision == "32-true" and world.size == 1:
        return None
    from lightning_fabric import Fabric

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would announce every process
    fabric = Fabric(
        accelerator=device.type,
        devices=world.local_size,
        num_nodes=world.size // world.local_size,
        strategy="ddp" if world.size > 1 else "auto",
        precision=precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric
