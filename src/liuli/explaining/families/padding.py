"""Padding: a rim around a tensor."""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np
import torch

from liuli.explaining.explainer import explains
from liuli.explaining.families.moving import Moved, Origins


@explains("pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d")
class Padding(Moved):
    """A rim around the input: a constant, or numbers of the input again."""

    carriers = ("input",)

    def fill(self) -> float | None:
        constant = self.arguments.get("mode", "constant") == "constant"
        self.constant = float(self.arguments.get("value") or 0) if constant else 0
        return None

    @cached_property
    def origins(self) -> list[Origins]:
        if self.arguments.get("mode", "constant") != "constant" or not self.arguments.get("value"):
            return super().origins
        shape = self.bench.record.value(self.addresses[0]).shape
        places = torch.arange(prod(shape), dtype=torch.float64).view(shape)
        self.fill()
        moved = torch.nn.functional.pad(places, list(self.arguments["pad"]), value=-1.0).view(-1).numpy()
        return [(np.where(moved < 0, -1, 0), moved.astype(np.int64))]
