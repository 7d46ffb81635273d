"""Numbers brought into another precision."""

from __future__ import annotations

from typing import ClassVar

import torch

from liuli.explaining.explainer import REGISTRY, Workbench, explains
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
        before = bench.record.value(operation.arguments["input"]).dtype
        whole_number = not operation.dtype.is_floating_point and operation.dtype is not torch.bool
        truth = operation.dtype is torch.bool
        self.text = "y = a != 0" if truth else "y = trunc(a)" if whole_number and before.is_floating_point else "y = a"


REGISTRY |= dict.fromkeys(("cpu", "cuda"), Cast)
