"""Engines compute what a few lines of plain PyTorch compute, and each other's numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from liuli import catalog
from liuli.system import SGD, Adam, Recipe
from liuli.training.captured import CapturedEngine
from liuli.training.engine import Engine
from liuli.training.scratch_engine import ScratchEngine
from liuli.training.torch_engine import TorchEngine

SYSTEM = catalog.find("mlp")
OPTIMIZERS = {
    "adam": Adam(lr=2e-3),
    "adamw": Adam(lr=2e-3, beta1=0.8, beta2=0.99, epsilon=1e-6, weight_decay=0.1),
    "adam with L2": Adam(lr=2e-3, weight_decay=0.1, decoupled=False),
    "sgd": SGD(lr=0.5),
    "momentum": SGD(lr=0.1, momentum=0.9, weight_decay=1e-3),
    "nesterov": SGD(lr=0.1, momentum=0.9, nesterov=True),
}
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def recipe(optimizer: Adam | SGD, **changes: object) -> Recipe:
    return replace(SYSTEM.recipe, optimizer=optimizer, **changes)


def network() -> nn.Module:
    torch.manual_seed(0)
    return SYSTEM.build()


def batches(count: int = 6) -> list[tuple[Tensor, ...]]:
    return [SYSTEM.task.draw(32, seed) for seed in range(count)]


def rates(count: int = 6) -> list[float]:
    """A rate of its own for every step."""
    return [1.0 / (1 + step) for step in range(count)]


def by_hand(plan: Recipe) -> tuple[dict[str, Tensor], list[float]]:
    """Weights and losses after six steps of PyTorch's own optimizers, one parameter at a time."""
    model, kind = network(), plan.optimizer
    if isinstance(kind, Adam):
        own = torch.optim.AdamW if kind.decoupled else torch.optim.Adam
        optimizer: torch.optim.Optimizer = own(
            model.parameters(), kind.lr, (kind.beta1, kind.beta2), kind.epsilon, kind.weight_decay, foreach=False
        )
    else:
        optimizer = torch.optim.SGD(
            model.parameters(), kind.lr, kind.momentum, 0, kind.weight_decay, kind.nesterov, foreach=False
        )
    losses = []
    for (pixels, labels), rate in zip(batches(), rates(), strict=True):
        optimizer.param_groups[0]["lr"] = kind.lr * rate
        loss = cross_entropy(model(pixels / 255), labels)
        optimizer.zero_grad()
        loss.backward()
        if plan.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        optimizer.step()
        losses.append(loss.item())
    return model.state_dict(), losses


def by_engine(engine: Engine, plan: Recipe) -> tuple[dict[str, Tensor], list[float]]:
    losses = [
        engine.train_step(batch, plan.optimizer.lr * rate)["loss"].item()
        for batch, rate in zip(batches(), rates(), strict=True)
    ]
    return engine.weights(), losses


def make(kind: str, plan: Recipe) -> Engine:
    if kind == "torch":
        return TorchEngine(network(), SYSTEM.task, plan)
    if kind == "captured":
        return CapturedEngine(network(), SYSTEM.task, plan)
    return ScratchEngine(SYSTEM, network(), {}, plan)


@pytest.mark.parametrize("kind", ["torch", "captured", "scratch"])
@each_optimizer
@pytest.mark.parametrize("changes", [{}, {"clip": 0.05}, {"accumulate": 3}], ids=["plain", "clipped", "in pieces"])
def test_engine_is_what_plain_pytorch_is(kind: str, optimizer: Adam | SGD, changes: dict[str, object]) -> None:
    plan = recipe(optimizer, **changes)
    expected, expected_losses = by_hand(plan)
    weights, losses = by_engine(make(kind, plan), plan)
    assert losses == pytest.approx(expected_losses, rel=1e-5)
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=2e-5, msg=name)  # Adam divides roundings


@pytest.mark.parametrize("kind", ["torch", "captured", "scratch"])
@each_optimizer
def test_an_engine_goes_on_from_its_state_bit_for_bit(kind: str, optimizer: Adam | SGD) -> None:
    plan = recipe(optimizer)
    engine, other = make(kind, plan), make(kind, plan)
    for batch in batches(3):
        engine.train_step(batch, 1e-2)
    other.load_state({name: value.clone() for name, value in engine.state().items()})
    for one in (engine, other):
        for batch in batches(3):
            one.train_step(batch, 1e-2)
    assert engine.state().keys() == other.state().keys()
    for name, value in engine.state().items():
        assert torch.equal(value, other.state()[name]), name


@pytest.mark.parametrize("kind", ["torch", "captured", "scratch"])
def test_evaluation_changes_nothing_and_is_the_network(kind: str) -> None:
    plan = recipe(OPTIMIZERS["adam"])
    engine = make(kind, plan)
    batch = batches(1)[0]
    before = torch.get_rng_state()
    outcome = engine.evaluate(batch)
    assert torch.equal(torch.get_rng_state(), before)
    output = network()(batch[0] / 255)
    torch.testing.assert_close(outcome.output, output.detach(), rtol=1e-5, atol=1e-6)
    assert outcome.loss.item() == pytest.approx(cross_entropy(output, batch[1]).item(), rel=1e-5)
    assert not outcome.output.requires_grad


@pytest.mark.parametrize("kind", ["torch", "captured", "scratch"])
def test_a_weighted_loss_is_a_weighted_gradient(kind: str) -> None:
    plan = recipe(SGD(lr=1.0))
    once, half = make(kind, plan), make(kind, plan)
    start = {name: value.clone() for name, value in once.weights().items()}
    for engine, weight in ((once, 1.0), (half, 0.5)):
        engine.train_step(batches(1)[0], 1.0, weight)
    for name, value in start.items():
        torch.testing.assert_close(
            2 * (half.weights()[name] - value), once.weights()[name] - value, atol=2e-7, rtol=1e-4
        )
        torch.testing.assert_close(once.gradients()[name], value - once.weights()[name], atol=2e-7, rtol=1e-4)
