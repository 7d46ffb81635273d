"""A fault in a network that makes pictures is found by its oracle, where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from liuli import catalog
from liuli.tasks.adversarial import ImageGeneration
from liuli.tasks.examples import Batch, Outcome
from liuli.tasks.latent import Parts
from tests.planted import first_wrong


def steeper_leak(model: nn.Module) -> None:
    layer = model.discriminator.hidden2
    layer.forward = lambda x: leaky_relu(x, 0.01) @ layer.weight.T + layer.bias


def other_epsilon(model: nn.Module) -> None:
    model.generator.norm2.eps = 1e-3


def variance_for_deviation(model: nn.Module) -> None:
    layer = model.log_variance
    layer.forward = lambda x: 2 * (x @ layer.weight.T + layer.bias)


def forgotten_bias(model: nn.Module) -> None:
    model.decoder.forward = lambda code: code @ model.decoder.weight.T


@pytest.mark.parametrize(
    ("name", "plant", "first"),
    [
        ("gan", steeper_leak, "discriminator.hidden2"),
        ("gan", other_epsilon, "generator.norm2"),
        ("vae", variance_for_deviation, "log_variance"),
        ("vae", forgotten_bias, "decoder"),
    ],
)
def test_a_fault_is_found_where_it_is(name: str, plant: Callable[[nn.Module], None], first: str) -> None:
    assert first_wrong(name) is None
    assert first_wrong(name, plant) == first


def test_a_divergence_of_the_wrong_sign_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Parts.divergence
    monkeypatch.setattr(Parts, "divergence", lambda parts: -right(parts))
    assert first_wrong("vae") == "loss"


def test_a_saturating_loss_is_found() -> None:
    """The loss of the paper's equation 1, log(1 − D(G(z))), whose slope vanishes where the discriminator is sure."""

    class Saturating(ImageGeneration):
        def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
            output: Tensor = model(*self.inputs(batch))
            return Outcome(-torch.nn.functional.softplus(output[:, -1]).mean(), output)

    task = catalog.find("gan").task
    assert first_wrong("gan", task=Saturating(**vars(task))) == "loss"
