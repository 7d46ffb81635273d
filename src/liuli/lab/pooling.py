"""A value with more numbers than there are pixels for: means of neighbours, in the 256 steps of a scale of colours."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

from liuli.errors import UserError
from liuli.lab.limits import MOST_NUMBERS
from liuli.lab.packing import array_of

STEPS = 256  # of a scale of colours


@dataclass(frozen=True)
class Pooling:
    """Which numbers of a value are drawn, in what order, and on how many pixels.

    A pixel has the mean of all numbers that it covers, and be it in part.

    Attributes:
        start: the first of them, in row-major order.
        planes: one below another in that order, each of `height` rows of `width` numbers; of the last row of a single
            plane there may be only a part.
        rows: of pixels, for each plane; at most `height`.
        columns: of pixels, at most `width`.
        low: the number that has the first of the 256 steps.
        high: the number that has the last.
    """

    start: int
    planes: int
    height: int
    width: int
    rows: int
    columns: int
    low: float
    high: float

    def of(self, tensor: Tensor) -> NDArray[np.uint8] | None:
        """The step of each pixel, in row-major order, none for pixels that no number comes to; None where one of the
        numbers is not finite, for which there is no colour.

        Raises:
            UserError: the value has no such planes, they are too many, or there is no such scale.
        """
        area = self.height * self.width
        least = (self.height - 1) * self.width if self.planes == 1 else area * self.planes - 1
        held = min(self.planes * area, tensor.numel() - self.start)
        fits = 1 <= self.rows <= self.height and 1 <= self.columns <= self.width
        if self.planes < 1 or self.start < 0 or not fits or held <= least:
            raise UserError(
                f"{self.planes:,} planes of {self.height:,} × {self.width:,} numbers from number {self.start:,} on, on "
                f"{self.rows:,} × {self.columns:,} pixels: expected some of {tensor.numel():,}, and no more pixels"
            )
        if held > MOST_NUMBERS:
            raise UserError(f"a picture of {held:,} numbers: expected {MOST_NUMBERS:,} at most")
        if not (isfinite(self.low) and isfinite(self.high) and self.low < self.high):
            raise UserError(f"a scale from {self.low:g} to {self.high:g}: expected two numbers, the lower one first")
        numbers = torch.from_numpy(array_of(tensor.reshape(-1)[self.start : self.start + held]))
        numbers = numbers if numbers.is_floating_point() else numbers.float()
        means = self.means(numbers).double()
        if not means.isfinite().all():
            return None
        places = (means - self.low) * ((STEPS - 1) / (self.high - self.low)) + 0.5
        return places.clamp(0, STEPS - 1).byte().numpy()

    def means(self, numbers: Tensor) -> Tensor:
        """Of the numbers of each pixel that there are any for, in row-major order."""
        sides, pixels = (self.planes, self.height, self.width), (self.rows, self.columns)
        missing = prod(sides) - numbers.numel()
        means = adaptive_avg_pool2d(pad(numbers, (0, missing)).view(sides), pixels).reshape(-1)
        if not missing:
            return means
        present = pad(torch.ones_like(numbers), (0, missing)).view(sides)
        shares = adaptive_avg_pool2d(present, pixels).reshape(-1)
        return (means / shares)[shares > 0]
