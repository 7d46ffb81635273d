"""Softmax, and the loss that is made for it: cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.scratch.tape import Array, Tensor, record


def softmax(scores: Tensor) -> Tensor:
    """ŷₖ = e^zₖ / Σⱼ e^zⱼ: any K scores become K probabilities, which keep the order and sum to 1.

    Only differences of scores count: adding c to all multiplies both numerator and denominator by eᶜ. So the
    largest score is taken off first; the largest power is then e⁰ = 1, and nothing overflows.

        ∂ŷₖ/∂zⱼ = ŷₖ(δₖⱼ − ŷⱼ)   hence   ∂L/∂zⱼ = ŷⱼ (∂L/∂ŷⱼ − Σₖ ∂L/∂ŷₖ ŷₖ)

    Shapes: (…, K) → (…, K)
    """
    powers = np.exp(scores.value - scores.value.max(axis=-1, keepdims=True))  # (…, K)
    y = powers / powers.sum(axis=-1, keepdims=True)  # (…, K)

    def rule(upstream: Array) -> Array:
        mean: Array = (upstream * y).sum(axis=-1, keepdims=True)  # (…, 1)
        share: Array = y * (upstream - mean)  # (…, K)
        return share

    return record("softmax", y, (scores, rule))


def softmax_cross_entropy(scores: Tensor, labels: NDArray[np.integer[Any]]) -> Tensor:
    """L = −(1/B) Σ ln ŷ[label], ŷ = softmax(scores): how surprised the network is by the right answers.

    One example, whose right class is c, so that y is 1 at c and 0 elsewhere:

        L = −ln ŷ_c = −ln (e^z_c / Σⱼ e^zⱼ) = −z_c + ln Σⱼ e^zⱼ

        ∂L/∂zₖ = −[k = c] + e^zₖ / Σⱼ e^zⱼ = ŷₖ − yₖ

    The gradient is the prediction minus the truth: nothing is left of exponentials or logarithms. It is never
    larger than 1, and vanishes only when the answer is right, which is why softmax and cross-entropy are one
    operation here. Computed by way of ŷ instead, a surely wrong answer would give ln 0 = −∞; here the
    logarithm is taken of Σⱼ e^(zⱼ − max z) ≥ 1.

    Shapes: scores (B, K), labels (B), whole numbers in [0, K) → a single number
    """
    rows = np.arange(len(labels))
    shifted = scores.value - scores.value.max(axis=1, keepdims=True)  # (B, K), the largest is 0
    powers = np.exp(shifted)  # (B, K), in [0, 1]
    sums = powers.sum(axis=1)  # (B), in [1, K]
    losses = np.log(sums) - shifted[rows, labels]  # (B)

    def rule(upstream: Array) -> Array:
        share: Array = powers / sums[:, None]  # (B, K), ŷ
        share[rows, labels] -= 1  # ŷ − y
        share *= upstream / len(labels)
        return share

    return record("softmax_cross_entropy", losses.mean(), (scores, rule))
