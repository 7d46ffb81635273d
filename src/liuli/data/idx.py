"""IDX, the format in which MNIST was published, and sets of pictures laid out as MNIST is.

A header of two zero bytes, a type (8: unsigned byte), the number of dimensions and each dimension as a
big-endian 32-bit number; then the values, the last dimension fastest (LeCun, Cortes & Burges, 1998).
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liuli.data.dataset import Data, Facts, RemoteFile, Split
from liuli.errors import UserError

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in a gzipped IDX file of unsigned bytes.

    Raises:
        UserError: it is not gzip, is cut short, or its header is not that of such an array.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except EOFError:
        raise UserError(f"{path}: the gzip file is cut short; get it again whole") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: is not a sound gzip file ({error}); get it again") from None
    expected = bytes([0, 0, 8, dimensions])
    if content[:4] != expected:
        raise UserError(
            f"{path}: begins with {content[:4].hex(' ') or 'nothing'}, expected {expected.hex(' ')}: "
            f"an IDX file of unsigned bytes in {dimensions} dimension{'s'[: dimensions != 1]}"
        )
    start = 4 + 4 * dimensions
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    if len(shape) != dimensions or len(content) - start != math.prod(shape):
        sizes = " × ".join(str(size) for size in shape)
        raise UserError(f"{path}: has {len(content) - start} values, its header says {sizes}; get it again")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


def read_split(images: Path, labels: Path) -> Split:
    """Pictures (N, height, width, 1) and their labels (N,)."""
    return Split(read(images, 3)[..., None], read(labels, 1).astype(np.int64))


def load(folder: Path | None, facts: Facts) -> Data:
    """A set of grey pictures in the four files that MNIST has."""
    assert folder is not None
    train_images, train_labels, test_images, test_labels = (folder / name for name in NAMES)
    return Data(facts, read_split(train_images, train_labels), read_split(test_images, test_labels))


def files(bases: tuple[str, ...], sizes: tuple[int, ...], sha256: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    """The four files of such a set, each to be had under any of the addresses `bases`."""
    return tuple(
        RemoteFile(name, size, digest, tuple(base + name for base in bases))
        for name, size, digest in zip(NAMES, sizes, sha256, strict=True)
    )
