"""The number that a backward pass begins from, and that pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from liuli.errors import UserError
from liuli.tracing.parts import Address
from liuli.tracing.recorder import Recorder
from liuli.tracing.store import Store

Loss = Callable[[Any], Tensor] | tuple[int, ...]


def scalar_of(output: Any, loss: Loss | None) -> Tensor | None:
    """The number to differentiate: `loss` of the output, or the output itself where it is (or holds) one.

    Raises:
        UserError: `loss` gives something else than one number.
    """
    if loss is None:
        if not isinstance(output, Tensor):
            output = _field(output, "loss")
        single = isinstance(output, Tensor) and output.numel() == 1 and output.is_floating_point()
        return output if single else None
    if not callable(loss):
        if not isinstance(output, Tensor):
            raise UserError(
                f"trace: loss={loss!r} picks one element of the output, but the module returned a "
                f"{type(output).__name__}; give a function from it to one number"
            )
        if len(loss) != output.dim() or any(not -n <= i < n for i, n in zip(loss, output.shape, strict=True)):
            raise UserError(f"trace: loss={loss!r} picks no single element of an output of shape {tuple(output.shape)}")
        return output[loss]
    number = loss(output)
    if not isinstance(number, Tensor) or number.numel() != 1 or not number.is_floating_point():
        found = f"shape {tuple(number.shape)}" if isinstance(number, Tensor) else f"a {type(number).__name__}"
        raise UserError(f"trace: the loss gave {found}, expected one number; add .mean() or .sum()")
    return number


def _field(output: Any, name: str) -> Any:
    if isinstance(output, Mapping):
        return output.get(name)
    return getattr(output, name, None) if dataclasses.is_dataclass(output) else None


def differentiate(recorder: Recorder, number: Tensor, sources: list[Tensor]) -> bool:
    """The backward pass from `number`: every gradient goes to the recorder's store. False where none is to be had.

    `.grad` of parameters is left as it is. `sources` are the leaves behind the copies of what the caller gave.
    """
    store = recorder.store
    if not number.requires_grad:
        return False
    spilled = 2 * store.bytes > store.budget  # keep each as it comes by
    wanted: list[tuple[Address, Any]] = []  # a tensor, or an edge of the graph
    for kept in store.differentiable():
        tensor = kept.alive
        assert tensor is not None
        if kept.address in store.edges or (spilled and tensor.grad_fn is not None):
            store.add_edge(kept.address, get_gradient_edge(tensor))
        else:
            wanted.append((kept.address, tensor))
    edges = [(address, edge) for address, known in store.edges.items() for edge in known]
    handles = []
    if spilled:
        handles = [edge.node.register_prehook(partial(_keep, store, name, edge.output_nr)) for name, edge in edges]
    else:
        wanted += edges
    try:
        # The sources are the caller's own tensors, of whose copies the gradient is kept; something must be asked for.
        slopes = torch.autograd.grad(number, [*[one for _, one in wanted], *sources, number], allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    found: dict[Address, Tensor] = {}
    for (address, _), slope in zip(wanted, slopes, strict=False):
        if slope is not None:
            found[address] = found[address] + slope if address in found else slope
    store.keep_gradients(found)
    return True


def _keep(store: Store, address: Address, place: int, slopes: tuple[Tensor | None, ...]) -> None:
    slope = slopes[place]
    if slope is not None:
        store.keep_gradient(address, slope)
