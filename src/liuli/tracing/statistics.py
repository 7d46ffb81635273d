"""What can be said of a tensor in a few numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Statistics:
    """What can be said of a tensor in a few numbers. Of NaN and infinity only the counts take note."""

    count: int
    minimum: float
    maximum: float
    mean: float
    deviation: float  # of the population (divided by count)
    zeros: int
    nans: int
    infinities: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of the finite elements in equal bins: bin i is [edges[i], edges[i+1])."""

    edges: tuple[float, ...]  # one more than counts
    counts: tuple[int, ...]


def summarise(tensor: Tensor) -> Statistics:
    """The statistics of `tensor` (of the absolute values where it is complex), worked out in float64."""
    numbers = _real(tensor)
    finite = numbers[numbers.isfinite()]
    nans = int(numbers.isnan().sum())
    if finite.numel():
        low, high = (float(end) for end in finite.aminmax())
        mean, deviation = float(finite.mean()), float(finite.std(correction=0))
    else:
        low = high = mean = deviation = math.nan
    infinities = numbers.numel() - finite.numel() - nans
    return Statistics(numbers.numel(), low, high, mean, deviation, int((finite == 0).sum()), nans, infinities)


def spread(tensor: Tensor, bins: int) -> Histogram:
    """The histogram of the finite elements of `tensor`, from its minimum to its maximum.

    Where all of them are one number, the bins are one unit wide in all, about it.
    """
    numbers = _real(tensor)
    finite = numbers[numbers.isfinite()]
    low, high = (float(end) for end in finite.aminmax()) if finite.numel() else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(finite, bins=bins, min=low, max=high)
    edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
    return Histogram(tuple(edges.tolist()), tuple(int(count) for count in counts.tolist()))


def _real(tensor: Tensor) -> Tensor:
    tensor = tensor.abs() if tensor.is_complex() else tensor
    return tensor.to(device="cpu", dtype=torch.float64).flatten()
