"""Whether a kernel compiled by Numba may be taken; where not, PyTorch's arithmetic stands in."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import torch
from torch.autograd import forward_ad


def compiled(kernel: str) -> bool:
    """Whether the module `kernel` of `layers` is there, and nothing is at work that would have to see into it."""
    return not torch.compiler.is_compiling() and not transformed() and found(kernel)


def transformed() -> bool:
    """Whether `torch.func` or forward-mode differentiation works on the tensors."""
    return forward_ad._current_level >= 0 or torch._C._functorch.peek_interpreter_stack() is not None


@cache
def found(kernel: str) -> bool:
    """Whether it can be imported: Numba may be missing, not fit NumPy, or have no place to keep what it compiles."""
    try:
        import_module(f"liuli.layers.{kernel}")  # takes half a second
    except (ImportError, RuntimeError):
        return False
    return True
