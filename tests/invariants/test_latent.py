"""A variational bound is a bound, and is exact where the code's cloud is the true one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from liuli.catalog import find
from liuli.models.generative.vae import DRAWN, PIXELS, VAE
from liuli.tasks.latent import Autoencoding, Parts, directions, principal

TASK = find("vae").task
assert isinstance(TASK, Autoencoding)
LATENT = 3


def linear(weight: Tensor, offset: Tensor, encode: Tensor, log_variance: Tensor) -> VAE:
    """A VAE whose scores are `weight` z + `offset`, and whose code's mean is `encode` (x − offset).

    Its ReLUs pass everything: of each number one unit has the positive part and another the negative.
    """
    model = VAE(LATENT, hidden=2 * PIXELS).double()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    both = torch.cat([torch.eye(PIXELS), -torch.eye(PIXELS)]).double()
    with torch.no_grad():
        model.encoder.weight.copy_(both)
        model.encoder.bias.copy_(both @ -offset)
        model.mean.weight.copy_(encode @ both.T)
        model.log_variance.bias.copy_(log_variance)
        model.decoder.weight[: 2 * LATENT] = torch.cat([torch.eye(LATENT), -torch.eye(LATENT)])
        model.pixels.weight[:, : 2 * LATENT] = torch.cat([weight, -weight], 1)
        model.pixels.bias.copy_(offset)
    return model


def bound(model: VAE, x: Tensor, variance: float) -> Tensor:
    """The evidence lower bound of each row under p(x | z) = N(scores, variance · I), its expectation exact.

    What is averaged is a square in the noise, whose mean over the points ±√d on each axis is its expectation.
    """
    points = torch.cat([torch.eye(LATENT), -torch.eye(LATENT)]).double() * LATENT**0.5
    noise = torch.nn.functional.pad(points, (0, DRAWN - LATENT))
    total = torch.zeros(len(x), dtype=torch.float64)
    for one in noise:
        parts = TASK.parts(model(x, one.expand(len(x), -1)))
        squares = (x - parts.scores).square().sum(1)
        total -= (squares / variance + PIXELS * np.log(2 * np.pi * variance)) / 2 / len(noise)
    return total - parts.divergence().sum(1)


@pytest.mark.parametrize("moved", [0.0, 0.3], ids=["the true cloud", "another cloud"])
def test_linear_model_has_its_exact_likelihood_and_no_bound_is_above_it(moved: float) -> None:
    """Probabilistic PCA (Tipping & Bishop, 1999) is the linear VAE; scikit-learn knows its likelihood."""
    draw = np.random.Generator(np.random.PCG64(0))
    data = draw.normal(size=(900, 8)) @ draw.normal(size=(8, PIXELS)) + draw.normal(size=(900, PIXELS)) + 0.5
    pca = PCA(LATENT, svd_solver="full").fit(data)
    variance = float(pca.noise_variance_)
    lengths = np.sqrt(pca.explained_variance_ - variance)
    weight = torch.from_numpy(pca.components_.T * lengths)  # (P, d), columns at right angles
    inner = torch.diag(weight.T @ weight) + variance  # (d,): M of the paper, here diagonal
    model = linear(weight, torch.from_numpy(pca.mean_), (weight / inner).T, (variance / inner).log() + moved)

    rows = data[:20]
    with torch.no_grad():
        found = bound(model, torch.from_numpy(rows), variance).numpy()
    exact = pca.score_samples(rows)
    lost = LATENT * (np.exp(moved) - 1 - moved) / 2  # KL of one cloud from the other: variances by exp(moved)
    np.testing.assert_allclose(found, exact - lost, rtol=1e-10)
    assert np.all(found <= exact + 1e-7)


def test_the_loss_of_pictures_is_never_below_what_they_cost() -> None:
    """−log p(x) of black-and-white pictures by an integral over a code of one number."""
    torch.manual_seed(0)
    model = VAE(1, hidden=20).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)
    pixels, _, labels = TASK.draw(6)
    pixels = (pixels > 127).byte() * 255
    x = (pixels / 255).flatten(1).double()

    codes = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    scores = model.decode(codes[:, None])  # (codes, P)
    given = x @ scores.T - torch.nn.functional.softplus(scores).sum(1)  # log p(x | z): (6, codes)
    prior = -codes.square() / 2 - np.log(2 * np.pi) / 2 + np.log(18 / 20000)
    cost = -(given + prior).logsumexp(1)  # (6,)

    nodes, shares = np.polynomial.hermite_e.hermegauss(60)
    loss = torch.zeros(6, dtype=torch.float64)
    for node, share in zip(nodes, shares / shares.sum(), strict=True):
        batch = (pixels, torch.full((6, DRAWN), node, dtype=torch.float64), labels)
        output = model(*(one.double() for one in TASK.inputs(batch)))
        loss += share * (TASK.reconstruction(output, batch) + TASK.parts(output).divergence().sum(1))
    assert (loss >= cost).all()
    assert (loss - cost > 1e-3).any(), "a cloud that nobody fitted is not the true one"


def test_divergence_is_that_of_two_normal_distributions() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(2, 7, 5, dtype=torch.float64)
    mine = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())
    expected = torch.distributions.kl_divergence(mine, prior)
    torch.testing.assert_close(Parts(mean, mean, log_variance).divergence(), expected)


def test_metrics_are_means_in_nats_and_count_what_speaks() -> None:
    scores = torch.randn(4, PIXELS)
    mean = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    output = torch.cat([scores, mean, torch.zeros(4, 2)], 1)
    batch = TASK.draw(4)
    metrics = TASK.metrics(output, batch, TASK.drawn_facts())
    pictures = (batch[0] / 255).flatten(1)
    cost = torch.nn.functional.binary_cross_entropy_with_logits(scores, pictures, reduction="sum") / 4
    assert metrics["reconstruction"] == pytest.approx(cost.item(), rel=1e-6)
    assert metrics["divergence"] == 0.5
    assert metrics["bound"] == metrics["loss"] == pytest.approx(cost.item() + 0.5, rel=1e-6)
    assert (metrics["code"], metrics["active"]) == (2, 1)


def test_noise_is_fresh_in_training_and_the_same_in_evaluation() -> None:
    batch = TASK.draw(3)
    varied = TASK.augment(batch)
    assert torch.equal(varied[0], batch[0])
    assert not torch.equal(varied[1], batch[1])
    assert torch.equal(TASK.draw(3)[1], batch[1])


@pytest.mark.parametrize("latent", [1, 2, 20])
def test_codes_of_any_width_are_shown(latent: int) -> None:
    across = directions(latent)
    assert across.shape == (2, latent)
    if latent >= 2:
        torch.testing.assert_close(across @ across.T, torch.eye(2))
    codes = torch.randn(30, latent) * torch.arange(1, latent + 1)
    shown = principal(codes)
    assert shown.shape == (30, 2)
    if latent == 2:
        assert torch.equal(shown, codes)
    if latent > 2:
        expected = PCA(2).fit_transform(codes.numpy())
        np.testing.assert_allclose(np.abs(shown.numpy()), np.abs(expected), rtol=1e-3, atol=1e-3)
    drawn = TASK.watch(VAE(latent, hidden=10))
    assert {name: pixels.shape for name, pixels in drawn.items()} == {"samples": (289, 289, 1), "plane": (434, 434, 1)}
