"""Sequences of different lengths packed together for a recurrent layer, and taken apart again.

The longest sequence comes first; first stand all first steps, then the second steps of those that have one, and so on.
"""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np
import torch

from liuli.explaining.explainer import Flats, explains
from liuli.explaining.expression import Column, Expression, Number
from liuli.explaining.families.moving import Moved, Origins
from liuli.explaining.formula import Formula, formula


@explains("_pack_padded_sequence", "_pad_packed_sequence")
class Packed(Moved):
    """The numbers, moved; and counted: at each step the sequences that go on, or of each sequence its steps."""

    carriers = ("input", "data")

    def moves(self, output: int) -> bool:
        return output == 0

    @cached_property
    def origins(self) -> list[Origins]:
        given, first = self.arguments, self.arguments["batch_first"]
        value, counts = (self.bench.record.value(one) for one in self.operation.inputs)
        places = torch.arange(prod(value.shape), dtype=torch.float64).view(value.shape)
        if self.operation.name == "_pack_padded_sequence":
            made = torch._pack_padded_sequence(places, counts.tensor, first)
        else:
            self.constant = float(given["padding_value"])
            made = torch._pad_packed_sequence(places, counts.tensor, first, -1.0, given["total_length"])
        moved = made[0].reshape(-1).numpy()
        none = np.full(prod(self.shape(1)), -1)
        return [(np.where(moved < 0, -1, 0), moved.astype(np.int64)), (none, none)]

    def formula(self, output: int) -> Formula:
        return super().formula(output) if self.moves(output) else formula("y[t] = Sum(k, n[k] > t)")

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        """Of what is counted: the lengths of all sequences, or of all steps the number of sequences."""
        if self.moves(output):
            return super().environment(output, flat)
        counts = self.need("lengths", "batch_sizes")
        return {"n": Column(counts, np.arange(len(counts.array))), "t": Number(int(flat))}

    def expression(self, output: int, flat: Flats) -> Expression:
        if self.moves(output):
            return super().expression(output, flat)
        return self.formula(output).bind(self.environment(output, flat))
