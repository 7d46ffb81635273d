"""The function mode that sees every operation while a module runs, and notes as little of it as will do.

What costs time is left for later: names, lines of source, multiply-adds and the objects of `parts.py` are made from
these notes when someone reads the record. This is the one place of the house where a microsecond counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from sys import _getframe
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.overrides import TorchFunctionMode

from liuli.tracing import opened
from liuli.tracing.addressing import UNCHANGING, Addressing, plain_address
from liuli.tracing.edits import WAS, Numbers, before, exchanged, settled
from liuli.tracing.failures import explain
from liuli.tracing.functions import TRANSPARENT, Kind, Targets, kind_of, outs
from liuli.tracing.notes import Hidden, Written
from liuli.tracing.parts import Address, Handwritten
from liuli.tracing.sources import caller, site
from liuli.tracing.store import Store
from liuli.tracing.trees import tensors

EDIT = Kind("edit", "liuli.edit")
_KINDS: dict[Any, Kind] = {}
_NO_KWARGS: dict[str, Any] = {}

# Whether a tensor stands for many at once, or for none: inside `torch.func.vmap`, `grad` and the like.
is_wrapped: Callable[[Tensor], bool] = torch._C._functorch.is_functorch_wrapped_tensor


class Recorder(Addressing, TorchFunctionMode):
    """Notes every operation of its own thread while it is entered.

    Args:
        store: where the values go.
        own: parameters and buffers of the module: id → address.
        gradients: whether to hook tensors for their gradients.
        edits: by address of an operation's output, the numbers that are set in it: see `edits.py`.
    """

    def __init__(
        self, store: Store, own: dict[int, Address], gradients: bool, edits: Mapping[str, Numbers] | None = None
    ) -> None:
        super().__init__(store, own)
        self.gradients = gradients
        self.edits = edits or {}
        self.met: set[str] = set()  # of the edits, those that have been made
        self.hidden: list[Hidden] = []
        self.notes: list[str] = []
        self.handwritten: dict[Address, Handwritten] = {}
        self.paused = False

    # Operations.

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func` and note it."""
        if kwargs is None:
            kwargs = _NO_KWARGS
        kind = _KINDS.get(func)
        if kind is None:
            kind = _KINDS[func] = kind_of(func)
        if self.paused:
            return func(*args, **kwargs)
        if not kind.simple or "out" in kwargs:
            if kind.silent:
                return func(*args, **kwargs)
            if kind.special and (kind.name not in opened.KERNELS or self._hiding is None):
                return self._special(kind, func, args, kwargs)
            targets = kind.writes(args, kwargs) if kind.writes is not None else []
            if targets or kind.random or "out" in kwargs:
                return self._write(kind, func, args, kwargs, targets)

        begin = perf_counter()
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            explain(error, kind, args, kwargs, self.call)
            raise
        seconds = perf_counter() - begin
        single = isinstance(result, Tensor)
        given = (result,) if single else tensors(result)
        if not given or is_wrapped(given[0]):
            return result
        known = self.known
        noted: list[Any] = []
        for part in args:
            cls = type(part)
            if cls is Tensor or cls is Parameter:
                kept = known.get(id(part))
                noted.append(kept.address if kept is not None and kept.memory is None else self.use(part))
            else:
                noted.append(part if cls in UNCHANGING else self._note(part))
        for part in kwargs.values():
            if type(part) not in UNCHANGING:
                kwargs = {name: self._note(part) for name, part in kwargs.items()}
                break
        outputs: Address | tuple[Address, ...]
        if not single:
            outputs = self._keep_all(given)
            if not outputs:
                return result
        elif id(result) in known:  # it gave back what it was given
            return result
        else:
            outputs = plain_address(self.count - self.extra)
            if outputs in self.edits:
                outputs = before(outputs)
            kept = self.store.keep(result, outputs)
            if kind.repeatable:
                kept.repeatable = True
        frame = caller(_getframe(1))
        where = (self.call, frame.f_code, frame.f_lasti, self._hiding, seconds, None)
        self.count += 1
        self.log += (kind, func, kwargs, outputs, *where, len(noted), *noted)
        return self._edited(result, given, outputs, where) if self.edits else result

    def _special(self, kind: Kind, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run what is better seen in its parts."""
        if kind.name in opened.KERNELS:
            return self._open(kind, func, args, kwargs)
        with self:
            return TRANSPARENT[func](*args, **kwargs) if func in TRANSPARENT else iter(args[0].unbind(0))

    def _keep_all(self, given: Sequence[Tensor]) -> tuple[Address, ...]:
        """Keep the outputs of an operation that has several; nothing where every one of them was there before."""
        known, keep, index = self.known, self.store.keep, self.count - self.extra
        addresses, fresh = [], False
        for place, tensor in enumerate(given):
            kept = known.get(id(tensor))
            if kept is None:
                fresh = True
                name = plain_address(index) if len(given) == 1 else Address(f"%{index}.{place}")
                kept = keep(tensor, before(name) if name in self.edits else name)
            addresses.append(kept.address)
        return tuple(addresses) if fresh else ()

    def _write(
        self, kind: Kind, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], targets: Targets
    ) -> Any:
        """Run an operation that writes to some of its operands, or draws at random."""
        store = self.store
        if "out" in kwargs:
            targets = targets + outs(kwargs)
        noted = tuple([self._note(part) for part in args])  # while what it reads still stands there
        named = {name: self._note(part) for name, part in kwargs.items()}
        name = plain_address(self.count - self.extra)
        if len(targets) == 1 and name in self.edits:
            return self._write_edited(kind, func, (args, kwargs), (noted, named), targets[0][0], name)
        pending = [store.before_write(target, region, self.gradients) for target, region in targets]
        random = torch.get_rng_state() if kind.random and kwargs.get("training") is not False else None
        begin = perf_counter()
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            explain(error, kind, args, kwargs, self.call)
            raise
        seconds = perf_counter() - begin
        given = tensors(result)
        given += [target for target, _ in targets if not any(target is tensor for tensor in given)]
        index = self.count - self.extra
        for (target, _), write in zip(targets, pending, strict=True):
            place = next(i for i, tensor in enumerate(given) if tensor is target)
            self.known.pop(id(target), None)  # it is another value from here on
            if write is not None:
                store.after_write(write, Address(f"%{index}.{place}" if len(given) > 1 else f"%{index}"))
        outputs = self._keep_all(given)
        if outputs:
            if kind.repeatable and random is None and len(given) == 1:
                self.known[id(given[0])].repeatable = True
            frame = caller(_getframe(2))
            written = Written(bool(targets), random)
            where = (self.call, frame.f_code, frame.f_lasti, self._hiding, seconds, written)
            self.count += 1
            self.log += (kind, func, named, outputs, *where, len(noted), *noted)
            if self.edits and not targets:
                return self._edited(result, given, outputs, where)
        return result

    # Numbers that are set.

    def _edited(
        self, result: Any, given: Sequence[Tensor], outputs: Address | tuple[Address, ...], where: tuple[Any, ...]
    ) -> Any:
        """What an operation gave, with the numbers in it that are set: what follows goes on from those."""
        fresh: dict[int, Tensor] = {}
        for tensor, address in zip(given, (outputs,) if isinstance(outputs, str) else outputs, strict=True):
            name = Address(address.removesuffix(WAS))
            if name != address and name not in self.met:
                fresh[id(tensor)] = settled(tensor, self.edits[name])
                self.store.keep(fresh[id(tensor)], name)
                self._note_edit(name, where, False)
        return exchanged(result, fresh) if fresh else result

    def _write_edited(
        self,
        kind: Kind,
        func: Callable[..., Any],
        given: tuple[tuple[Any, ...], dict[str, Any]],
        noted: tuple[tuple[Any, ...], dict[str, Any]],
        target: Tensor,
        name: Address,
    ) -> Any:
        """The same for an operation that writes in place: it writes to a twin, from which its target is then filled."""
        store = self.store
        pending = store.before_write(target, target, self.gradients)
        random = torch.get_rng_state() if kind.random and given[1].get("training") is not False else None
        twin = target.clone()
        args, kwargs = exchanged(given, {id(target): twin})
        result = func(*args, **kwargs)
        store.keep(twin, before(name))
        frame = caller(_getframe(3))
        where = (self.call, frame.f_code, frame.f_lasti, self._hiding, 0.0, Written(False, random))
        self.count += 1
        self.log += (kind, func, noted[1], before(name), *where, len(noted[0]), *noted[0])
        self.known.pop(id(target), None)
        target.copy_(settled(twin, self.edits[name]))
        if pending is not None:
            store.after_write(pending, name)
        store.keep(target, name)
        self._note_edit(name, where, True)
        return target if result is twin else result

    def _note_edit(self, name: Address, where: tuple[Any, ...], in_place: bool) -> None:
        """Note that the numbers of `name` were set, where the operation stands that gave what it was before."""
        self.met.add(name)
        self.count += 1
        self.extra += 1
        numbers = dict(self.edits[name])
        self.log += (EDIT, None, {"numbers": numbers}, name, *where[:4], 0.0, Written(in_place, None), 1, before(name))

    # Kernels that hide their numbers.

    def _open(self, kind: Kind, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run readable operations in place of `func`, and compare."""
        hidden = Hidden(kind.name, self.call, site(_getframe(3)))
        first = self.count
        readable = opened.KERNELS[kind.name](*args, **kwargs)
        try:
            if self.edits:  # a closed kernel has no place where a number could be set
                hidden.residual, result = math.nan, self._inside(hidden, readable)
            else:
                hidden.residual, result = opened.compared(
                    partial(func, *args, **kwargs), partial(self._inside, hidden, readable)
                )
        except Exception as error:
            explain(error, kind, args, kwargs, self.call)
            raise
        hidden.steps = range(first, self.count)
        hidden.outputs = self.addresses([result])
        self.hidden.append(hidden)
        return result

    def _inside(self, hidden: Hidden, readable: Callable[[], Any]) -> Any:
        self._hiding = hidden
        try:
            with self:
                return readable()
        finally:
            self._hiding = None
