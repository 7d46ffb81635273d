"""Running one recorded operation again: the aten operations under it, and what it drew at random."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from liuli.tracing.parts import Address, Kernel
from liuli.tracing.trees import replaced

if TYPE_CHECKING:
    from liuli.tracing.notes import Step

Operands = tuple[tuple[Any, ...], dict[str, Any]]

# Operations that multiply, or otherwise change, their input by something drawn.
_DROPOUTS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "native_dropout"}
_ALPHA_DROPOUTS = {"alpha_dropout", "feature_alpha_dropout"}


class _Collector(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kernels: list[Kernel] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        self.kernels.append(Kernel(str(func), args, kwargs or {}, tuple(outputs)))
        return result


def operands(step: Step, tensor: Callable[[str], Tensor]) -> Operands:
    """The arguments of a call, with the tensors that their addresses stand for."""

    def resolve(part: Any) -> Any:
        return tensor(part) if isinstance(part, Address) else part

    return replaced(step.args, resolve), replaced(step.kwargs, resolve)


def again(step: Step, tensor: Callable[[str], Tensor]) -> Any:
    """What `step` gives when it is run again."""
    return _run(step, operands(step, tensor))


def under(step: Step, tensor: Callable[[str], Tensor]) -> list[Kernel]:
    """The aten operations that `step` runs, in order; none for an operation that is not PyTorch's."""
    if step.function is None:
        return []
    collector = _Collector()
    _run(step, operands(step, tensor), collector)
    return collector.kernels


def draws(step: Step, arguments: dict[str, Any]) -> bool:
    """Whether `step` changed its input by numbers that it drew."""
    if step.written is None or step.written.random is None:
        return False
    name = step.kind.name
    on = bool(arguments.get("training", arguments.get("train", True)))
    if name in _DROPOUTS or name in _ALPHA_DROPOUTS:
        return on and float(arguments.get("p") or 0.0) > 0
    return name == "rrelu" and bool(arguments.get("training"))


def drawn(step: Step, tensor: Callable[[str], Tensor]) -> Tensor:
    """What `step` drew, shaped as its input.

    Dropout: the factor of each element, 0 or 1 / (1 - p). Alpha dropout: 1 where it was kept, 0 where not. Randomised
    leaky ReLU: the slope of each element, 1 where it is not negative.
    """
    (given, *args), kwargs = operands(step, tensor)
    if step.kind.name == "rrelu":  # it draws for the negative elements only
        result: Tensor = again(step, tensor)
        return torch.where(given < 0, result / given, 1.0)
    factor: Tensor = _run(step, ((torch.ones_like(given), *args), kwargs))
    return (factor > 0).to(factor.dtype) if step.kind.name in _ALPHA_DROPOUTS else factor


def _run(step: Step, given: Operands, mode: AbstractContextManager[Any] | None = None) -> Any:
    """Run the function of `step` on copies of `given`, from the random state that it had."""
    args, kwargs = replaced(given, lambda part: part.clone() if isinstance(part, Tensor) else part)
    assert step.function is not None
    before = torch.get_rng_state()
    try:
        if step.written is not None and step.written.random is not None:
            torch.set_rng_state(step.written.random)
        with torch.no_grad(), mode or nullcontext():
            return step.function(*args, **kwargs)
    finally:
        torch.set_rng_state(before)
