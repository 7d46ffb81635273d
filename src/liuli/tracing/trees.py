"""Tensors inside what modules take and give: tuples, lists, dictionaries, dataclasses, one within another."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
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
    """A copy of `thing` (tuples, lists, dictionaries, slices, dataclasses) with all other parts put through `change`.

    A dictionary or list of another class, and a dataclass, is copied only where a part of it changes.
    """
    cls = type(thing)
    if cls is tuple or cls is list:
        return cls(replaced(part, change) for part in thing)
    if cls is dict:
        return {key: replaced(part, change) for key, part in thing.items()}
    if cls is slice:
        return slice(*(replaced(part, change) for part in (thing.start, thing.stop, thing.step)))
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return cls(*(replaced(part, change) for part in thing))
    if cls.__module__ == "builtins" or isinstance(thing, Tensor):
        return change(thing)
    held = parts(thing)
    changed = {key: part for key, old in held.items() if (part := replaced(old, change)) is not old}
    return exchanged(thing, changed) if changed else change(thing)


def parts(thing: Any) -> dict[Any, Any]:
    """What a dictionary or list of a class of its own, or a dataclass, holds; nothing for anything else."""
    if isinstance(thing, MutableMapping):
        return dict(thing.items())
    if isinstance(thing, list):
        return dict(enumerate(thing))
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {one.name: getattr(thing, one.name) for one in dataclasses.fields(thing) if hasattr(thing, one.name)}
    return {}


def exchanged(thing: Any, others: Mapping[Any, Any]) -> Any:
    """A copy of what `parts` takes apart, with other parts in it."""
    made = copy.copy(thing)
    for key, part in others.items():
        if isinstance(made, MutableMapping | list):
            made[key] = part
        else:
            object.__setattr__(made, key, part)  # a frozen one, too
    return made
