"""Numbers set in a pass: what an operation gave is another from there on, and nothing of the module is changed.

What the operation itself gave keeps its numbers, at the address with WAS behind it; the address itself holds what the
module goes on with. Both are values of the record, with an operation `edit` between them, so that gradients and
explanations pass through it as it is: a number that was set depends on nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from liuli.tracing.parts import Address
from liuli.tracing.trees import replaced

Numbers = Mapping[int, float]  # by place in row-major order
WAS = ".was"


def before(address: Address) -> Address:
    """Where what stood at `address` is kept once numbers are set there."""
    return Address(address + WAS)


def settled(tensor: Tensor, numbers: Numbers) -> Tensor:
    """A new tensor, equal to `tensor` but for the numbers that are set; only through the others flows a gradient."""
    places = torch.tensor(list(numbers), device=tensor.device)
    given = torch.tensor(list(numbers.values()), dtype=torch.float64, device=tensor.device).to(tensor.dtype)
    chosen = torch.zeros(tensor.numel(), dtype=torch.bool, device=tensor.device)
    chosen[places] = True
    filled = torch.zeros(tensor.numel(), dtype=tensor.dtype, device=tensor.device)
    filled[places] = given
    return torch.where(chosen.view(tensor.shape), filled.view(tensor.shape), tensor)


def exchanged(thing: Any, others: Mapping[int, Tensor]) -> Any:
    """`thing` with the tensors whose id is in `others` replaced; also within what `torch.max` and the like return."""

    def change(part: Any) -> Any:
        if isinstance(part, Tensor):
            return others.get(id(part), part)
        if isinstance(part, tuple) and hasattr(part, "n_sequence_fields"):
            return type(part)([change(one) for one in part])
        return part

    return replaced(thing, change)
