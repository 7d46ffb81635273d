"""Where a word stands, as a vector: attention itself does not know the order of what it looks at."""

from __future__ import annotations

import torch
from torch import Tensor


def sinusoids(length: int, width: int) -> Tensor:
    """Sines and cosines of wavelengths from 2π to 10,000·2π (Vaswani et al., 2017, section 3.5): float32 (T, D).

    PE[t, 2i] = sin(t / 10000^(2i/D)) and PE[t, 2i+1] = cos(t / 10000^(2i/D)). Those of two positions at a fixed
    distance are linear functions of one another, whatever the positions.

    Args:
        length: T.
        width: D, even.
    """
    positions = torch.arange(length, dtype=torch.float64)[:, None]  # (T, 1)
    rates = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)  # (D/2,)
    angles = positions * rates  # (T, D/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()
