"""Where the numbers of a record are kept: shared with the pass while it runs, under a byte budget, spilled beyond it.

Nothing is copied when a value is made. The store holds on to the tensor, and copies only what an in-place operation is
about to overwrite (the region that it writes, not the whole tensor): a log of old contents by which any earlier state
of that memory can be put together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from liuli.errors import UserError
from liuli.tracing.arena import Arena
from liuli.tracing.blocks import Blocks
from liuli.tracing.kernels import again, drawn
from liuli.tracing.memory import Kept, Memory, Place, Write, odd, plain, sharers, version
from liuli.tracing.notes import Step
from liuli.tracing.parts import Address

__all__ = ["Place", "Store"]

Pending = tuple[Memory, Place, Kept | Address, Place]


class Store:
    """Values and gradients by address.

    Args:
        budget: how many bytes may be kept in memory; what is beyond goes to files in a temporary folder, which is
            removed with the store.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.bytes = 0  # held for the record; while tensors are `_loose`, views among them count twice
        self.known: dict[int, Kept] = {}  # by id of the tensor
        self.kept: dict[str, Kept] = {}
        self.grads: dict[str, Kept] = {}
        # Where gradients of values will come by whose tensor has, by a write, another history since: a view that the
        # write left alone has several such places, and its gradient is the sum.
        self.edges: dict[Address, list[GradientEdge]] = {}
        self.slopes: dict[Address, Tensor] = {}  # gradients too, where there was room for all of them
        self.draws: dict[str, Step] = {}  # what drew them: they are drawn again when someone asks
        self.steps: dict[Address, Step] = {}  # what made each value, once the record is read
        self._arena = Arena()
        self._loose: list[Kept] = []  # whose memory was not looked up yet
        self._blocks = Blocks(budget)

    # While the pass runs.

    def keep(self, tensor: Tensor, address: Address, own: bool = True) -> Kept:
        """Keep `tensor` as the value at `address`; `own`: its memory counts against the budget."""
        self.kept[address] = self.known[id(tensor)] = kept = Kept(address, tensor, own)
        self._loose.append(kept)
        if own:
            try:  # noqa: SIM105 (suppress() would cost more than all the rest)
                self.bytes += tensor.nbytes
            except RuntimeError:  # sparse: of no fixed size
                pass
            if self.bytes > self.budget:
                self._spill()
        return kept

    def keep_gradients(self, gradients: Mapping[Address, Tensor]) -> None:
        """Keep the gradients of many values."""
        needed = sum([gradient.nbytes for gradient in gradients.values()])
        if self.bytes + needed <= self.budget:
            self.slopes.update(gradients)
            self.bytes += needed
        else:
            for address, gradient in gradients.items():
                self.keep_gradient(address, gradient)

    def keep_gradient(self, address: Address, gradient: Tensor) -> None:
        """Keep the gradient of the value at `address`, or add to it."""
        if address in self.grads:
            gradient = gradient + self._read(self.grads[address])
        self.grads[address] = kept = Kept(address, gradient.detach(), True)
        self._loose.append(kept)
        self.bytes += gradient.nbytes
        if self.bytes > self.budget:
            self._spill()

    def _settle(self) -> None:
        """Look up the memory of every value made since the last write: none of them has seen a later one."""
        for kept in self._loose:
            tensor = kept.alive
            assert tensor is not None
            if odd(tensor):
                kept.copy = tensor = plain(tensor)
            memory = kept.memory = self._blocks.of(tensor, kept.own)
            kept.seen = len(memory.log)
            memory.holders.append(kept)
        self._loose.clear()
        self.bytes = self._blocks.bytes

    def before_write(self, target: Tensor, region: Tensor, gradients: bool) -> Pending | None:
        """Save what stands in `region`, the part of `target` that an operation is about to write over.

        `gradients`: save also where the gradients of the values there will come by; their tensors' history changes
        with the write.
        """
        self._settle()
        if odd(target):
            return None
        memory = self._blocks.of(target, True)
        if gradients:
            for kept in memory.holders:
                alive = kept.alive
                if alive is not None and alive.grad_fn is not None and not kept.stale:
                    self.add_edge(kept.address, GradientEdge(alive.grad_fn, alive.output_nr))
        place = Place.of(target)
        made = self.known.get(id(target))
        if region is target and memory.own and made is not None and made.repeatable and not _autocast(target):
            return memory, place, made.address, place
        before = Kept(Address(""), self._arena.copy(region), True)
        self._loose.append(before)
        self.bytes += region.nbytes
        if self.bytes > self.budget:
            self._spill()
        return memory, Place.of(region), before, place

    def add_edge(self, address: Address, edge: GradientEdge) -> None:
        """The gradient of the value at `address` will come by there."""
        edges = self.edges.setdefault(address, [])
        if edge not in edges:
            edges.append(edge)

    def after_write(self, pending: Pending, address: Address) -> None:
        """The operation has written there, and made the value at `address`."""
        memory, place, before, extent = pending
        memory.log.append(Write(place, before, address, extent))

    def differentiable(self) -> list[Kept]:
        """Every value that has a gradient to be asked for: one that was written over since is another value by now."""
        found = [kept for kept in self.kept.values() if kept.alive is not None and kept.alive.requires_grad]
        if self._blocks:
            found = [kept for kept in found if self.known.get(id(kept.alive)) is kept and not kept.stale]
        return found

    def writes_since(self, kept: Kept) -> list[Write]:
        """Writes since `kept` was made whose values share elements with it."""
        if kept.copy is not None or kept.alive is None or kept.memory is None:
            return []
        first, last = Place.of(kept.alive).span()
        return [w for w in kept.memory.log[kept.seen :] if w.extent.span()[0] < last and first < w.extent.span()[1]]

    def holder(self, tensor: Tensor) -> Kept | None:
        """The latest value whose memory `tensor` is a part of: what a view made unseen is a view of."""
        self._settle()
        memory = None if odd(tensor) else self._blocks.find(tensor)
        if memory is None:
            return None
        first, last = Place.of(tensor).span()
        for kept in reversed(memory.holders):
            if kept.alive is not None and not kept.stale and kept.alive.dtype == tensor.dtype:
                begin, end = Place.of(kept.alive).span()
                if begin <= first and last <= end:
                    return kept
        return None

    # When the pass is over.

    def close(self, copy: Iterable[str], differentiated: bool) -> list[str]:
        """Let go of what the pass's graph holds (after a backward pass that is nothing any more).

        `copy` are the values whose memory others may write to later: they are copied. Returns the addresses of values
        whose memory was written to by something that the recorder did not see.
        """
        with torch.no_grad():
            self._copy([self.kept[address] for address in copy])
        if self.bytes > self.budget:
            self._spill()
        overwritten = []
        for kept in self.kept.values():
            tensor = kept.alive
            if tensor is None:
                continue
            if kept.memory is not None and version(tensor) != kept.version:
                if not kept.memory.log:
                    overwritten.append(str(kept.address))
                kept.version = version(tensor)
            if not differentiated and tensor.grad_fn is not None:
                kept.requires_grad = True
                kept.alive = tensor.detach()
        return overwritten

    def release(self) -> None:
        """Let go of what only the pass needed."""
        self.known.clear()
        self.edges.clear()
        self._loose = []
        self._blocks.release()

    def _copy(self, wanted: list[Kept]) -> None:
        """Copy values, and with them the others that lie in the same memory."""
        tensors = [kept.alive for kept in wanted if not kept.own and kept.alive is not None and not odd(kept.alive)]
        for group in sharers(tensors, self.kept.values()):
            storage = group[0][1].untyped_storage()
            if len(group) > 1 and sum(tensor.nbytes for _, tensor in group) >= storage.nbytes():
                whole: torch.UntypedStorage = storage.clone()  # type: ignore[no-untyped-call]
                copies = [Place.of(tensor).within(whole) for _, tensor in group]
                memory = group[0][0].memory
                if memory is not None and not memory.own:
                    memory.storage = whole
                    self._blocks.count(memory)
            else:  # alone, or small parts of something large
                memory = None
                copies = [self._arena.copy(self._read(kept) if kept.stale else tensor) for kept, tensor in group]
            for (kept, tensor), copy in zip(group, copies, strict=True):
                kept.requires_grad = tensor.requires_grad
                kept.alive, kept.version, kept.own = copy, version(copy), True
                if memory is None:
                    kept.memory = None
                    self._loose.append(kept)
                    self.bytes += copy.nbytes

    def _spill(self) -> None:
        """Come back to the budget, as far as that can be."""
        self._settle()
        self._blocks.spill(self._forget)
        self.bytes = self._blocks.bytes

    def _forget(self, kept: Kept) -> None:
        """Its tensor is let go, and another may have its id."""
        if self.known.get(id(kept.alive)) is kept:
            del self.known[id(kept.alive)]

    # Reading.

    def tensor(self, address: str) -> Tensor:
        """See `Value.tensor`."""
        if address in self.draws:
            return drawn(self.draws[address], self.tensor)
        kept = self.kept[address]
        if kept.alive is not None and version(kept.alive) != kept.version:
            raise UserError(
                f"{address}: its memory has been written to since the trace, so its numbers are gone; read them "
                f"before that, or trace with gradients, which copies all parameters"
            )
        return self._read(kept)

    def _before(self, write: Write) -> Tensor:
        if isinstance(write.before, Kept):
            return self._read(write.before)
        result: Tensor = again(self.steps[write.before], self.tensor)
        return result

    def grad(self, address: str) -> Tensor | None:
        """See `Value.grad`."""
        kept = self.grads.get(address)
        slope = self.slopes.get(Address(address)) if kept is None else self._read(kept)
        return slope.to_dense() if slope is not None and slope.layout is not torch.strided else slope

    def _read(self, kept: Kept) -> Tensor:
        if kept.copy is not None:
            return kept.copy
        if kept.alive is not None and not kept.stale:
            return plain(kept.alive) if odd(kept.alive) else kept.alive.detach()
        memory = kept.memory
        assert memory is not None
        storage = self._blocks.storage(memory)
        if kept.place is None:
            assert kept.alive is not None
            place = Place.of(kept.alive)
        else:
            place = kept.place
        if kept.stale:
            first = memory.log[kept.seen]
            if first.place == place:  # the nearest way back
                return self._before(first)
            storage = storage.clone()  # type: ignore[no-untyped-call]
            for write in reversed(memory.log[kept.seen :]):
                write.place.within(storage).copy_(self._before(write))
        return place.within(storage)


def _autocast(tensor: Tensor) -> bool:
    return bool(torch.is_autocast_enabled(tensor.device.type))
