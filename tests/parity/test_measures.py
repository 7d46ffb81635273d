"""What is measured of a classifier equals what scikit-learn measures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from liuli.data.dataset import Facts
from liuli.tasks import measures
from liuli.tasks.image_classification import ImageClassification

COUNTS = [(10, 500), (10, 37), (7, 300), (3, 60), (2, 50)]


def drawn(classes: int, count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (N, K) that are right more often than not, and labels that leave the last class out of both."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(max(classes - 1, 2), (count,), generator=generator)
    scores = torch.randn(count, classes, generator=generator) * 2
    scores[torch.arange(count), labels] += 2
    if classes > 2:
        scores[:, -1] = -9
    return scores, labels


@pytest.mark.parametrize(("classes", "count"), COUNTS)
def test_equal_to_scikit_learn(classes: int, count: int) -> None:
    scores, labels = drawn(classes, count)
    names = [f"class {k}" for k in range(classes)]
    mine: dict[str, Any] = measures.classification(scores, labels, names)
    every, true, answers = list(range(classes)), labels.numpy(), scores.argmax(1).numpy()
    probabilities = scores.double().softmax(1).numpy()
    assert mine["loss"] == pytest.approx(sk.log_loss(true, probabilities, labels=every), rel=1e-12)
    assert mine["accuracy"] == sk.accuracy_score(true, answers)
    assert mine["confusion"] == sk.confusion_matrix(true, answers, labels=every).tolist()
    if classes > 5:
        assert mine["top5"] == sk.top_k_accuracy_score(true, scores.numpy(), k=5, labels=every)
    assert ("top5" in mine) == (classes > 5)
    theirs = sk.precision_recall_fscore_support(true, answers, labels=every, zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "count"), theirs, strict=True):
        assert [row[key] for row in mine["classes"]] == pytest.approx(list(values), abs=1e-15)
    assert [row["class"] for row in mine["classes"]] == names


@pytest.mark.parametrize(("classes", "count"), COUNTS)
def test_calibration_is_equal_to_scikit_learn(classes: int, count: int) -> None:
    scores, labels = drawn(classes, count, seed=1)
    probabilities = scores.double().softmax(1)
    bins = measures.calibration_bins(probabilities, labels)
    confidence, answers = (values.numpy() for values in probabilities.max(1))
    right = answers == labels.numpy()
    accuracy, mean = calibration_curve(right, confidence, n_bins=measures.BINS, strategy="uniform")
    filled = [one for one in bins if one["count"]]
    assert [one["accuracy"] for one in filled] == pytest.approx(list(accuracy), abs=1e-12)
    assert [one["confidence"] for one in filled] == pytest.approx(list(mean), abs=1e-12)
    assert sum(one["count"] for one in bins) == count
    weights = np.array([one["count"] for one in filled]) / count
    assert measures.calibration_error(bins) == pytest.approx(float(weights @ np.abs(accuracy - mean)), abs=1e-12)


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not() -> None:
    scores = torch.tensor([[99.0, 0.0], [0.0, 99.0]])
    right = measures.calibration_bins(scores.softmax(1), torch.tensor([0, 1]))
    wrong = measures.calibration_bins(scores.softmax(1), torch.tensor([1, 0]))
    assert (measures.calibration_error(right), measures.calibration_error(wrong)) == (0, 1)
    assert right[-1]["count"] == 2, "a probability of one belongs to the last bin"


def test_an_edge_belongs_to_the_bin_below() -> None:
    bins = measures.calibration_bins(torch.tensor([[0.6, 0.4]], dtype=torch.float64), torch.tensor([0]))
    assert [k for k, one in enumerate(bins) if one["count"]] == [8], "(8/15, 9/15] holds 0.6"


def test_a_whole_task_in_json() -> None:
    task = ImageClassification(size=28, channels=1)
    facts = Facts("made", "", "", "image", "handwriting", (28, 28, 1), tuple("0123456789"))
    scores, labels = drawn(10, 40)
    measured = task.metrics(scores, (torch.zeros(40, 1, 28, 28), labels), facts)
    assert json.loads(json.dumps(measured)) == measured
    assert int(task.tally(scores, (torch.zeros(0), labels))["accuracy"]) / 40 == measured["accuracy"]
    answer = task.answer(scores[0], facts)
    assert answer["answer"] == str(int(scores[0].argmax()))
    assert sum(answer["probabilities"].values()) == pytest.approx(1)  # type: ignore[attr-defined]
    assert answer["probability"] == max(answer["probabilities"].values())  # type: ignore[attr-defined]
