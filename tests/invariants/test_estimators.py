"""Perceptron, Gaussian classifier and PCA: scikit-learn's contract, and what mathematics promises of each."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from liuli.catalog import find
from liuli.data.store import load
from liuli.errors import UserError
from liuli.models.foundations.gaussian_classifier import GaussianClassifier
from liuli.models.foundations.pca import PCA
from liuli.models.foundations.perceptron import Perceptron

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


@pytest.mark.parametrize(
    "estimator",
    [Perceptron(max_updates=1000, random_state=0), GaussianClassifier(), GaussianClassifier(shared=True), PCA()],
    ids=["perceptron", "gaussian", "gaussian shared", "pca"],
)
def test_keeps_the_contract_of_scikit_learn(estimator: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks that it skips, and of planes that there are not
        results = check_estimator(estimator, on_fail=None)
    assert [one["check_name"] for one in results if one["status"] == "failed"] == []
    assert len(results) > 40


def test_the_perceptron_makes_no_more_mistakes_than_the_bound() -> None:
    data = load("iris-two").train
    rows = np.hstack([data.inputs, np.ones((len(data), 1))])
    widest = SVC(kernel="linear", C=1e10).fit(data.inputs, data.targets)
    plane = np.append(widest.coef_, widest.intercept_)
    margin = np.min((2 * data.targets - 1) * (rows @ plane)) / np.linalg.norm(plane)
    assert margin > 0, "else it would bound nothing"
    bound = (np.linalg.norm(rows, axis=1).max() / margin) ** 2
    for seed in range(20):
        unit = Perceptron(random_state=seed).fit(data.inputs, data.targets)
        assert 0 < unit.updates_[0] <= bound
        assert unit.errors_[0] == 0
        assert unit.score(data.inputs, data.targets) == 1


def test_the_rate_only_scales_the_perceptron() -> None:
    data = load("iris-two").train
    one, two = (Perceptron(eta, random_state=3).fit(data.inputs, data.targets) for eta in (1.0, 4.0))
    assert np.array_equal(4 * one.coef_, two.coef_)
    assert one.updates_ == two.updates_


def test_the_perceptron_refuses_to_loop_for_ever() -> None:
    for seed in range(5):
        with pytest.warns(ConvergenceWarning, match=r"no plane .* in 1,000 updates; .* 1 of 4 examples"):
            unit = Perceptron(max_updates=1000, random_state=seed).fit(*XOR)
        assert unit.updates_ == [1000]
        assert unit.errors_ == [1], "three of four is what a plane can do, and the pocket keeps it"
        assert unit.score(*XOR) == 0.75


def test_the_pocket_is_no_worse_than_where_learning_ended() -> None:
    flowers = load_iris()
    later = flowers.target > 0  # versicolor and virginica overlap
    with pytest.warns(ConvergenceWarning):
        unit = Perceptron(max_updates=2000, random_state=0).fit(flowers.data[later], flowers.target[later])
    assert unit.errors_[0] <= 8
    assert unit.score(flowers.data[later], flowers.target[later]) == 1 - unit.errors_[0] / 100


def test_one_class_is_too_few() -> None:
    for estimator in (Perceptron(), GaussianClassifier()):
        with pytest.raises(ValueError, match="one class only"):
            estimator.fit(np.eye(3), [1, 1, 1])


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("LIULI_DATA"), reason="LIULI_DATA is not set")
def test_the_figures_of_the_pokemon() -> None:
    data = load("pokemon")
    assert (np.bincount(data.train.targets).tolist(), np.bincount(data.test.targets).tolist()) == ([79, 61], [33, 37])
    own = GaussianClassifier().fit(data.train.inputs, data.train.targets)
    assert own.means_ == pytest.approx(np.array([[75.0, 71.3], [55.6, 59.8]]), abs=0.05)
    assert own.covariance_[0] == pytest.approx(np.array([[874, 327], [327, 929]]), abs=0.5)
    assert own.covariance_[1] == pytest.approx(np.array([[468.3, 197.8], [197.8, 552.7]]), abs=0.05)
    shared = GaussianClassifier(shared=True).fit(data.train.inputs, data.train.targets)
    assert shared.covariance_[0] == pytest.approx((79 * own.covariance_[0] + 61 * own.covariance_[1]) / 140)
    accuracies = [one.score(data.test.inputs, data.test.targets) for one in (own, shared)]
    assert accuracies == [pytest.approx(36 / 70), pytest.approx(34 / 70)], "numbers of 400 and more: hardly a coin's"

    away = data.train.inputs[data.train.targets == 1] - own.means_[0]
    circulating = np.array([[847, 422], [422, 685]])
    assert away.T @ away / 61 == pytest.approx(circulating, abs=1), "class 2 about the mean of class 1"


def two_clouds() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 3)) @ random.normal(size=(3, 3))
    labels = (np.arange(60) % 3 == 0).astype(int)
    return rows + labels[:, None] * [1.0, 0.5, 0], labels


def test_with_one_covariance_the_posterior_is_a_sigmoid_of_a_plane() -> None:
    rows, labels = two_clouds()
    fitted = GaussianClassifier(shared=True).fit(rows, labels)
    sigmoid = expit(rows @ fitted.coef_[0] + fitted.intercept_)
    assert fitted.predict_proba(rows)[:, 1] == pytest.approx(sigmoid, rel=1e-10)
    assert fitted.decision_function(rows) == pytest.approx(rows @ fitted.coef_[0] + fitted.intercept_, rel=1e-9)


def test_a_precision_is_the_inverse_of_its_covariance() -> None:
    rows, labels = two_clouds()
    fitted = GaussianClassifier(ridge=0).fit(rows, labels)
    assert fitted.covariance_ @ fitted.precision_ == pytest.approx(np.stack([np.eye(3)] * 2), abs=1e-10)
    assert fitted.log_determinant_ == pytest.approx(np.linalg.slogdet(fitted.covariance_)[1])


def test_a_class_of_few_rows_has_an_answer_all_the_same() -> None:
    rows, labels = np.array([[0.0, 0], [0, 1], [5, 5]]), [0, 0, 1]
    assert GaussianClassifier().fit(rows, labels).predict(rows).tolist() == labels
    with pytest.raises(ValueError, match="set ridge above 0"):
        GaussianClassifier(ridge=0).fit(rows, labels)


@pytest.mark.parametrize("standardize", [False, True])
def test_components_are_a_rotation(standardize: bool) -> None:
    rows = np.random.default_rng(1).normal(size=(5000, 6)) * [1, 2, 3, 4, 5, 0] + 7  # more than a block; one constant
    whole = PCA(6, standardize).fit(rows)
    assert whole.components_ @ whole.components_.T == pytest.approx(np.eye(6), abs=1e-12)
    assert whole.inverse_transform(whole.transform(rows)) == pytest.approx(rows)
    assert whole.explained_variance_ratio_.sum() == pytest.approx(1)
    assert (np.diff(whole.explained_variance_) <= 1e-12).all()
    largest = np.abs(whole.components_).argmax(1)
    assert (whole.components_[np.arange(6), largest] > 0).all()
    few = PCA(2, standardize).fit(rows)
    assert few.components_ == pytest.approx(whole.components_[:2])
    coordinates = few.transform(rows)
    assert np.cov(coordinates.T) == pytest.approx(np.diag(few.explained_variance_), abs=1e-9)
    assert few.transform(few.inverse_transform(coordinates)) == pytest.approx(coordinates), "what is kept stays kept"


def test_more_components_than_features_are_refused() -> None:
    for wrong in (0, 4):
        with pytest.raises(ValueError, match=f"n_components is {wrong}, expected 1 to the number of features, 3"):
            PCA(wrong).fit(np.eye(3))


def test_of_few_columns_there_are_no_more_components() -> None:
    assert find("pca").build(features=4).components.shape == (4, 4)
    assert find("pca").build(features=4, components=2).components.shape == (2, 4)
    with pytest.raises(UserError, match="components is 0, expected 1 or more"):
        find("pca").build(features=4, components=0)


@pytest.mark.parametrize("name", ["perceptron", "gaussian-classifier", "pca"])
def test_the_network_computes_what_the_estimator_computes(name: str) -> None:
    system = find(name)
    batch = system.task.draw(30)
    network = system.build()
    torch.manual_seed(0)
    network.learn(batch, 1.0)
    rows, labels = (one.numpy() for one in batch)
    torch.manual_seed(0)
    output = network(batch[0]).detach().numpy()
    if name == "perceptron":
        fitted = Perceptron(random_state=int(torch.randint(2**31, ()))).fit(rows, labels)
        assert output[:, 0] == pytest.approx(fitted.decision_function(rows), rel=1e-4, abs=1e-4)
        assert ((output[:, 0] > 0) == labels).all()
    elif name == "gaussian-classifier":
        assert output == pytest.approx(GaussianClassifier().fit(rows, labels).scores(rows), rel=1e-4, abs=1e-4)
    else:
        fitted = PCA(50).fit(rows)
        assert output[:, :50] == pytest.approx(fitted.transform(rows), rel=1e-3, abs=1e-3)
        assert output[:, 50:] == pytest.approx(fitted.inverse_transform(fitted.transform(rows)), rel=1e-3, abs=1e-3)
