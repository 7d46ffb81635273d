"""`liuli.trace`: run a module once, and keep every value."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.tracing.assemble import Pass
from liuli.tracing.calls import Calls
from liuli.tracing.contents import Contents, Inputs
from liuli.tracing.edits import Numbers
from liuli.tracing.gradients import Loss, differentiate, scalar_of
from liuli.tracing.handwritten import handwritten
from liuli.tracing.record import Record
from liuli.tracing.recorder import Recorder
from liuli.tracing.running import recording, uncollected
from liuli.tracing.store import Store
from liuli.tracing.trees import leaves

_lock = threading.Lock()
_owner: int | None = None


def trace(
    module: nn.Module,
    *inputs: Any,
    loss: Loss | None = None,
    gradients: bool | None = None,
    budget: int = 2**30,
    **kwargs: Any,
) -> Record:
    """Run `module(*inputs, **kwargs)` once and keep every value; then, from one number, one backward pass.

    The module runs as it is, in its own mode (`eval` or `train`) and the caller's gradient mode, with the same side
    effects as a plain call (batch normalisation in training updates its statistics) and no others: hooks, `.grad` and
    PyTorch's state are afterwards what they were, also when the module fails.

    Args:
        module: any module; one that `torch.compile` has wrapped runs uncompiled.
        inputs: its positional arguments. Floating-point tensors in them are copied where gradients may be wanted.
        loss: the number to differentiate: a function from the module's output to one number (its operations are
            recorded too), or the index of one element of the output. None: the output itself, or its field `loss`,
            where that is one number.
        gradients: True demands a backward pass, False forbids it, None makes one where there is a number to begin from.
        budget: how many bytes of values may be kept in memory; what is beyond is kept in a temporary folder.
        kwargs: keyword arguments of the module.

    Raises:
        UserError: `module` is no module, `loss` gives no single number, or gradients were demanded and there are none.
        Exception: what the module itself raises, with a note that names the operation, its module and its line.
    """
    _check(module, loss, budget)
    return traced(module, inputs, kwargs, loss, gradients, budget)


def traced(
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    loss: Loss | None,
    gradients: bool | None = None,
    budget: int = 2**30,
    edits: Mapping[str, Numbers] | None = None,
    copy: Collection[str] = (),
) -> Record:
    """The same; with `edits`, numbers of operations' outputs are set on the way: see `retrace.py`.

    `copy` are parameters and buffers that will not stay as they are.
    """
    global _owner
    if _owner == threading.get_ident():
        raise UserError("trace: a trace is running in this thread already; trace the outer module alone")
    with _lock:
        _owner = threading.get_ident()
        try:
            with uncollected():
                return _trace(module, args, kwargs, loss, gradients, budget, edits or {}, copy)
        finally:
            _owner = None


def _check(module: Any, loss: Any, budget: int) -> None:
    if not isinstance(module, nn.Module):
        raise UserError(f"trace: {module!r:.80} is a {type(module).__name__}, expected a torch.nn.Module")
    if not (loss is None or callable(loss) or (isinstance(loss, tuple) and all(type(i) is int for i in loss))):
        raise UserError(f"trace: loss={loss!r:.80} is neither a function of the output nor the index of one element")
    if budget < 0:
        raise UserError(f"trace: budget={budget} bytes; give a number of 0 or more")


def _trace(
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    loss: Loss | None,
    gradients: bool | None,
    budget: int,
    edits: Mapping[str, Numbers],
    copy: Collection[str],
) -> Record:
    begin = perf_counter()
    wanted = bool(gradients) or (gradients is None and loss is not None)
    possible = wanted or (gradients is None and torch.is_grad_enabled())
    contents, store = Contents(module), Store(budget)
    if contents.meta:
        raise UserError("trace: the module lies on the meta device and has no numbers; load its weights first")
    recorder = Recorder(store, contents.own, possible, edits)
    calls = Calls(recorder, contents.paths)
    try:
        with torch.inference_mode(False) if wanted else nullcontext(), torch.enable_grad() if wanted else nullcontext():
            inputs = Inputs(args, kwargs, contents.own, store, copy=possible)
            number = None
            with recording(recorder, calls, contents.compiled):
                output = getattr(module, "_orig_mod", module)(*inputs.args, **inputs.kwargs)
                returned = {path: address for path, t in leaves(output) for address in recorder.addresses([t])}
                if loss is not None:
                    calls.begin("(loss)", getattr(loss, "__qualname__", "loss"), None, calls.made[0])
                if loss is not None or possible:
                    number = scalar_of(output, loss)
            if number is not None:
                contents.keep(store)  # compiled code uses weights unseen
                recorder.handwritten = handwritten(store)
            slopes = possible and number is not None and differentiate(recorder, number, inputs.sources)
        if gradients and not slopes:
            raise UserError(_no_gradient(number))
        address = next(iter(recorder.addresses([number])), None)
        missed = [address for address in edits if address not in recorder.met]
        if missed:
            raise UserError(f"{missed[0]}: with the numbers that were set, the module never comes to this value")
        _close(store, recorder, contents, [*inputs.addresses, *copy], slopes)
    finally:
        recorder.release()
        store.release()
    made = Pass(store, recorder, calls.made, inputs.addresses, contents, returned, address)
    return Record(made.assemble, recorder.notes, perf_counter() - begin)


def _no_gradient(number: Tensor | None) -> str:
    if number is None:
        return "trace: gradients=True, but the module returns no single number to begin from; give loss=…"
    return "trace: gradients=True, but the loss depends on nothing that has a gradient (whole numbers, no_grad, detach)"


def _close(store: Store, recorder: Recorder, contents: Contents, copy: list[str], slopes: bool) -> None:
    """Keep what was not used as well, and copy what others may write to later."""
    contents.keep(store)
    # An optimizer may step on the parameters while the record lives; without gradients there is no step to come.
    overwritten = store.close([*copy, *(contents.tensors if slopes else ()), *recorder.constants], slopes)
    if overwritten:
        recorder.notes.append(
            f"{', '.join(overwritten[:3])}: written to in place by something that could not be seen; "
            "these numbers may be later ones than those that were read"
        )
    contents.forget()
