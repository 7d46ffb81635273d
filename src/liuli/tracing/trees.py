"""Tensors inside what modules take and give: tuples, lists, dictionaries, dataclasses, one within another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from liuli.tracing.parts import Address


def leaves(thing: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in `thing` with its path: 'logits', 'cache[0]', '[1][mask]'; '' for a tensor itself."""
    if isinstance(thing, Tensor):
        yield path, thing
    elif isinstance(thing, Mapping):
        for key, part in thing.items():
            yield from leaves(part, f"{path}[{key}]" if path else str(key))
    elif isinstance(thing, (list, tuple)):
        names = getattr(thing, "_fields", range(len(thing)))
        for key, part in zip(names, thing, strict=True):
            yield from leaves(part, f"{path}[{key}]" if path else str(key))
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for each in dataclasses.fields(thing):
            yield from leaves(getattr(thing, each.name, None), f"{path}[{each.name}]" if path else each.name)


def tensors(thing: Any) -> list[Tensor]:
    """Every tensor in `thing`, in order."""
    if isinstance(thing, Tensor):
        return [thing]
    if type(thing) in (tuple, list) and all(isinstance(part, Tensor) for part in thing):
        return list(thing)
    return [tensor for _, tensor in leaves(thing)]


def addresses(thing: Any) -> Iterator[Address]:
    """Every address in the noted arguments of an operation, in order."""
    if isinstance(thing, Address):
        yield thing
    elif isinstance(thing, dict):
        for part in thing.values():
            yield from addresses(part)
    elif isinstance(thing, (list, tuple)):
        for part in thing:
            yield from addresses(part)
    elif isinstance(thing, slice):
        yield from addresses((thing.start, thing.stop, thing.step))


def replaced(thing: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of `thing` (nested tuples, lists, dictionaries, slices) with every other part passed through `change`."""
    cls = type(thing)
    if cls is tuple or cls is list:
        return cls(replaced(part, change) for part in thing)
    if cls is dict:
        return {key: replaced(part, change) for key, part in thing.items()}
    if cls is slice:
        return slice(*(replaced(part, change) for part in (thing.start, thing.stop, thing.step)))
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return cls(*(replaced(part, change) for part in thing))
    return change(thing)
