"""The hooks by which a recorder knows which module runs: for paths, call numbers, inputs and outputs only."""

from __future__ import annotations

import threading
from sys import _getframe
from typing import Any

import torch
from torch import Tensor, nn

from liuli.tracing import opened
from liuli.tracing.functions import Kind
from liuli.tracing.notes import Call, Hidden
from liuli.tracing.parts import Address
from liuli.tracing.recorder import Recorder, is_wrapped
from liuli.tracing.sources import Site, site
from liuli.tracing.trees import tensors


class Calls:
    """The calls of modules, as they come.

    Args:
        recorder: what notes the operations.
        paths: modules of the module: id → path.
    """

    def __init__(self, recorder: Recorder, paths: dict[int, str]) -> None:
        self.made: list[Call] = []
        self._recorder = recorder
        self._paths = paths
        self._thread = threading.get_ident()

    def begin(self, path: str, cls: type | str, at: Site | None, parent: Call | None) -> Call:
        """A call begins: what follows is part of it."""
        recorder = self._recorder
        recorder.call = call = Call(path, cls, at, parent, recorder.count)
        self.made.append(call)
        return call

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Hook before any module's forward."""
        recorder = self._recorder
        if recorder.paused or threading.get_ident() != self._thread:
            return
        cls = type(module)
        above = recorder.call if self.made else None
        path = self._paths.get(id(module))
        if path is None:  # made on the way, or held where PyTorch does not look
            path = f"{above.path}.({cls.__name__})".lstrip(".") if above is not None else ""
        call = self.begin(path, cls, site(_getframe(1)), above)
        call.inputs = recorder.addresses(args)

    def leave(self, module: nn.Module, args: tuple[Any, ...], *rest: Any) -> Any:
        """Hook after any module's forward, also when it failed: `rest` is then (None,), else keywords and output."""
        recorder = self._recorder
        if recorder.paused or threading.get_ident() != self._thread or not self.made:
            return None
        kwargs, output = rest if len(rest) == 2 else ({}, None)
        call = recorder.call
        if kwargs:
            call.inputs += recorder.addresses(kwargs.values())
        changed = None
        if isinstance(module, opened.FAST_PATHS) and output is not None and not recorder.edits:
            changed = self._compare(module, args, kwargs, output)
            output = output if changed is None else changed
        kept = recorder.known.get(id(output))
        if kept is not None:
            call.outputs = (kept.address,)
        else:
            given = tensors(output)
            call.outputs = recorder.addresses(given)
            if len(call.outputs) != len(given):
                with torch._C.DisableTorchFunction():
                    self._opaque(call, args, kwargs, given)
                call.outputs = recorder.addresses(given)
        if call.parent is not None:
            recorder.call = call.parent
        return changed

    def _opaque(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Tensor]) -> None:
        """A module gave a tensor that no operation we saw has made (compiled code, NumPy): say what went in."""
        recorder = self._recorder
        unknown = [t for t in given if not recorder.addresses([t]) and not is_wrapped(t)]
        for tensor in unknown:
            if recorder.store.holder(tensor) is not None:  # another view of something known
                recorder.use(tensor)
        unknown = [tensor for tensor in unknown if not recorder.addresses([tensor])]
        if not unknown:
            return
        noted = tuple(recorder.use(tensor) for tensor in tensors((args, kwargs)))
        index = recorder.count - recorder.extra
        addresses = tuple(Address(f"%{index}.{i}" if len(unknown) > 1 else f"%{index}") for i in range(len(unknown)))
        for tensor, address in zip(unknown, addresses, strict=True):
            recorder.store.keep(tensor, address)
        recorder.add(Kind("opaque", call.type()), noted, {}, addresses)

    def _compare(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """Note how far the readable path of a module lies from the fused one that a plain run takes."""
        recorder = self._recorder
        call = recorder.call
        if call.parent is not None and call.parent.type().startswith("torch.nn.modules.transformer.TransformerEncoder"):
            return None  # a part of one that is compared as a whole
        recorder.paused = True
        try:
            found = opened.without_fast_path(module, args, kwargs, output)
        finally:
            recorder.paused = False
        if found is None:
            return None
        apart, padding, note = found
        changed = output.masked_fill(padding, 0.0) if padding is not None else None
        hidden = Hidden(type(module).__name__, call, None)
        hidden.residual, hidden.note = apart, note
        hidden.steps = range(call.first, recorder.count)
        recorder.hidden.append(hidden)
        return changed
