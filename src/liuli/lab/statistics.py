"""What is said of all numbers of a value together: how many, from where to where, their mean, and a histogram."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.files import Json
from liuli.lab.packing import array_of

BINS = 32  # of a histogram
MANY = 1 << 14
PIECE = 1 << 16  # numbers that stay in the processor's cache


def described(tensor: Tensor) -> tuple[Json, Json]:
    """Statistics and the counts of a histogram, of the finite numbers (of the magnitudes of complex ones).

    `strongest` is the place of one of them.
    """
    quick = described_quickly(tensor)
    if quick is not None:
        return quick
    numbers = array_of(tensor)
    finites = numbers[np.isfinite(numbers)].astype(np.float64)
    if not finites.size:
        return {"count": numbers.size, "finite": 0}, None
    low, high = float(finites.min()), float(finites.max())
    unit = math.ldexp(1.0, math.frexp(max(-low, high))[1] - 1)  # a power of two, of their own magnitude:
    scaled = finites / unit  # no sum overflows, and no bit is lost
    facts = {
        "count": numbers.size,
        "finite": finites.size,
        "minimum": low,
        "maximum": high,
        "mean": float(scaled.mean()) * unit,
        "deviation": float(scaled.std()) * unit,
        "zeros": int((finites == 0).sum()),
        "strongest": strongest(numbers),
    }
    begin, end = low / unit, high / unit
    if end - begin > BINS * np.spacing(max(-begin, end)):
        return facts, np.histogram(scaled, BINS, (begin, end))[0].tolist()
    counts = [0] * BINS  # they are equal, or apart by a rounding error, which has no room for bins
    counts[BINS // 2] = finites.size
    return facts, counts


def strongest(numbers: NDArray[Any]) -> int:
    """The place of the first number that lies furthest from zero, in row-major order; what is not finite never is."""
    return int(np.where(np.isfinite(numbers), np.abs(numbers), -1).argmax())


def highest(numbers: NDArray[Any]) -> int:
    """The place of the first number that no other is above; NaN never is."""
    return int(np.where(np.isnan(numbers), -np.inf, numbers).argmax())


def strongest_of(flat: Tensor, low: float, high: float) -> int:
    """The same where all are finite, from `low` to `high`."""
    ends = [flat.argmin()] * (-low >= high) + [flat.argmax()] * (high >= -low)
    return int(min(ends))


def described_quickly(numbers: Tensor) -> tuple[Json, Json] | None:
    """The same of many float32 numbers, of which a network has a hundred million; None where they are not such.

    Each piece is read from memory once for all sums, which float64 holds without overflow. A number at the border of
    two bins may fall into the other.
    """
    if numbers.dtype is not torch.float32 or numbers.layout is not torch.strided or numbers.numel() < MANY:
        return None
    flat = numbers.detach().reshape(-1).cpu()
    low, high = (float(one) for one in torch.aminmax(flat))
    if not (1e-30 < high - low < 1e30):  # NaN and infinities are here too
        return None
    pieces = torch.split(flat, PIECE)
    mean = math.fsum(float(piece.double().sum()) for piece in pieces) / len(flat)
    squares, counts, to_bin = 0.0, torch.zeros(BINS + 1, dtype=torch.int64), BINS / (high - low)
    for piece in pieces:
        apart = piece.double().sub_(mean)
        squares += float(apart.dot(apart))
        counts += torch.bincount(piece.sub(low).mul_(to_bin).int(), minlength=BINS + 1)
    counts[BINS - 1] += counts[BINS]  # the maximum itself
    facts = {
        "count": len(flat),
        "finite": len(flat),
        "minimum": low,
        "maximum": high,
        "mean": mean,
        "deviation": math.sqrt(squares / len(flat)),
        "zeros": len(flat) - int(torch.count_nonzero(flat)),
        "strongest": strongest_of(flat, low, high),
    }
    return facts, counts[:BINS].tolist()
