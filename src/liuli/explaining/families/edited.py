"""Numbers that a person set on the way: see `liuli.tracing.edits`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod

import numpy as np

from liuli.explaining.explainer import Flats, explains
from liuli.explaining.expression import Expression, Number
from liuli.explaining.families.moving import Moved, Origins


@explains("edit")
class Edited(Moved):
    """Every number is the one that the operation before gave, but for those that were set, which depend on nothing."""

    @property
    def numbers(self) -> Mapping[int, float]:
        """What was set, by place."""
        found: Mapping[int, float] = self.arguments["numbers"]
        return found

    @cached_property
    def origins(self) -> list[Origins]:
        which, place = np.zeros(prod(self.shape()), np.int64), np.arange(prod(self.shape()))
        which[list(self.numbers)] = place[list(self.numbers)] = -1
        return [(which, place)]

    def expression(self, output: int, flat: Flats) -> Expression:
        number = self.numbers.get(int(flat))
        return super().expression(output, flat) if number is None else Number(number)
