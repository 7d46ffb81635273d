"""Memory that training frees and asks for again, thousands of times a second.

The C library gives large freed blocks back to the system, and the system clears every page that it hands
out again. Where activations are a few megabytes that costs more than the convolutions that fill them.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Options of mallopt(3), GNU C library."""
USUAL_TRIM, USUAL_MMAP = 64 << 20, 32 << 20
"""What the library itself comes to when large blocks are freed."""
ALL = 2**31 - 1


@contextmanager
def kept() -> Iterator[None]:
    """Keep freed memory for the next step within the block, and give it back after; on Linux with glibc."""
    if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"):
        yield
        return
    library = ctypes.CDLL(None)
    library.mallopt(MMAP_THRESHOLD, 1 << 30)
    library.mallopt(TRIM_THRESHOLD, ALL)
    try:
        yield
    finally:
        library.mallopt(MMAP_THRESHOLD, USUAL_MMAP)
        library.mallopt(TRIM_THRESHOLD, USUAL_TRIM)
        library.malloc_trim(0)
