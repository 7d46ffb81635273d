"""The arguments of a call by name, with the defaults filled in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch

from liuli.tracing.functions import signature
from liuli.tracing.parts import Address

# What PyTorch's own Python bindings have no schema for.
_BY_HAND = {
    "__getitem__": ("input", "index"),
    "__setitem__": ("input", "index", "value"),
    "tensor": ("data",),
    "as_tensor": ("data",),
}
_ALIASES = {"self": "input", "axis": "dim", "keepdims": "keepdim", "x": "input"}
_DULL = {"layout", "pin_memory", "memory_format", "out", "generator", "_stacklevel"}  # left out where they are None


class _Parameter(NamedTuple):
    name: str
    type: str  # as TorchScript writes it: 'Tensor', 'List[int]', 'Optional[number]'
    required: bool
    default: Any
    keyword: bool


def bind(function: Callable[..., Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Names for the arguments of one call of `function`; '0', '1', … where nothing is known of it."""
    if function is None:
        return {**_by_place(args), **kwargs}
    raw = getattr(function, "__name__", "")
    if raw == "__get__":
        return {"input": args[0]}
    given = {_ALIASES.get(name, name): part for name, part in kwargs.items()}
    if function is torch.Tensor.where:  # x.where(m, y) is torch.where(m, x, y)
        return {**_by_place(args, ("input", "condition", "other")), **given}
    if raw == "to":
        return {**{_role(part, i): part for i, part in enumerate(args)}, **given}
    if raw in _BY_HAND:
        return {**_by_place(args, _BY_HAND[raw]), **given}
    bound = _by_signature(function, args, kwargs) or _by_schema(function, raw, args, given)
    if bound is None:
        return {**_by_place(args, ("input",)), **given}
    return {name: part for name, part in bound.items() if name not in _DULL or part not in (None, 3)}


def _role(part: Any, place: int) -> str:
    """What an argument of `Tensor.to`, which takes them in any of three orders, is."""
    if place == 0:
        return "input"
    if isinstance(part, Address):
        return "other"
    if isinstance(part, torch.dtype):
        return "dtype"
    return "device" if isinstance(part, (str, torch.device)) else str(place)


def _by_place(args: Sequence[Any], names: Sequence[str] = ()) -> dict[str, Any]:
    return {names[i] if i < len(names) else str(i): part for i, part in enumerate(args)}


def _by_signature(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    known = signature(function)
    if known is None:
        return None
    try:
        bound = known.bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for name, part in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(part)
        else:
            found[_ALIASES.get(name, name)] = part
    return found


def _by_schema(
    function: Callable[..., Any], raw: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any] | None:
    name = function._schema.name.rpartition("::")[2] if isinstance(function, torch._ops.OpOverload) else raw
    schemas = _schemas(name) or _schemas(name.strip("_"))
    for loose in (False, True):
        for parameters in schemas:
            bound = _fit(parameters, args, kwargs, loose) or _fit(parameters, _packed(parameters, args), kwargs, loose)
            if bound is not None:
                return bound
    return None


@cache
def _schemas(name: str) -> tuple[tuple[_Parameter, ...], ...]:
    packet = getattr(torch.ops.aten, name, None)
    if not isinstance(packet, torch._ops.OpOverloadPacket):
        return ()
    found = []
    for overload in packet.overloads():  # type: ignore[no-untyped-call]
        arguments = getattr(packet, overload)._schema.arguments
        if not overload.endswith("out"):
            found.append(
                tuple(
                    _Parameter(
                        _ALIASES.get(a.name, a.name),
                        str(a.type),
                        not a.has_default_value(),
                        a.default_value,
                        a.kwarg_only,
                    )
                    for a in arguments
                )
            )
    return tuple(found)


def _packed(parameters: Sequence[_Parameter], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """view(2, 3) as view((2, 3)): the integers from the first parameter that is a list of them on, as one."""
    for i, parameter in enumerate(parameters):
        if parameter.type in {"List[int]", "Optional[List[int]]"} and all(type(part) is int for part in args[i:]):
            return (*args[:i], tuple(args[i:])) if len(args) > i else args
    return args


def _fit(
    parameters: Sequence[_Parameter], args: tuple[Any, ...], kwargs: dict[str, Any], loose: bool
) -> dict[str, Any] | None:
    places = [parameter for parameter in parameters if not parameter.keyword]
    names = {parameter.name for parameter in parameters}
    if len(args) > len(places) or any(name not in names for name in kwargs if name != "out"):
        return None
    given = {place.name: part for place, part in zip(places, args, strict=False)}
    if given.keys() & kwargs.keys():
        return None
    given.update(kwargs)
    bound: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in given:
            if parameter.required:
                return None
            bound[parameter.name] = parameter.default
        elif loose or _suits(given[parameter.name], parameter.type):
            bound[parameter.name] = given[parameter.name]
        else:
            return None
    return bound


def _suits(part: Any, type_: str) -> bool:
    if part is None:
        return type_.startswith("Optional")
    type_ = type_.removeprefix("Optional[").removesuffix("]") if type_.startswith("Optional") else type_
    if isinstance(part, Address):
        return type_ == "Tensor"
    if isinstance(part, bool):
        return type_ in {"bool", "number"}
    if isinstance(part, int):
        return type_ in {"int", "number", "float", "List[int]", "List[int"}
    if isinstance(part, (float, complex)):
        return type_ in {"float", "number"}
    if isinstance(part, (torch.dtype, torch.layout, torch.memory_format)):
        return type_ == "int"
    if isinstance(part, (str, torch.device)):
        return type_ in {"str", "Device"}
    if isinstance(part, (list, tuple)):
        tensors = any(isinstance(item, Address) for item in part)
        return type_.startswith("List") and ("Tensor" in type_) == tensors
    return True
