"""Everything that is switched on while a module is traced, and switched off again however that ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules import module as modules
from torch.utils import checkpoint

from liuli.tracing.calls import Calls
from liuli.tracing.recorder import Recorder

_CHECKPOINTED = "torch.utils.checkpoint: activations were kept, not computed a second time"


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection inside: the notes are many small objects, none of which is garbage."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def recording(recorder: Recorder, calls: Calls, compiled: bool) -> Iterator[None]:
    """Record what runs inside; `compiled`: there are parts that `torch.compile` has wrapped."""
    before = modules.register_module_forward_pre_hook(calls.enter)
    after = modules.register_module_forward_hook(calls.leave, with_kwargs=True, always_call=True)
    originals = _straighten(recorder)
    try:
        if compiled:
            recorder.notes.append("torch.compile: what it has compiled ran uncompiled")
            with torch.compiler.set_stance("force_eager"), recorder:
                yield
        else:
            with recorder:
                yield
    finally:
        for name, original in originals.items():
            setattr(checkpoint, name, original)
        after.remove()
        before.remove()


def _straighten(recorder: Recorder) -> dict[str, Any]:
    """Keep what checkpointing would throw away and compute again where no one records; returns what to put back.

    `torch.utils.checkpoint` reaches its two ways of working by these names. A thread that checkpoints meanwhile without
    being traced keeps its activations too: more memory, the same numbers.
    """
    names = {"CheckpointFunction": _Straight(recorder), "_checkpoint_without_reentrant_generator": _Straight(recorder)}
    originals = {name: getattr(checkpoint, name) for name in names if hasattr(checkpoint, name)}
    for name in originals:
        setattr(checkpoint, name, names[name])
    return originals


class _Straight:
    """Stands for either way of checkpointing, and only runs the function."""

    def __init__(self, recorder: Recorder) -> None:
        self._notes = recorder.notes

    def apply(self, function: Any, preserve: bool, *args: Any) -> Any:
        """The re-entrant way."""
        self._note()
        return function(*args)

    def __call__(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """The other way: a generator about the run of the function."""
        self._note()
        return iter((None,))

    def _note(self) -> None:
        if _CHECKPOINTED not in self._notes:
            self._notes.append(_CHECKPOINTED)
