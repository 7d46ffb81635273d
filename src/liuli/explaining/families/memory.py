"""Tensors that share memory with others."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from liuli.explaining.explainer import NotExplained, explains
from liuli.explaining.families.moving import Moved, Origins
from liuli.tracing.parts import Address, Value
from liuli.tracing.store import Place


@explains("alias")
class Alias(Moved):
    """A tensor whose memory was written to through another one: each number is the old one, or the last one written."""

    carriers: tuple[str, ...] = ("input", "writes")

    def place(self) -> Place:
        """Where in its memory the tensor lies."""
        found: Place = self.arguments["place"]
        return found

    @cached_property
    def origins(self) -> list[Origins]:
        own = spots(self.place())
        which, place = np.full(len(own), -1), np.full(len(own), -1)
        steps = [(self.arguments["input"], None), *self.arguments.get("writes", ())]
        for address, region in steps:
            lies = spots(position(self.bench.record.value(address)))
            order = np.argsort(lies, kind="stable")
            found = order[np.minimum(np.searchsorted(lies[order], own), len(lies) - 1)]
            here = lies[found] == own
            if region is not None:
                here &= np.isin(own, spots(region))
            which[here], place[here] = self.addresses.index(address), found[here]
        if (which < 0).any():
            raise NotExplained("an alias of memory that no value of the record lies in")
        return [(which, place)]

    def handed_back(self, address: str, own: torch.Tensor | None) -> torch.Tensor:
        """The gradient of a value that lives on in this one: where it lies, that of this one."""
        value = self.bench.record.value(address)
        upstream = self.bench.record.value(self.operation.outputs[0]).grad
        assert upstream is not None
        found = torch.zeros(value.shape, dtype=upstream.dtype) if own is None else own.clone()
        ((which, place),) = self.origins
        here = np.nonzero(which == self.addresses.index(Address(address)))[0]
        places = torch.from_numpy(place[here])
        found.view(-1)[places] = 0
        found.view(-1).index_add_(0, places, upstream.reshape(-1)[torch.from_numpy(here)])
        return found


@explains("as_strided", "as_strided_copy")
class Strided(Alias):
    """Numbers read from memory at steps of any length."""

    carriers = ("input",)

    def place(self) -> Place:
        base = position(self.bench.record.value(self.arguments["input"]))
        offset = self.arguments.get("storage_offset")
        size, stride = tuple(self.arguments["size"]), tuple(self.arguments["stride"])
        return Place(base.dtype, base.offset if offset is None else offset, size, stride)


def position(value: Value) -> Place:
    """Where in its memory a value lies."""
    kept = value.store.kept[Address(value.address)]
    if kept.place is not None:
        return kept.place
    tensor = kept.alive if kept.copy is None else kept.copy
    assert tensor is not None
    return Place.of(tensor)


def spots(place: Place) -> NDArray[np.int64]:
    """The offset in memory of each element."""
    found = np.array(place.offset)
    for size, stride in zip(place.shape, place.strides, strict=True):
        found = np.add.outer(found, np.arange(size) * stride)
    return found.reshape(-1)
