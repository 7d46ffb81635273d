"""What the recorder notes while a module runs: no more than can be found out only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from torch import Tensor

from liuli.tracing.functions import Kind
from liuli.tracing.parts import Address
from liuli.tracing.sources import Site, readable


class Call:
    """One call of one module."""

    __slots__ = ("cls", "first", "inputs", "outputs", "parent", "path", "site")

    def __init__(self, path: str, cls: type | str, site: Site | None, parent: Call | None, first: int) -> None:
        self.path, self.cls, self.site, self.parent = path, cls, site, parent
        self.first = first  # its first step
        self.inputs: tuple[Address, ...] = ()
        self.outputs: tuple[Address, ...] = ()

    def type(self) -> str:
        """The module's class in full, or what was given for a call of something else."""
        return self.cls if isinstance(self.cls, str) else f"{self.cls.__module__}.{self.cls.__qualname__}"


class Hidden:
    """A kernel that was opened up: where it was called, and how far what stands for it lies from it."""

    __slots__ = ("call", "name", "note", "outputs", "residual", "site", "steps")

    def __init__(self, name: str, call: Call, site: Site | None) -> None:
        self.name, self.call, self.site = name, call, site
        self.residual, self.note = 0.0, ""
        self.outputs: tuple[Address, ...] = ()
        self.steps = range(0)


class Written(NamedTuple):
    """What is noted of the few operations that write to an operand or draw at random."""

    in_place: bool
    random: Tensor | None  # state of the generator before it, where it draws


class Step(NamedTuple):
    """One operation."""

    kind: Kind
    function: Callable[..., Any] | None
    kwargs: dict[str, Any]  # tensors replaced by their addresses, as in args
    results: Address | tuple[Address, ...]
    call: Call
    code: CodeType | None
    instruction: int
    hidden: Hidden | None
    seconds: float
    written: Written | None
    args: tuple[Any, ...]

    @property
    def outputs(self) -> tuple[Address, ...]:
        """Addresses of what it gave."""
        return (self.results,) if isinstance(self.results, str) else self.results

    @property
    def site(self) -> Site | None:
        """Where it was called."""
        return readable(self.code, self.instruction) if self.code is not None else None


def steps(log: list[Any]) -> Iterator[Step]:
    """The steps of a recorder's log.

    It holds the fields of each but the last, then how many arguments there are, then these: thousands of small objects
    that live on would set Python's garbage collector to work.
    """
    place, fields = 0, len(Step._fields) - 1
    while place < len(log):
        begin = place + fields + 1
        end = begin + log[begin - 1]
        yield Step._make((*log[place : begin - 1], tuple(log[begin:end])))
        place = end
