"""The estimators beside scikit-learn's and SciPy's, and faults planted in their networks, which the oracles find."""

from __future__ import annotations

import types
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA as TheirPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from liuli import catalog, checking
from liuli.models.foundations.gaussian_classifier import GaussianClassifier
from liuli.models.foundations.pca import PCA
from tests.planted import first_wrong


@pytest.mark.parametrize("standardize", [False, True])
def test_components_equal_those_of_scikit_learn(standardize: bool) -> None:
    rows = load_digits().data
    ours = PCA(20, standardize).fit(rows)
    scaled = StandardScaler().fit_transform(rows) if standardize else rows
    theirs = TheirPCA(20, svd_solver="full").fit(scaled)
    assert ours.components_ == pytest.approx(theirs.components_, abs=1e-8), "with their sign too"
    assert ours.explained_variance_ == pytest.approx(theirs.explained_variance_, rel=1e-8)
    assert ours.explained_variance_ratio_ == pytest.approx(theirs.explained_variance_ratio_, rel=1e-8)
    assert ours.transform(rows) == pytest.approx(theirs.transform(scaled), abs=1e-8)


def test_gaussians_of_their_own_equal_those_of_scipy() -> None:
    wine = load_wine()
    ours = GaussianClassifier(ridge=0).fit(wine.data, wine.target)
    densities = []
    for k in range(3):
        cloud = wine.data[wine.target == k]
        gaussian = multivariate_normal(cloud.mean(0), np.cov(cloud.T, bias=True))
        densities.append(gaussian.logpdf(wine.data) + np.log(len(cloud) / len(wine.data)))
    theirs = np.exp(np.stack(densities, 1) - np.logaddexp.reduce(densities)[:, None])
    assert ours.predict_proba(wine.data) == pytest.approx(theirs, abs=1e-8)


def test_gaussians_of_one_covariance_equal_the_linear_discriminant() -> None:
    cells = load_breast_cancer()
    rows = StandardScaler().fit_transform(cells.data[:, :10])
    ours = GaussianClassifier(shared=True, ridge=0).fit(rows, cells.target)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(rows, cells.target)
    assert ours.coef_ == pytest.approx(theirs.coef_, rel=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-6)
    assert ours.predict_proba(rows) == pytest.approx(theirs.predict_proba(rows), abs=1e-8)


def test_what_is_explained_equals_the_coefficient_of_determination() -> None:
    system = catalog.find("pca")
    batch = system.task.draw(40)
    network = system.build(components=5)
    network.learn(batch, 1.0)
    output = network(batch[0]).detach()
    metrics = system.task.metrics(output, batch, system.task.drawn_facts())
    rows, back = batch[0].double().numpy(), output[:, 5:].double().numpy()
    assert metrics["explained"] == pytest.approx(r2_score(rows, back, multioutput="variance_weighted"))
    assert metrics["error"] == pytest.approx(np.mean((rows - back) ** 2))
    assert metrics["coordinates"] == 5


def forget_the_threshold(network: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda rows: rows @ network.weight.T


def forget_the_half(network: nn.Module) -> Callable[[Tensor], Tensor]:
    def forward(rows: Tensor) -> Tensor:
        away = rows.unsqueeze(1) - network.mean
        distance = ((away.unsqueeze(2) @ network.precision).squeeze(2) * away).sum(-1)
        return network.log_prior - network.log_determinant - 0.5 * distance

    return forward


def forget_the_mean(network: nn.Module) -> Callable[[Tensor], Tensor]:
    right = type(network).forward
    return lambda rows: right(network, rows) - nn.functional.pad(network.mean, (len(network.components), 0))


@pytest.mark.parametrize(
    ("name", "plant"),
    [("perceptron", forget_the_threshold), ("gaussian-classifier", forget_the_half), ("pca", forget_the_mean)],
)
def test_a_planted_fault_is_found(name: str, plant: Callable[[nn.Module], Callable[[Tensor], Tensor]]) -> None:
    def planted(model: nn.Module) -> None:
        wrong = plant(model)
        model.forward = types.MethodType(lambda self, rows: wrong(rows), model)

    assert first_wrong(name, planted) == "forward"


def test_the_perceptron_is_checked_where_it_is_wrong() -> None:
    losses = {one.name: one.ours for one in checking.check("perceptron")}
    assert losses["loss"] > 0
    assert losses["gradient of weight"].any()
