"""After a loss became NaN or infinite: which step was it, and which layer first?

Nothing watches the layers while all goes well. Training being exact, the last checkpoint is gone on
from once more, up to just before the step in question, and only there every layer is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from liuli.tasks.examples import Batch
from liuli.tasks.task import Task
from liuli.training.loop import Training
from liuli.training.place import NotFinite


@dataclass(frozen=True)
class Finding:
    """Attributes:
    step: of the whole training, counted from 1.
    what: "the output of layer 'c3'", "the gradient of layer 'c3'", "the loss", …
    """

    step: int
    what: str


def hunt(training: Training, failure: NotFinite, network: nn.Module) -> Finding:
    """Find what was not finite first. Leaves the engine with the last weights that were.

    Args:
        training: with a checkpoint from before the failure.
        network: another instance of the one being trained, on the same device, for looking at.
    """
    training.restore()
    watched = max(failure.step - 1, training.steps_done)  # its loss is finite, but may be its gradient is not
    good = copy(training)
    for batch in training.batches_ahead():
        step = training.steps_done
        if step >= watched:
            good = copy(training)
            network.load_state_dict(good)
            varied_from = torch.get_rng_state()
            what = first_bad(network, training.task, training.varied(batch))
            torch.set_rng_state(varied_from)
            findings = training.world.everyone(what)
            what = next((one for one in findings if one), None)
            if what or step > failure.step:
                break
        training.step(batch)
        if step >= watched:
            bad = [name for name, value in training.engine.weights().items() if not finite(value)]
            if bad:
                what = f"weight '{bad[0]}' as changed by the optimizer"
                break
    training.engine.set_weights(good)
    return Finding(step + 1, what or "the loss")


def copy(training: Training) -> dict[str, Tensor]:
    """The weights as they are now."""
    return {name: value.clone() for name, value in training.engine.weights().items()}


def first_bad(network: nn.Module, task: Task, batch: Batch) -> str | None:
    """What is not finite first in one forward and backward pass of `network` in training mode, if anything."""
    found: list[str] = []

    def backward(name: str, gradient: Tensor) -> None:
        if not finite(gradient):
            found.append(f"the gradient that reaches layer '{name}'")

    def forward(name: str, output: object) -> None:
        for value in output if isinstance(output, tuple) else (output,):
            if isinstance(value, Tensor) and value.is_floating_point():
                if not finite(value):
                    found.append(f"the output of layer '{name}'")
                if value.requires_grad:
                    value.register_hook(lambda gradient: backward(name, gradient))  # type: ignore[no-untyped-call]

    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: forward(name, output))
        for name, module in network.named_modules()
        if name and not any(module.children())
    ]
    network.train()
    network.zero_grad()
    try:
        loss = task.outcome(network, batch).loss
        if not found and not finite(loss):
            return "the loss"
        if not found:
            loss.backward()  # type: ignore[no-untyped-call]
    finally:
        for handle in handles:
            handle.remove()
    for name, value in network.named_parameters():
        if value.grad is not None and not finite(value.grad):
            found.append(f"the gradient of weight '{name}'")
    return found[0] if found else None


def finite(value: Tensor) -> bool:
    """Whether every element is a number."""
    return bool(value.isfinite().all())
