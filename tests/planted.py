"""A fault planted in a network, and what of it differs from the independent implementation then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from liuli import catalog, checking
from liuli.checking import Comparison

Plant = Callable[[Any], object]


def compared(name: str, plant: Plant = lambda model: None, **changes: Any) -> list[Comparison]:
    """The comparisons of a system with whose network `plant` has tampered, and of which a part may be another."""
    system = catalog.find(name)

    def tampered() -> nn.Module:
        model: nn.Module = system.build()
        plant(model)
        return model

    return checking.compare(replace(system, model=tampered, **changes), checking.oracle(name))


def first_wrong(name: str, plant: Plant = lambda model: None, **changes: Any) -> str | None:
    """The first value that differs; None where all agree."""
    return next((one.name for one in compared(name, plant, **changes) if one.verdict != "OK"), None)
