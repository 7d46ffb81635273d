"""Two networks that take turns under one engine change as under two optimizers of PyTorch's, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from liuli import catalog
from liuli.errors import UserError
from liuli.oracles import gan as oracle
from liuli.system import SGD, Adam, Recipe
from liuli.tasks.adversarial import ImageGeneration
from liuli.training import engine as engines
from liuli.training.torch_engine import TorchEngine
from liuli.training.world import World

SYSTEM = catalog.find("gan")
ADAM = Adam(lr=1e-3, beta1=0.5, beta2=0.99)
RATES = [1e-3, 5e-4, 2e-3, 1e-3]


def batches() -> list[tuple[Tensor, ...]]:
    return [SYSTEM.task.draw(12, seed) for seed in range(len(RATES))]


def network() -> nn.Module:
    torch.manual_seed(0)
    return SYSTEM.build().train()


def written_out(recipe: Recipe) -> tuple[nn.Module, list[float], list[float]]:
    """The algorithm of the paper with an optimizer for each part and PyTorch's own loss."""
    model = network()
    torch.manual_seed(5)  # of the dropout
    parts = {name: getattr(model, name) for name in ("discriminator", "generator")}
    kind = recipe.optimizer
    optimizers: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.AdamW(part.parameters(), 1.0, (kind.beta1, kind.beta2), kind.epsilon, 0.0, fused=True)
        if isinstance(kind, Adam)
        else torch.optim.SGD(part.parameters(), 1.0, kind.momentum, fused=True)
        for name, part in parts.items()
    }
    losses: dict[str, list[float]] = {"discriminator": [], "generator": []}
    for (noise, pixels, _), rate in zip(batches(), RATES, strict=True):
        for optimizer in optimizers.values():
            optimizer.param_groups[0]["lr"] = rate
        samples = model.generator(noise).detach()
        scores = model.discriminator(torch.cat([samples, (pixels / 255).flatten(1)])).flatten()
        truth = torch.cat([torch.zeros(12), torch.ones(12)])
        loss = 2 * bce(scores, truth) + penalty(model.discriminator, (pixels / 255).flatten(1)[:3])
        step(optimizers["discriminator"], parts["discriminator"], loss, recipe)
        losses["discriminator"].append(loss.item())
        optimizers["generator"].zero_grad()
        score = model(noise)[:, -1]
        step(optimizers["generator"], parts["generator"], bce(score, torch.ones(12)), recipe)
        losses["generator"].append(bce(score, torch.ones(12)).item())
    return model, losses["discriminator"], losses["generator"]


def penalty(discriminator: nn.Module, pictures: Tensor) -> Tensor:
    """γ/2 ‖∇ score‖², from the Jacobian."""
    jacobian = torch.func.jacrev(lambda one: discriminator(one).sum(0))(pictures)  # (1, B, P)
    return SYSTEM.task.flatness / 2 * jacobian.square().sum() / len(pictures)


def bce(scores: Tensor, truth: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(scores, truth)


def step(optimizer: torch.optim.Optimizer, part: nn.Module, loss: Tensor, recipe: Recipe) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    if recipe.clip is not None:
        nn.utils.clip_grad_norm_(part.parameters(), recipe.clip)
    optimizer.step()


def taking_turns(recipe: Recipe) -> tuple[TorchEngine, list[dict[str, Tensor]]]:
    engine = TorchEngine(network(), SYSTEM.task, recipe)
    torch.manual_seed(5)
    return engine, [engine.train_step(batch, rate) for batch, rate in zip(batches(), RATES, strict=True)]


@pytest.mark.parametrize(
    "changes",
    [{}, {"clip": 0.01}, {"optimizer": SGD(lr=1e-3, momentum=0.9)}],
    ids=["adam", "clipped", "momentum"],
)
def test_turns_are_two_optimizers(changes: dict[str, object]) -> None:
    recipe = replace(SYSTEM.recipe, **({"optimizer": ADAM} | changes))
    expected, of_discriminator, of_generator = written_out(recipe)
    engine, sums = taking_turns(recipe)
    assert [one["loss"].item() for one in sums] == pytest.approx(of_generator, rel=1e-6)
    assert [one["discriminator"].item() / 12 for one in sums] == pytest.approx(of_discriminator, rel=1e-6)
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(
            engine.weights()[name], value, rtol=1e-4, atol=2e-5, msg=name
        )  # Adam divides roundings
    assert engine.gradients().keys() == dict(expected.named_parameters()).keys(), "of both, for who asks"


def test_turns_are_two_optimizers_to_the_bit() -> None:
    """With the same losses, so that nothing but the turns and the optimizers can differ."""
    recipe = replace(SYSTEM.recipe, optimizer=ADAM)
    model = network()
    torch.manual_seed(5)
    made = {
        phase: torch.optim.AdamW(getattr(model, phase).parameters(), 1.0, (0.5, 0.99), 1e-8, 0.0, fused=True)
        for phase in SYSTEM.task.phases
    }
    for batch, rate in zip(batches(), RATES, strict=True):
        for phase, optimizer in made.items():
            optimizer.param_groups[0]["lr"] = rate
            loss = SYSTEM.task.phase_loss(phase, model, batch).loss
            step(optimizer, getattr(model, phase), loss, recipe)
    engine, _ = taking_turns(recipe)
    for name, value in model.state_dict().items():
        assert torch.equal(engine.weights()[name], value), name


def test_one_turn_changes_nothing_of_the_other() -> None:
    """A generator whose turn never comes stays as it was; so the discriminator's loss does not reach it."""
    only = type("Only", (type(SYSTEM.task),), {"phases": ("discriminator",)})
    engine = TorchEngine(network(), only(**vars(SYSTEM.task)), SYSTEM.recipe)
    before = {name: value.clone() for name, value in engine.parameters.items()}
    engine.train_step(batches()[0], 1e-3)
    moved = {name.split(".")[0] for name, value in engine.parameters.items() if not torch.equal(value, before[name])}
    assert moved == {"discriminator"}


def test_turns_go_on_from_their_state_to_the_bit() -> None:
    one, _ = taking_turns(SYSTEM.recipe)
    other = TorchEngine(network(), SYSTEM.task, SYSTEM.recipe)
    other.load_state({name: value.clone() for name, value in one.state().items()})
    for engine in (one, other):
        torch.manual_seed(9)
        for batch in batches():
            engine.train_step(batch, 1e-3)
    for name, value in one.state().items():
        assert torch.equal(value, other.state()[name]), name


@pytest.mark.parametrize(
    ("recipe", "precision"),
    [(replace(SYSTEM.recipe, accumulate=2), "32-true"), (SYSTEM.recipe, "bf16-mixed")],
    ids=["pieces", "mixed"],
)
def test_what_turns_cannot_do_is_refused(recipe: Recipe, precision: str) -> None:
    with pytest.raises(UserError, match="gan: its parts take turns"):
        engines.check(SYSTEM, recipe, "torch", precision, World())


def test_both_losses_are_the_papers() -> None:
    model = SYSTEM.build().double().eval()
    noise, pixels, labels = SYSTEM.task.draw(5)
    noise = noise.double()
    samples = model.generator(noise)
    pictures = (pixels / 255).flatten(1).double()
    fake, real = (model.discriminator(one).detach().numpy() for one in (samples, pictures))
    of_discriminator, of_generator = oracle.losses(real, fake)
    batch = (noise, pixels, labels)
    weights = {name: value.detach().numpy() for name, value in model.discriminator.state_dict().items()}
    assert isinstance(SYSTEM.task, ImageGeneration)
    of_discriminator += SYSTEM.task.flatness / 2 * oracle.steepness(weights, pictures[:2].numpy())
    assert SYSTEM.task.phase_loss("discriminator", model, batch).loss.item() == pytest.approx(
        of_discriminator, rel=1e-12
    )
    assert SYSTEM.task.phase_loss("generator", model, batch).loss.item() == pytest.approx(of_generator, rel=1e-12)
