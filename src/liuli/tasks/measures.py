"""What is measured of a classifier on pictures it has not learnt from.

With counts over the confusion matrix M, where M[i, j] pictures of class i were called j:

    precision of j = M[j, j] / Σᵢ M[i, j]      of those called j, how many are
    recall of i    = M[i, i] / Σⱼ M[i, j]      of those that are i, how many were found
    F1             = 2 · precision · recall / (precision + recall)

A quotient whose denominator is zero counts as zero.

Calibration (Guo, Pleiss, Sun & Weinberger, On calibration of modern neural networks, 2017, eq. 3):
answers are put in 15 bins by their confidence (the largest probability), and the expected calibration
error is the mean gap between confidence and accuracy, weighted by the answers in each bin:

    ECE = Σ_b n_b / N · |accuracy_b − confidence_b|
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

BINS = 15


class Bin(TypedDict):
    """Answers whose confidence is above `above` and at most `to`."""

    above: float
    to: float
    count: int
    confidence: float
    accuracy: float


def classification(scores: Tensor, labels: Tensor, classes: Sequence[str]) -> dict[str, object]:
    """Everything measured, ready for JSON.

    Args:
        scores: logits (N, K).
        labels: int64 (N,).
        classes: K names.

    Returns:
        loss (nats), accuracy, top5 (where there are more than five classes), classes (a row of precision,
        recall, F1 and count for each), confusion (K lists of K counts, row: true class, column: answer),
        calibration (error and bins).
    """
    scores, labels = scores.detach().double().cpu(), labels.cpu()
    bins = calibration_bins(scores.softmax(1), labels)
    top5 = {"top5": top_share(scores, labels, 5)} if len(classes) > 5 else {}
    return {
        "loss": float(cross_entropy(scores, labels)),
        **top5,
        **decisions(scores.argmax(1), labels, classes),
        "calibration": {"error": calibration_error(bins), "bins": bins},
    }


def decisions(answers: Tensor, labels: Tensor, classes: Sequence[str]) -> dict[str, object]:
    """What can be measured of answers without probabilities: accuracy, classes and confusion, as `classification` has.

    Args:
        answers: int64 (N,).
        labels: int64 (N,).
        classes: K names.
    """
    matrix = confusion(answers, labels, len(classes))
    precision, recall, f1 = precision_recall_f1(matrix)
    return {
        "accuracy": int(matrix.diagonal().sum()) / int(matrix.sum()),
        "classes": [
            {"class": name, "precision": p, "recall": r, "f1": f, "count": n}
            for name, p, r, f, n in zip(
                classes, precision.tolist(), recall.tolist(), f1.tolist(), matrix.sum(1).tolist(), strict=True
            )
        ],
        "confusion": matrix.tolist(),
    }


def likeliest(scores: Tensor, classes: Sequence[str]) -> dict[str, object]:
    """An answer from the scores of one example (K,): the likeliest class, its probability, and that of every class."""
    probabilities = scores.double().softmax(0).tolist()
    best = int(scores.argmax())
    return {
        "answer": classes[best],
        "probability": probabilities[best],
        "probabilities": dict(zip(classes, probabilities, strict=True)),
    }


def area_under_roc(scores: Tensor, labels: Tensor) -> float:
    """The chance that an example of class 1 has a higher score than one of class 0; where equal, half (Hanley, 1982).

    By ranks: with R the sum of the ranks of the n₁ examples of class 1, (R − n₁ (n₁ + 1) / 2) / (n₀ n₁). Without an
    example of one of them 0.

    Args:
        scores: (N,), higher for what looks like class 1.
        labels: int64 (N,), 0 or 1.
    """
    ones = int(labels.sum())
    zeros = len(labels) - ones
    return float(ranks(scores)[labels == 1].sum() - ones * (ones + 1) / 2) / max(1, ones * zeros)


def spearman(one: Tensor, other: Tensor) -> float:
    """The correlation of the ranks of two series, equal values sharing the mean of theirs; 0 where one is constant."""
    if len(one) < 2:
        return 0.0
    first, second = (ranks(series) - (len(series) + 1) / 2 for series in (one, other))
    scale = math.sqrt(float(first.square().sum() * second.square().sum()))
    return float((first * second).sum()) / scale if scale else 0.0


def ranks(values: Tensor) -> Tensor:
    """From 1 for the smallest, float64; equal values share the mean of their ranks."""
    _, place, count = torch.unique(values.double(), return_inverse=True, return_counts=True)
    shared: Tensor = count.cumsum(0).double() - (count - 1) / 2
    return shared[place]


def confusion(answers: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Counts (K, K), int64; row: true class, column: answer."""
    return torch.bincount(labels * classes + answers, minlength=classes * classes).view(classes, classes)


def precision_recall_f1(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each (K,), float64 in [0, 1], from the confusion matrix."""
    right = matrix.diagonal().double()
    called, true = matrix.sum(0), matrix.sum(1)
    precision = right / called.clamp(min=1)
    recall = right / true.clamp(min=1)
    f1 = 2 * right / (called + true).clamp(min=1)  # the harmonic mean, written without 0 / 0
    return precision, recall, f1


def top_share(scores: Tensor, labels: Tensor, count: int) -> float:
    """Share of pictures whose class is among the `count` likeliest answers."""
    return float((scores.topk(count, dim=1).indices == labels[:, None]).any(1).double().mean())


def calibration_bins(probabilities: Tensor, labels: Tensor) -> list[Bin]:
    """The 15 bins of (i/15, (i+1)/15]; an empty bin has confidence and accuracy 0."""
    confidence, answers = probabilities.max(1)
    right = (answers == labels).double()
    place = (confidence * BINS).ceil().long().clamp(1, BINS) - 1  # (N,)
    count = torch.bincount(place, minlength=BINS)
    filled = count.clamp(min=1)
    mean_confidence = torch.bincount(place, weights=confidence, minlength=BINS) / filled
    mean_right = torch.bincount(place, weights=right, minlength=BINS) / filled
    return [
        Bin(above=i / BINS, to=(i + 1) / BINS, count=n, confidence=c, accuracy=a)
        for i, (n, c, a) in enumerate(zip(count.tolist(), mean_confidence.tolist(), mean_right.tolist(), strict=True))
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error (ECE), in [0, 1]."""
    total = sum(one["count"] for one in bins)
    return sum(one["count"] * abs(one["accuracy"] - one["confidence"]) for one in bins) / total
