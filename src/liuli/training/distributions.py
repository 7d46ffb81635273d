"""How the numbers of a tensor are distributed: quantiles and the root mean square.

Quantile p of n numbers is the one that stands at place ⌊p (n − 1) / 100⌋ when they are in order: a number of the
tensor itself, none between two of them. RMS = √(Σ x² / n).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

PERCENTS = (0, 5, 25, 50, 75, 95, 100)
"""Of the quantiles, from the least number to the largest."""
SORTED = 1 << 20
"""Numbers that are put in order at most; of a larger tensor every so many-th, but for the two ends and the RMS."""


def distributions(tensors: Mapping[str, Tensor]) -> dict[str, list[float] | None]:
    """Of every tensor of floating-point numbers by its name; see `distribution`."""
    return {name: distribution(one) for name, one in tensors.items() if one.is_floating_point() and one.numel()}


def distribution(tensor: Tensor) -> list[float] | None:
    """The quantiles of `PERCENTS`, then the RMS, each with nine digits (any float32); None where one is no number."""
    numbers = tensor.detach().reshape(-1).float().cpu().numpy()
    low, high = numbers.min(), numbers.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return None
    ordered = np.sort(numbers[:: -(-len(numbers) // SORTED)])
    quantiles = ordered[[percent * (len(ordered) - 1) // 100 for percent in PERCENTS]]
    quantiles[0], quantiles[-1] = low, high
    rms = np.sqrt(np.square(numbers, dtype=np.float64).mean())
    return [float(f"{value:.9g}") for value in (*quantiles, rms)]
