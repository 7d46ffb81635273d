"""Where a tensor lies, and what was written there over time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from liuli.tracing.parts import Address


class Place(NamedTuple):
    """Where a strided tensor lies in its memory: offset and strides in elements."""

    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    conjugate: bool = False

    @classmethod
    def of(cls, tensor: Tensor) -> Place:
        """The place of a strided tensor."""
        return cls(tensor.dtype, int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride(), tensor.is_conj())

    def within(self, storage: torch.UntypedStorage) -> Tensor:
        """The tensor at this place of `storage`, sharing it."""
        empty = torch.empty(0, dtype=self.dtype, device=storage.device)
        tensor: Tensor = empty.set_(storage, self.offset, self.shape, self.strides)
        return tensor.conj() if self.conjugate else tensor

    def span(self) -> tuple[int, int]:
        """First byte and the byte after the last."""
        if 0 in self.shape:
            return (0, 0)
        reach = sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        return (self.offset * self.dtype.itemsize, (self.offset + reach + 1) * self.dtype.itemsize)


class Write(NamedTuple):
    """One in-place operation on a memory."""

    place: Place  # what it wrote over
    before: Kept | Address  # what stood there: a copy, or a value that can be worked out again
    address: Address  # the value that it made
    extent: Place  # the place of that value, of which it may have written a part only


class Memory:
    """One block of memory that values lie in, as it is now, with the log of what was written over."""

    def __init__(self, key: int, storage: torch.UntypedStorage) -> None:
        self.key = key
        self.storage: torch.UntypedStorage | None = storage  # None once spilled
        self.bytes = storage.nbytes()
        self.device = storage.device
        self.own = False  # counts against the budget
        self.log: list[Write] = []
        self.holders: list[Kept] = []
        self.file: Path | None = None


class Kept:
    """One value."""

    memory: Memory | None = None  # not looked up before something is written in place, or spilled
    seen = 0  # how many writes to its memory came before it
    copy: Tensor | None = None  # where the tensor is more than a view of a memory: sparse, quantised
    place: Place | None = None  # once spilled
    repeatable = False  # what made it gives the same again
    requires_grad = False  # once it is no longer the tensor of the pass

    def __init__(self, address: Address, alive: Tensor, own: bool) -> None:
        self.address = address
        self.alive: Tensor | None = alive  # the tensor of the pass itself: while it lives, nothing else has its id
        self.own = own  # its memory counts against the budget
        try:
            self.version = alive._version
        except RuntimeError:
            self.version = -1

    @property
    def stale(self) -> bool:
        """Whether its memory was written to since."""
        return self.memory is not None and self.seen != len(self.memory.log)

    def form(self) -> Tensor | Place:
        """Something that has its shape and data type."""
        found = self.copy if self.copy is not None else self.alive if self.alive is not None else self.place
        assert found is not None
        return found


def version(tensor: Tensor) -> int:
    """How often the tensor's memory was written to; -1 where PyTorch does not count (tensors of inference mode)."""
    return -1 if tensor.is_inference() else tensor._version


def odd(tensor: Tensor) -> bool:
    """Whether it is more than a strided view of a block of memory."""
    return tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_neg()


def plain(tensor: Tensor) -> Tensor:
    """A strided copy of an odd one."""
    tensor = tensor.detach()
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor.to_dense() if tensor.layout is not torch.strided else tensor.resolve_neg()


def sharers(tensors: Iterable[Tensor], values: Iterable[Kept]) -> list[list[tuple[Kept, Tensor]]]:
    """For each block of memory that one of `tensors` lies in, all the `values` that lie there, with their tensors."""
    groups: dict[int, list[tuple[Kept, Tensor]]] = {}
    ends: dict[int, int] = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        groups[key], ends[key] = [], key + storage.nbytes()
    begins = sorted(groups)
    for kept in values if groups else ():
        alive = kept.alive
        if alive is None or alive.layout is not torch.strided:
            continue
        first = alive.data_ptr()
        if first:  # an empty tensor has no address of its own
            place = bisect_right(begins, first) - 1  # nearly all lie elsewhere, which this tells at little cost
            if place < 0 or first >= ends[begins[place]]:
                continue
        group = groups.get(alive.untyped_storage().data_ptr())
        if group is not None:
            group.append((kept, alive))
    return list(groups.values())
