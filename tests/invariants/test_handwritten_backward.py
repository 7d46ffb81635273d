"""Functions with a backward pass of their own: their inside is seen, and nothing false is said of their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import liuli
from liuli.explaining.explain import bench
from liuli.lab.instances import explained
from tests.truth import truth


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # type: ignore[override]
        return -slope


class Itself(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # type: ignore[override]
        return slope * 5


class Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, k: float) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, w)
        return x**2 * w, (x + k).sum()

    @staticmethod
    def backward(ctx: Any, slope: Tensor, other: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        x, w = ctx.saved_tensors
        return slope * w + other, slope * x, None


class Added(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x.add_(1))
        return x

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:  # type: ignore[override]
        return slope * 7


reverse = Reverse.apply  # as many name it


def test_a_backward_pass_of_its_own_is_not_taken_for_the_derivative() -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(3) * 2)

        def forward(self, x: Tensor) -> Tensor:
            a = x * self.w
            b, c = Pair.apply(Itself.apply(reverse(a)), self.w, 3.0)
            d = b * 2
            return Added.apply(d).sum() + c

    record = liuli.trace(Reads(), torch.arange(3.0) + 1)
    own = {one.handwritten.name: one.handwritten.inputs for one in record.operations if one.handwritten}
    (a,), (d,) = record.find("a"), record.find("d")
    assert (own["Reverse"], own["Pair"][1], own["Added"]) == ((a.address,), "w", (d.address,))
    found = truth(record)
    assert found.faults == []
    assert all("is its own, and has no formula" in why for why in found.unexplained)
    parts = explained(bench(record), "w", 0, "backward")["parts"]
    reasons = [part.get("reason") for part in parts]
    assert reasons == [None, *["the backward pass of Pair is its own, and has no formula"] * 2]
