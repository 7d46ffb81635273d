"""Room for copies, taken in large blocks: a fresh page costs more than the copying of what goes into it."""

from __future__ import annotations

import mmap

import torch
from torch import Tensor

_BLOCK = 2**22
_LEAST = 2**18  # what is smaller finds room in pages already touched; a block costs a large page at least


class Arena:
    """Copies of tensors, one beside the other in blocks of large pages where the system has them.

    A block is given back when the last copy in it is.
    """

    def __init__(self) -> None:
        self._block: Tensor | None = None
        self._used = 0

    def copy(self, tensor: Tensor) -> Tensor:
        """A detached copy of `tensor`, with its strides."""
        tensor = tensor.detach()
        size = tensor.nbytes
        if size < _LEAST or not tensor.is_contiguous() or tensor.device.type != "cpu" or tensor.is_conj():
            return tensor.clone()
        if self._block is None or self._used + size > self._block.numel():
            self._block, self._used = _block(max(size, _BLOCK)), 0
        room = self._block[self._used : self._used + size]
        self._used += -(-size // 64) * 64  # where the next may begin
        # `.data` counts its writes by itself: those of the next copy into this block are not its own
        return room.view(tensor.dtype).view(tensor.shape).copy_(tensor).data


def _block(size: int) -> Tensor:
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(size, dtype=torch.uint8)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=torch.uint8)
