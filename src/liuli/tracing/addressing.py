"""Which address a tensor has, and the log in which the operations on tensors are noted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from liuli.tracing.functions import Kind
from liuli.tracing.memory import Kept, Place
from liuli.tracing.notes import Call, Hidden
from liuli.tracing.parts import Address
from liuli.tracing.store import Store
from liuli.tracing.trees import replaced, tensors

ALIAS = Kind("alias", "liuli.alias")
UNCHANGING = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device})

_ADDRESSES: list[Address] = []


def plain_address(index: int) -> Address:
    """%0, %1, …: made once, and the same in every record."""
    while index >= len(_ADDRESSES):
        _ADDRESSES.append(Address(f"%{len(_ADDRESSES)}"))
    return _ADDRESSES[index]


class Addressing:
    """The address of every tensor that a pass meets, and the log of what was done with them.

    Args:
        store: where the values go.
        own: parameters and buffers of the module: id → address.
    """

    def __init__(self, store: Store, own: dict[int, Address]) -> None:
        super().__init__()
        self.store = store
        self.own = own
        self.known = store.known
        self.count = 0  # of operations
        self.extra = 0  # of them, those that set numbers: no address is counted for them
        self.log: list[Any] = []  # see `notes.steps`
        self.constants: list[Address] = []
        self.call = Call("", "", None, None, 0)  # the call that runs now
        self._hiding: Hidden | None = None  # the kernel that is being opened up

    def _note(self, part: Any) -> Any:
        """`part` of an operation's arguments with its tensors replaced by their addresses."""
        if isinstance(part, Tensor):
            return self.use(part)
        if type(part) in UNCHANGING:
            return part
        return replaced(part, lambda thing: self.use(thing) if isinstance(thing, Tensor) else thing)

    def use(self, tensor: Tensor) -> Address:
        """The address of a tensor that an operation reads."""
        kept = self.known.get(id(tensor))
        if kept is None:
            kept = self._outside(tensor)
        elif kept.stale:
            kept = self._again(tensor, kept)
        return kept.address

    def _outside(self, tensor: Tensor) -> Kept:
        """A tensor that no operation made: a parameter, a buffer, or one from elsewhere."""
        address = self.own.get(id(tensor))
        if address is not None:
            return self.store.keep(tensor, address, own=False)
        source = self.store.holder(tensor)
        if source is not None:
            return self._alias(tensor, source.address, ())
        address = Address(f"constant[{len(self.constants)}]")
        kept = self.store.keep(tensor, address, own=False)
        self.constants.append(address)
        return kept

    def _again(self, tensor: Tensor, kept: Kept) -> Kept:
        """A tensor whose memory was written to through another one since it was made: a value anew."""
        writes = self.store.writes_since(kept)
        if writes:
            return self._alias(tensor, kept.address, tuple((write.address, write.extent) for write in writes))
        kept.seen = len(kept.memory.log) if kept.memory is not None else 0
        return kept

    def _alias(self, tensor: Tensor, source: Address, writes: tuple[tuple[Address, Place], ...]) -> Kept:
        address = plain_address(self.count - self.extra)
        kept = self.store.keep(tensor, address)
        self.add(ALIAS, (source, writes), {"place": Place.of(tensor)}, (address,))
        return kept

    def add(self, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: tuple[Address, ...]) -> None:
        """Note an operation that is no call of a function."""
        self.count += 1
        self.log += (kind, None, kwargs, outputs, self.call, None, 0, self._hiding, 0.0, None, len(args), *args)

    def addresses(self, given: Iterable[Any]) -> tuple[Address, ...]:
        """Addresses of the tensors in `given`, as far as they are known."""
        found = []
        for part in given:
            kept = self.known.get(id(part))  # what is known lives, and nothing else has its id
            if kept is not None:
                found.append(kept.address)
            elif isinstance(part, Tensor):
                address = self.own.get(id(part))
                if address is not None:
                    found.append(address)
            elif type(part) not in UNCHANGING:
                found.extend(self.addresses(tensors(part)))
        return tuple(found)

    def release(self) -> None:
        """Let go of every tensor of the pass."""
        self.own = {}
