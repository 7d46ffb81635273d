"""Numbers brought into another precision."""

from __future__ import annotations

from typing import ClassVar

import torch

from liuli.explaining.explainer import REGISTRY, Workbench, explains
from liuli.explaining.expression import Number
from liuli.explaining.families.elementwise import Elementwise
from liuli.tracing.parts import Operation


@explains(
    "to", "type", "type_as", "float", "double", "half", "bfloat16", "int", "long", "short", "char", "byte", "bool"
)
class Cast(Elementwise):
    """The same number in another precision; made a whole number by leaving out what is behind the point."""

    letters: ClassVar[dict[str, str]] = {"a": "input"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        before = bench.record.value(operation.arguments["input"])
        if operation.dtype is torch.bool:
            self.text = "y = a != 0"
        elif operation.dtype.is_floating_point or not before.dtype.is_floating_point:
            self.text = "y = a"
        else:
            self.text = "y = trunc(a)"
            least = torch.iinfo(operation.dtype).min
            if not bool((before.tensor.abs() < -least).all()):  # infinity, say: the processor's answer is the least one
                self.constants["β"] = Number(-least)
                self.text = "y = where(abs(a) < β, trunc(a), -β)"


REGISTRY |= dict.fromkeys(("cpu", "cuda"), Cast)
