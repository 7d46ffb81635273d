"""How an optimizer would move one weight by the gradient of a record, as JSON for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from liuli import system
from liuli.errors import UserError
from liuli.explaining.expression import Expression, Operand
from liuli.explaining.step import step_of
from liuli.files import Json
from liuli.lab.instances import letter
from liuli.lab.scenes import Scene
from liuli.lab.templates import bound
from liuli.lab.trees import formula_json, number_json
from liuli.tracing.record import Record

ASSUMED = system.SGD(lr=0.01)
"""Where nobody has named an optimizer."""


def stepped(record: Record, scene: Scene | None, address: str, flat: int) -> Json:
    """The optimizer's next step on element `flat` of a parameter: the formula, and for each letter what it stands for.

    `first`: it is the optimizer's first step, as it remembers nothing yet; `assumed`: nobody has named an optimizer.
    `before`, `after` and `change`: of the weight.

    Raises:
        UserError: the value is no parameter that a gradient reached, the optimizer does not move it, or is of another
            kind.
    """
    value = record.value(address)
    if value.dtype.is_complex:
        raise UserError(f"{address}: holds complex numbers, of which no step is explained")
    optimizer = scene.optimizer if scene is not None else None
    state, group = {}, None
    if isinstance(optimizer, torch.optim.Optimizer) and scene is not None:
        moved = parameter(scene.beginning.module, value.address)
        state, group = optimizer.state.get(moved, {}), group_of(optimizer, moved, address)
    shown, letters = step_of(record, value, flat, optimizer or ASSUMED, state, group=group)
    before = float(value.tensor.reshape(-1)[flat])
    after = float(shown.bind({**letters, **shown.define(letters)}).value())
    return {
        "optimizer": type(optimizer or ASSUMED).__name__,
        "assumed": optimizer is None,
        "first": not state,
        "before": number_json(before),
        "after": number_json(after),
        "change": number_json(after - before),
        "part": {
            "operation": -1,
            "formula": formula_json(shown),
            "letters": {name: given(part) for name, part in bound(shown, letters).items()},
        },
    }


def group_of(optimizer: torch.optim.Optimizer, moved: nn.Parameter, address: str) -> Mapping[str, Any]:
    """The settings of an optimizer for one parameter.

    Raises:
        UserError: it was not given the parameter.
    """
    for group in optimizer.param_groups:
        if any(one is moved for one in group["params"]):
            return group
    raise UserError(f"{address}: {type(optimizer).__name__} was not given this parameter, so it does not move it")


def parameter(module: nn.Module, address: str) -> nn.Parameter:
    """The parameter of a module at an address."""
    found = dict(module.named_parameters()).get(address)
    if found is None:
        raise UserError(f"{address}: the module has no such parameter any more")
    return found


def given(part: Expression) -> Json:
    """What stands for a letter; what an optimizer remembers is no value of the record, and stands as a number."""
    if isinstance(part, Operand) and part.source.address.startswith("optimizer."):
        return {"number": number_json(part.value())}
    return letter(part)
