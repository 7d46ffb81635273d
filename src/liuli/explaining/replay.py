"""Running one recorded operation again with other tensors in the place of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from liuli.tracing.functions import kind_of
from liuli.tracing.parts import Address, Operation


def resolve(name: str) -> Callable[..., Any]:
    """The function called `torch.nn.functional.linear`, `torch.Tensor.add_` or `torch.Tensor.T`."""
    found = reduce(getattr, name.removeprefix("torch.").split("."), torch)
    if not callable(found):  # a property such as Tensor.T
        attribute = name.rpartition(".")[2]
        return lambda tensor: getattr(tensor, attribute)
    return found


def again(operation: Operation, change: Callable[[Address], Tensor], fill: Any = None) -> list[Tensor]:
    """Run the function of `operation` with `change(address)` for each tensor; what it gives, in the order of `outputs`.

    `fill`, where it is given, replaces the last number among the arguments: the value that a mask or an index is
    filled with. An operation that writes in place writes into what `change` gave.
    """
    args, kwargs = operation.called
    if fill is not None:
        args, kwargs = refilled(args, kwargs, fill)
    args, kwargs = exchanged(args, change), exchanged(kwargs, change)
    function = resolve(operation.function)
    found = tensors(function(*args, **kwargs))
    if operation.in_place:
        writes = kind_of(function).writes
        written = [target for target, _ in writes(args, kwargs)] if writes is not None else []
        found += [target for target in written if not any(target is one for one in found)]
    return found


def refilled(args: tuple[Any, ...], kwargs: dict[str, Any], fill: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the value that is filled in (`value=`, or else the last argument) replaced."""
    if "value" in kwargs:
        return args, {**kwargs, "value": fill}
    return (*args[:-1], fill), kwargs


def exchanged(part: Any, change: Callable[[Address], Tensor]) -> Any:
    """`part` with the addresses in it replaced by tensors."""
    match part:
        case Address():
            return change(part)
        case tuple() if hasattr(part, "_fields"):
            return type(part)(*(exchanged(one, change) for one in part))
        case list() | tuple():
            return type(part)(exchanged(one, change) for one in part)
        case dict():
            return {key: exchanged(one, change) for key, one in part.items()}
        case slice():
            return slice(*(exchanged(one, change) for one in (part.start, part.stop, part.step)))
        case _:
            return part


def tensors(result: Any) -> list[Tensor]:
    """The tensors in what a function gave."""
    if isinstance(result, Tensor):
        return [result]
    return [one for part in result for one in tensors(part)] if isinstance(result, list | tuple) else []
