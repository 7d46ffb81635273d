"""The optimizer's step on one weight, with its real numbers: momentum, variance, bias correction, the new value."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from liuli import system
from liuli.errors import UserError
from liuli.explaining.explain import Index, bench, located, smallest
from liuli.explaining.explanation import Explanation
from liuli.explaining.expression import ZERO, Expression, Number, Operand, Source
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Value
from liuli.tracing.record import Record

DESCENT = """
    w_new = w - η*d
    h = c*g + λ*w
    v_new = μ*v + τ*h
    d = {direction}
"""
ADAM = """
    w_new = w - η*λ*w - η*a/(sqrt(b) + ε)
    h = c*g + κ*w
    m_new = β_1*m + (1 - β_1)*h
    v_new = β_2*v + (1 - β_2)*h**2
    a = m_new/(1 - β_1**t)
    b = v_new/(1 - β_2**t)
"""


def explain_step(
    record: Record,
    value: Value | str,
    index: Index = (),
    optimizer: system.SGD | system.Adam | torch.optim.Optimizer | None = None,
    state: Mapping[str, Tensor] | None = None,
    *,
    rate: float | None = None,
    clip: float | None = None,
    after: Tensor | None = None,
) -> Explanation:
    """How the optimizer's next step changes the weight at `index` of `value`, by the gradient in `record`.

    Args:
        record: with a backward pass.
        value: a parameter, or its address.
        index: of the weight in it.
        optimizer: as in a recipe, or PyTorch's own SGD, Adam or AdamW.
        state: what the optimizer remembers of this parameter before the step, by PyTorch's names ("momentum_buffer";
            "exp_avg", "exp_avg_sq", "step"); None or empty for its first step.
        rate: the learning rate of this step; None: the optimizer's.
        clip: the largest norm of the whole gradient; None: unclipped.
        after: the parameter after the step, to compare with.

    Raises:
        UserError: the value is no parameter with a gradient, or the optimizer is of another kind.
    """
    value = record.value(value) if isinstance(value, str) else value
    flat = located(value, index)
    shown, letters = step_of(record, value, flat, optimizer, state, rate, clip=clip)
    expression = shown.bind({**letters, **shown.define(letters)})
    captured = float("nan") if after is None else float(after.detach().reshape(-1)[flat])
    return Explanation(
        value.address,
        bench(record).source(value.address).index(flat),
        "step",
        "formula",
        None,
        shown,
        expression,
        captured,
        "the optimizer's step on this weight",
        (value.address,),
        smallest(value),
    )


def step_of(
    record: Record,
    value: Value,
    flat: int,
    optimizer: system.SGD | system.Adam | torch.optim.Optimizer | None,
    state: Mapping[str, Tensor] | None = None,
    rate: float | None = None,
    group: Mapping[str, Any] | None = None,
    clip: float | None = None,
) -> tuple[Formula, dict[str, Expression | None]]:
    """The formula of the step on element `flat` of a parameter, and what its letters stand for.

    `group`: the settings of PyTorch's own optimizer for this parameter; None: those of its first group.

    Raises:
        UserError: see `explain_step`.
    """
    work = bench(record)
    gradient = work.gradient(value.address)
    if value.origin != "parameter" or gradient is None:
        raise UserError(
            f"{value.address}: is no parameter that a gradient reached, so no optimizer steps on it; choose one of "
            f"record.parameters, in a record made with a loss"
        )
    weight = work.source(value.address)
    text, settings = rule(optimizer or system.SGD(lr=1.0), state or {}, group)
    letters: dict[str, Expression | None] = {letter: number_of(one) for letter, one in settings.items()}
    letters["t"] = Number(settings.get("t") or 1)
    letters |= {"w": Operand(weight, flat), "g": Operand(gradient, flat), "c": clipped(record, clip)}
    if rate is not None:
        letters["η"] = Number(rate)
    for letter, name in {"v": "momentum_buffer", "m": "exp_avg"}.items():
        letters[letter] = kept(state, name, value, flat)
    if "m_new" in text:
        letters["v"] = kept(state, "exp_avg_sq", value, flat)
    return formula(text).suited(letters).shortened(), letters


def rule(
    optimizer: system.SGD | system.Adam | torch.optim.Optimizer,
    state: Mapping[str, Tensor],
    group: Mapping[str, Any] | None = None,
) -> tuple[str, dict[str, float | None]]:
    """The formula of an optimizer, and the letters that its settings stand for; None for what it does without."""
    if isinstance(optimizer, torch.optim.Optimizer):
        return torch_rule(optimizer, state, group or optimizer.param_groups[0])
    if isinstance(optimizer, system.SGD):
        return descent(optimizer.lr, optimizer.momentum, optimizer.nesterov, optimizer.weight_decay, 0.0, state)
    settings = (optimizer.lr, optimizer.beta1, optimizer.beta2, optimizer.epsilon)
    decay, decoupled = optimizer.weight_decay, optimizer.decoupled
    return adam(settings, decay * decoupled, decay * (not decoupled), state)


def torch_rule(
    optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor], group: Mapping[str, Any]
) -> tuple[str, dict[str, float | None]]:
    """The same for PyTorch's own optimizers, by the settings of a group."""
    kind = type(optimizer).__name__
    if kind not in ("SGD", "Adam", "AdamW") or group.get("amsgrad") or group.get("maximize"):
        raise UserError(f"explain_step: {kind} is not explained; SGD, Adam and AdamW are, without amsgrad or maximize")
    if kind == "SGD":
        settings = (group["lr"], group["momentum"], group["nesterov"], group["weight_decay"], group["dampening"])
        return descent(*settings, state)
    decay = float(group["weight_decay"])
    decoupled = kind == "AdamW" or bool(group.get("decoupled_weight_decay"))
    settings_of_adam = (float(group["lr"]), *group["betas"], group["eps"])
    return adam(settings_of_adam, decay * decoupled, decay * (not decoupled), state)


def descent(
    rate: float, momentum: float, nesterov: bool, decay: float, dampening: float, state: Mapping[str, Tensor]
) -> tuple[str, dict[str, float | None]]:
    """Gradient descent with momentum (Sutskever et al., 2013, as PyTorch writes it)."""
    direction = "h" if not momentum else "h + μ*v_new" if nesterov else "v_new"
    text = DESCENT.format(direction=direction)
    if not momentum:
        text = "\n".join(line for line in text.splitlines() if "v_new" not in line)
    first = state.get("momentum_buffer") is None  # the first step begins with the whole gradient
    damped = 1.0 if first else 1 - dampening
    return text, {"η": float(rate), "μ": momentum, "λ": decay, "τ": damped}


def adam(
    settings: tuple[float, float, float, float], decoupled: float, coupled: float, state: Mapping[str, Tensor]
) -> tuple[str, dict[str, float | None]]:
    """Adam (Kingma & Ba, 2015, algorithm 1); `decoupled` decay is AdamW's (Loshchilov & Hutter, 2019)."""
    rate, beta1, beta2, epsilon = settings
    step = float(state["step"]) + 1 if "step" in state else 1.0
    known = {"η": rate, "β_1": beta1, "β_2": beta2, "ε": epsilon, "t": step, "λ": decoupled, "κ": coupled}
    return ADAM, dict(known)


def number_of(setting: float | None) -> Expression | None:
    """A setting as an expression; None for a factor of 1, ZERO itself for a 0, which take no part."""
    return None if setting is None or setting == 1 else ZERO if setting == 0 else Number(setting)


def kept(state: Mapping[str, Tensor] | None, name: str, value: Value, flat: int) -> Expression:
    """What the optimizer remembers of this weight; nothing before its first step."""
    tensor = (state or {}).get(name)
    if tensor is None:
        return ZERO
    array = tensor.detach().cpu().contiguous().view(-1).numpy()
    return Operand(Source(f"optimizer.{value.address}.{name}", value.shape, array), flat)


def clipped(record: Record, largest: float | None) -> Expression | None:
    """The factor by which the whole gradient is shortened, as `clip_grad_norm_` does; None for 1."""
    if largest is None:
        return None
    grads = [parameter.grad for parameter in record.parameters]
    norm = sqrt(sum(float(grad.double().square().sum()) for grad in grads if grad is not None))
    return Number(min(1.0, largest / (norm + 1e-6)))
