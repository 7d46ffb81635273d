"""Whether a kernel compiled by Numba may be taken; where not, PyTorch's arithmetic stands in."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import torch


def compiled(kernel: str) -> bool:
    """Whether the module `kernel` of `layers` is there, and no compiler is looking on: it cannot see into it."""
    return not torch.compiler.is_compiling() and found(kernel)


@cache
def found(kernel: str) -> bool:
    """Whether it can be imported: Numba may be missing, not fit NumPy, or have no place to keep what it compiles."""
    try:
        import_module(f"liuli.layers.{kernel}")  # takes half a second
    except (ImportError, RuntimeError):
        return False
    return True
