"""Our network against an independent implementation: same weights, same batch, every value and gradient compared.

Weights and batch are drawn, in float64. What our network computes is taken by hooks alone, so that what is
checked is what runs. The oracle (see `liuli.oracles`) gives the same values by other means.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout

from liuli.catalog import find
from liuli.errors import UserError
from liuli.system import System
from liuli.tasks.examples import Batch
from liuli.tasks.task import Task

TOLERANCE = 1e-10
"""The largest relative error that passes, in float64."""

NOTHING = 1e-16
"""A difference as small is none: what vanishes by symmetry is then zero on both sides, but for the rounding."""

BATCH = 2

Array = NDArray[Any]
Values = dict[str, Array]
Oracle = Callable[..., Values]


@dataclass(frozen=True)
class Comparison:
    """One value of ours beside the oracle's.

    Attributes:
        name: as in `liuli.oracles`: "c1", "gradient of c1.weight", "loss".
        ours: None when only the oracle has it.
        oracle: None when only our network has it.
        dropout: whether dropout was on.
    """

    name: str
    ours: Array | None
    oracle: Array | None
    dropout: bool = False

    @property
    def error(self) -> float:
        """The largest relative error: max |ours − oracle| / max |oracle| over the array.

        One scale for the whole array, because an element that is nearly zero by cancellation is only as
        exact as what cancelled. Zero where nothing differs by more than `NOTHING`. Infinite where nothing can be
        compared: another shape, one side missing, NaN.
        """
        if self.ours is None or self.oracle is None or self.ours.shape != self.oracle.shape:
            return float("inf")
        with np.errstate(invalid="ignore"):
            furthest = float(np.max(np.abs(self.ours - self.oracle), initial=0.0))
        scale = float(np.max(np.abs(self.oracle), initial=0.0))
        if furthest <= NOTHING:
            return 0.0
        error = furthest / scale if scale else float("inf")
        return error if np.isfinite(error) else float("inf")

    @property
    def verdict(self) -> str:
        """`OK`, `DIFF` (other values, or on one side only) or `SHAPE` (another shape)."""
        if self.ours is not None and self.oracle is not None and self.ours.shape != self.oracle.shape:
            return "SHAPE"
        return "OK" if self.error < TOLERANCE else "DIFF"


def check(name: str) -> list[Comparison]:
    """Compare the system called `name` with its oracle, in the order of the forward pass, then the gradients.

    A network with dropout is compared twice: with dropout off, and with dropout on and the drawn mask shared.

    Raises:
        UserError: there is no such system, it has no oracle, or the oracle's library is not installed.
    """
    return compare(find(name), oracle(name))


def has_oracle(name: str) -> bool:
    """Whether an independent implementation stands beside the system."""
    return importlib.util.find_spec(oracle_module(name)) is not None


def oracle_module(name: str) -> str:
    """Where the oracle of a system is imported from."""
    return f"liuli.oracles.{name.replace('-', '_')}"


def oracle(name: str) -> Oracle:
    """The function `values` of the system's oracle.

    Raises:
        UserError: it has none, or its library is not installed.
    """
    if not has_oracle(name):
        raise UserError(f"{name}: no independent implementation stands beside it yet, so there is nothing to check")
    try:
        values: Oracle = importlib.import_module(oracle_module(name)).values
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("liuli"):
            raise
        raise UserError(
            f"{name}: its independent implementation needs {error.name}, which is not installed; "
            "pip install 'liuli[check]'"
        ) from error
    return values


def compare(system: System, values: Oracle) -> list[Comparison]:
    """Every value of `system` beside that of the oracle `values`."""
    torch.manual_seed(0)
    model = perturbed(system.model()).double().eval()
    batch = system.task.draw(BATCH)
    found = compare_pass(model, system.task, batch, values)
    silencers = {path: module for path, module in model.named_modules() if isinstance(module, nn.Dropout)}
    if silencers:
        for module in silencers.values():
            module.train()
        found += compare_pass(model, system.task, batch, values, silencers)
    return found


def perturbed(model: nn.Module) -> nn.Module:
    """`model` with every parameter moved a little, so that no fault hides behind an initial 0 or 1."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def compare_pass(
    model: nn.Module, task: Task, batch: Batch, values: Oracle, silencers: Mapping[str, nn.Module] | None = None
) -> list[Comparison]:
    """One forward and backward pass of ours, and the oracle's of the same weights and inputs."""
    kept: Values = {}
    with ExitStack() as hooks:
        for path, module in (silencers or {}).items():
            hooks.callback(module.register_forward_pre_hook(foresee(path, kept)).remove)
        inputs, ours = observe(model, task, batch)
    weights = {name: array(value) for name, value in (*model.named_parameters(), *model.named_buffers())}
    targets = [array(part) for part in batch[1:]]
    theirs = values(weights, *inputs, *targets, **({"kept": kept} if silencers else {}))
    names = [*ours, *(name for name in theirs if name not in ours)]
    return [Comparison(name, ours.get(name), theirs.get(name), bool(silencers)) for name in names]


def observe(model: nn.Module, task: Task, batch: Batch) -> tuple[list[Array], Values]:
    """Run `model` on `batch` and back; return the inputs that it was given, and all values and gradients by name."""
    inputs: list[Tensor] = []
    outputs: dict[str, Tensor] = {}

    def enter(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # with a gradient, so that what stands before the first parameter (dropout of the input) has one too
        inputs.extend(one.double().requires_grad_().clone() if one.is_floating_point() else one for one in arguments)
        return tuple(inputs)

    def leave(path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(module: nn.Module, arguments: Any, output: Tensor) -> None:
            name = path or "forward"
            calls = sum(one.partition(" call ")[0] == name for one in outputs)
            if output.requires_grad:
                output.retain_grad()
            outputs[f"{name} call {calls + 1}" if calls else name] = output

        return keep

    with ExitStack() as hooks:
        hooks.callback(model.register_forward_pre_hook(enter).remove)
        for path, module in model.named_modules():
            hooks.callback(module.register_forward_hook(leave(path)).remove)
        loss = task.outcome(model, batch).loss
    model.zero_grad()
    torch.autograd.backward(loss)

    values = {name: array(output) for name, output in outputs.items()} | {"loss": array(loss)}
    for name, value in [*reversed(outputs.items()), *model.named_parameters()]:
        if value.grad is not None:
            values[f"gradient of {name}"] = array(value.grad)
    return [array(one) for one in inputs], values


def foresee(path: str, kept: Values) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    """A hook that notes in `kept` what a dropout module is about to keep, and puts its dice back as they were."""

    def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.Dropout)
        dice = torch.get_rng_state()
        kept[path] = array(dropout(torch.ones_like(arguments[0]), module.p) != 0)
        torch.set_rng_state(dice)

    return note


def array(tensor: Tensor) -> Array:
    """A copy for NumPy."""
    copy: Array = tensor.detach().clone().numpy()
    return copy
