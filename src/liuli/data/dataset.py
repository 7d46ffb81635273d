"""What a data set is: where it is had, and what it gives when read.

A *definition* (`DataSet`, one per file of this folder, bound to the name `DATA`) is plain constants and
a function; *data* (`Data`) are what that function returns, NumPy arrays in splits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RemoteFile:
    """A file as its publisher offers it.

    Attributes:
        name: canonical file name inside the data set's folder.
        size: bytes.
        sha256: hexadecimal.
        urls: where it is had, in the order in which they are tried; empty where only the user can bring it.
    """

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


def fingerprint(files: Iterable[RemoteFile]) -> str:
    """One SHA-256 over several files: that of their list as `sha256sum` prints it."""
    lines = "".join(f"{file.sha256}  {file.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True)
class Subset:
    """A part of a data set in files of its own, which serves where the whole is not at hand.

    Attributes:
        variant: what `Facts.variant` then says.
        folder: inside the folder that LIULI_DATA names.
        files: all of them, each without an address.
    """

    variant: str
    folder: str
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        inputs: first dimension N; for pictures uint8 (N, height, width, channels).
        targets: (N,) int64 class labels.
    """

    inputs: NDArray[np.generic]
    targets: NDArray[np.generic]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Facts:
    """What a network must know of the data it learnt from; kept in every run, so that `predict` reads no data.

    Attributes:
        name: of the definition.
        variant: which of its files were used where that can differ ("full set", "subset of 12,000"), else "".
        sha256: one hash over the files that were read.
        kind: what the inputs are: "image".
        form: how a picture of this set was made, which a user's own picture is brought into:
            "handwriting" (MNIST: light on dark, 20×20 box, centred by mass in 28×28),
            "garment" (Fashion-MNIST), "photograph" (CIFAR-10).
        shape: of one input: (height, width, channels).
        classes: names in the order of the labels.
    """

    name: str
    variant: str
    sha256: str
    kind: str
    form: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Data:
    """A data set, read: its facts, and the splits as published."""

    facts: Facts
    train: Split
    test: Split


@dataclass(frozen=True)
class DataSet:
    """A data set that can be had.

    Attributes:
        name: what a user types after `--data`.
        title: full name.
        about: one line: how many of what.
        licence: its name; then, after a semicolon, the authors.
        homepage: the canonical page.
        files: what is downloaded; empty for a set embedded in a dependency.
        load: reads the folder that holds `files`, or those of `subset` (None when embedded).
        instead: the embedded set that would serve where there is no network.
        subset: what is used where the whole is not at hand.
    """

    name: str
    title: str
    about: str
    licence: str
    homepage: str
    files: tuple[RemoteFile, ...]
    load: Callable[[Path | None], Data]
    instead: str = "digits"
    subset: Subset | None = None
