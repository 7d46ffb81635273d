"""The optimizer's step, worked out from gradient and memory, is the step that PyTorch takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer

from liuli import system
from liuli.errors import UserError
from liuli.explaining import explain_step
from liuli.tracing import trace

Parameters = Iterable[nn.Parameter]

OPTIMIZERS: dict[str, tuple[Callable[[Parameters], Optimizer], system.SGD | system.Adam | None]] = {
    "descent": (lambda w: SGD(w, 0.1), system.SGD(0.1)),
    "momentum": (lambda w: SGD(w, 0.1, 0.9, weight_decay=0.01), system.SGD(0.1, 0.9, weight_decay=0.01)),
    "nesterov": (lambda w: SGD(w, 0.1, 0.9, nesterov=True), system.SGD(0.1, 0.9, nesterov=True)),
    "dampened": (lambda w: SGD(w, 0.1, 0.9, dampening=0.3), None),
    "adam": (lambda w: Adam(w, 0.01), system.Adam(0.01)),
    "adam with L2": (
        lambda w: Adam(w, 0.01, weight_decay=0.1),
        system.Adam(0.01, weight_decay=0.1, decoupled=False),
    ),
    "adamw": (lambda w: AdamW(w, 0.01, (0.8, 0.99), 1e-6, 0.1), system.Adam(0.01, 0.8, 0.99, 1e-6, 0.1)),
}


@pytest.mark.parametrize("clip", [None, 0.1], ids=["unclipped", "clipped"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps(name: str, clip: float | None) -> None:
    make, recipe = OPTIMIZERS[name]
    torch.manual_seed(0)
    network = nn.Linear(3, 2).double()
    optimizer = make(network.parameters())
    for _ in range(3):
        given = torch.randn(4, 3, dtype=torch.float64)
        record = trace(network, given, loss=lambda output: output.square().mean())
        memory = {key: one.clone() for key, one in optimizer.state.get(network.weight, {}).items() if one is not None}
        optimizer.zero_grad()
        network(given).square().mean().backward()
        if clip:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        for one in (optimizer, recipe):
            if one is not None:
                found = explain_step(record, "weight", (1, 2), one, memory, clip=clip, after=network.weight)
                assert abs(found.residual) <= 1e-12 * found.scale
                assert "weight[1,2] →" in found.text()
                assert found.to_json()["direction"] == "step"


def test_a_rate_of_its_own() -> None:
    record = trace(nn.Linear(2, 1), torch.ones(2), loss=(0,))
    weight, slope = record.value("weight"), record.value("weight").grad
    assert slope is not None
    found = explain_step(record, weight, (0, 1), system.SGD(1.0), rate=0.25)
    assert found.result == pytest.approx(float(weight.tensor[0, 1] - 0.25 * slope[0, 1]))


def test_what_no_optimizer_steps_on_is_refused() -> None:
    record = trace(nn.Linear(2, 1), torch.ones(2), loss=(0,))
    with pytest.raises(UserError, match="%0: is no parameter that a gradient reached"):
        explain_step(record, "%0", (0,), system.SGD(1.0))
    with pytest.raises(UserError, match="Adagrad is not explained"):
        explain_step(record, "weight", (0, 0), Adagrad(nn.Linear(2, 1).parameters()))
