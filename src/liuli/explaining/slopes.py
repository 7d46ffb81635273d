"""The gradient of a value, also where autograd has none of its own for it.

A tensor that is written to through a view loses its history: PyTorch counts what it leads to as the gradient of the
tensor whose memory it is. The record keeps such values apart, and here each gets what is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from liuli.explaining.replay import again
from liuli.tracing.parts import Address, Operation, Value

if TYPE_CHECKING:
    from liuli.explaining.explainer import Workbench


def slope(work: Workbench, value: Value) -> Tensor | None:
    """∂L/∂value: as captured, or by way of the tensor that it lives on in, or of the operations that read it."""
    whole = lives_on(value)
    if whole is not None:
        return work.explainer(whole).handed_back(value.address, value.grad)
    if value.grad is not None or not value.requires_grad or work.record.loss is None:
        return value.grad
    parts = list(through_users(work, value))
    return torch.stack(parts).sum(0) if parts else None


def lives_on(value: Value) -> Operation | None:
    """Of a value that was written through a view of another: the operation after which that other holds it."""
    for user in value.users:
        if user.name == "alias" and user.arguments["input"] != value.address and value.producer is not None:
            base, before = user.arguments["input"], value.producer.inputs[:1]
            while before:
                if before[0] == base:
                    return user if user.record.value(user.outputs[0]).grad is not None else None
                made = user.record.value(before[0]).producer
                before = made.inputs[:1] if made is not None else ()
    return None


def through_users(work: Workbench, value: Value) -> Iterator[Tensor]:
    """What each operation that reads the value hands back to it."""
    for operation in value.users:
        upstream = [work.gradient(address) for address in operation.outputs]
        if all(one is None for one in upstream) or not operation.function.startswith("torch.") or operation.handwritten:
            continue
        leaf = value.tensor.clone().requires_grad_(True)

        def tensor(address: Address, leaf: Tensor = leaf, operation: Operation = operation) -> Tensor:
            found = leaf if address == value.address else work.record.value(address).tensor
            return found.clone() if operation.in_place else found

        with torch.enable_grad():
            made = again(operation, tensor)
        pairs = [(one, by) for one, by in zip(made, upstream, strict=True) if by is not None and one.requires_grad]
        slopes = [torch.from_numpy(by.array).reshape(by.shape).to(one.dtype) for one, by in pairs]
        if pairs:
            (found,) = torch.autograd.grad([one for one, _ in pairs], [leaf], slopes, allow_unused=True)
            if found is not None:
                yield found
