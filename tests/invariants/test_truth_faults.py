"""The tests of truth can fail: an explainer with a fault planted in it turns them red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from liuli.explaining import derivative, expression
from liuli.explaining.families import convolution, linear, moving, normalization, pooling
from liuli.explaining.fold import Fold
from liuli.tracing import Record, trace
from tests.truth import truth


class Small(nn.Module):
    """A convolution with a stride, a norm, a pool, a dense layer, a bend."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 3, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(4)
        self.dense = nn.Linear(12, 5)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        maps = self.norm(self.convolution(pictures))
        pooled = F.avg_pool2d(maps, 2, ceil_mode=True, padding=1)[..., :2, :2].flip(-1).flatten(1)
        return F.gelu(self.dense(pooled))


def record() -> Record:
    torch.manual_seed(0)
    return trace(Small(), torch.randn(2, 2, 8, 8), loss=lambda scores: F.cross_entropy(scores, torch.tensor([0, 3])))


def dropped_bias(patch: pytest.MonkeyPatch) -> None:
    right = linear.Contraction.environment
    patch.setattr(linear.Contraction, "environment", lambda self, *args: {**right(self, *args), "b": None})


def wrong_stride(patch: pytest.MonkeyPatch) -> None:
    right = convolution.Link
    patch.setattr(convolution, "Link", lambda *parts: replace(right(*parts), stride=1))


def wrong_padding(patch: pytest.MonkeyPatch) -> None:
    right = convolution.Link
    patch.setattr(convolution, "Link", lambda *parts: replace(right(*parts), padding=0))


def unbiased_variance(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(normalization, "NORMALIZED", normalization.NORMALIZED.replace("**2)/n", "**2)/(n - 1)"))


def whole_windows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pooling.MeanPool, "divided", lambda self, flat, window: len(window))


def neighbour(patch: pytest.MonkeyPatch) -> None:
    right = moving.Moved.expression
    patch.setattr(moving.Moved, "expression", lambda self, output, flat: right(self, output, max(flat - 1, 0)))


def lost_slope(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(derivative.RULES, "erf", lambda x: (derivative.call("exp", -(x**2)),))


def forgotten_use(patch: pytest.MonkeyPatch) -> None:
    right = linear.Contraction.gradient

    def gradient(self: Any, address: str, flat: int) -> Any:
        found = right(self, address, flat)
        body = found.body if isinstance(found, Fold) else None
        return expression.ZERO if body is not None and isinstance(body, expression.Column) else found

    patch.setattr(linear.Contraction, "gradient", gradient)


def test_without_a_fault_all_is_true() -> None:
    assert truth(record(), 10).faults == []


@pytest.mark.parametrize(
    "plant",
    [
        dropped_bias, wrong_stride, wrong_padding, unbiased_variance, whole_windows, neighbour, lost_slope,
        forgotten_use,
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    found = truth(record(), 10)
    assert found.faults
