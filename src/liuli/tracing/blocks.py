"""The blocks of memory that values lie in, under a byte budget: beyond it the oldest go to files."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from liuli.tracing.files import Files
from liuli.tracing.memory import Kept, Memory, Place
from liuli.tracing.parts import Address


class Blocks:
    """Blocks by address.

    Args:
        budget: how many bytes may be kept in memory; what is beyond goes to files in a temporary folder, which is
            removed with this object.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.bytes = 0  # of the blocks that count against the budget and are in memory
        self._files = Files(budget)
        self._known: dict[int, Memory] = {}  # by address
        self._queue: deque[Memory] = deque()  # what can be spilled, oldest first

    def __bool__(self) -> bool:
        return bool(self._known)

    def find(self, tensor: Tensor) -> Memory | None:
        """The block that `tensor` lies in, where it is known."""
        memory = self._known.get(tensor.untyped_storage().data_ptr())
        return None if memory is None or memory.key == 0 else memory

    def of(self, tensor: Tensor, own: bool) -> Memory:
        """The block that `tensor` lies in; `own`: if it is new, it counts against the budget."""
        memory = self.find(tensor)
        if memory is None:
            storage = tensor.untyped_storage()
            key = storage.data_ptr()
            memory = self._known[key] = Memory(key, storage)
            if own:
                self.count(memory)
        return memory

    def count(self, memory: Memory) -> None:
        """Count a block against the budget from now on."""
        memory.own = True
        self.bytes += memory.bytes
        self._queue.append(memory)

    def spill(self, forget: Callable[[Kept], None]) -> None:
        """Write the oldest blocks that nobody else holds to files until the rest is within the budget.

        `forget` is told of each value before its tensor is let go.
        """
        held = 0
        while self.bytes > self.budget and held < min(len(self._queue), 8):
            memory = self._queue.popleft()
            if memory.bytes and any(_held_elsewhere(kept) for kept in memory.holders):
                self._queue.append(memory)
                held += 1
            elif memory.bytes:
                self._to_file(memory, forget)

    def _to_file(self, memory: Memory, forget: Callable[[Kept], None]) -> None:
        assert memory.storage is not None
        file = self._files.write(memory.storage)
        memory.file, memory.storage = file, None
        self._known.pop(memory.key, None)
        self.bytes -= memory.bytes
        for kept in memory.holders:
            if kept.alive is not None:
                kept.requires_grad |= kept.alive.requires_grad
                kept.place = Place.of(kept.alive if kept.copy is None else kept.copy)
                forget(kept)
                kept.alive = kept.copy = None
        memory.holders = []

    def storage(self, memory: Memory) -> torch.UntypedStorage:
        """The bytes of a block, out of its file where they are there."""
        if memory.storage is not None:
            return memory.storage
        assert memory.file is not None
        return self._files.read(memory.file, memory.bytes, memory.device)

    def release(self) -> None:
        """Let go of what only the pass needed."""
        for memory in self._known.values():
            memory.holders = []
        self._known = {}
        self._queue.clear()


def _references(kept: Kept) -> int:
    return sys.getrefcount(kept.alive)


def _held_elsewhere(kept: Kept) -> bool:
    """Whether someone but the store holds this tensor, and may yet read it or write to it."""
    return kept.alive is not None and _references(kept) > _ALONE


# What a tensor held by `alive` only counts: Python versions differ in how many references a call adds.
_ALONE = _references(Kept(Address(""), torch.empty(0), True))
