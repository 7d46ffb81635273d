"""Values that no longer fit into memory, in files of a temporary folder."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

import torch

from liuli.errors import UserError
from liuli.tracing.memory import Place


class Files:
    """Blocks of memory, a file each; the folder is made for the first and goes with this object.

    Args:
        budget: what was exceeded, to say so.
    """

    def __init__(self, budget: int) -> None:
        self.folder: Path | None = None
        self._budget = budget
        self._count = 0

    def write(self, storage: torch.UntypedStorage) -> Path:
        """Put a block into a new file.

        Raises:
            UserError: there is no room, or no right to write.
        """
        try:
            if self.folder is None:
                self.folder = Path(tempfile.mkdtemp(prefix="liuli-"))
                weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
            file = self.folder / f"{self._count}"
            whole = Place(torch.uint8, 0, (storage.nbytes(),), (1,)).within(storage)
            whole.cpu().numpy().tofile(file)
        except OSError as error:
            raise UserError(
                f"trace: the values exceed the budget of {self._budget:,} bytes and cannot be written to "
                f"{self.folder or tempfile.gettempdir()} ({error.strerror or error}); make room there, "
                f"set TMPDIR to another folder, or give a larger budget"
            ) from None
        self._count += 1
        return file

    @staticmethod
    def read(file: Path, size: int, device: torch.device) -> torch.UntypedStorage:
        """A block of `size` bytes, mapped from its file; on the device that it came from."""
        mapped = torch.from_file(str(file), size=size, dtype=torch.uint8)
        return mapped.to(device).untyped_storage()
