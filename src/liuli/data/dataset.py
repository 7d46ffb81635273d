"""What a data set is: where it is had, and what it gives when read.

A *definition* (`DataSet`, one per file of this folder, bound to the name `DATA`) is plain constants and
a function; *data* (`Data`) are what that function returns, NumPy arrays in splits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RemoteFile:
    """A file as its publisher offers it.

    Attributes:
        name: canonical file name inside the data set's folder.
        size: bytes.
        sha256: hexadecimal.
        urls: where it is had, in the order in which they are tried; empty where it comes in an `Archive`, or where
            only the user can bring it.
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
class Archive:
    """A file in which the publisher packs others: .zip, or .tar with any compression.

    Attributes:
        file: the archive itself, deleted once it is unpacked.
        members: by the canonical name of a file that is wanted, its name inside the archive.
    """

    file: RemoteFile
    members: Mapping[str, str]


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
    """A part of a data set: N examples. What the arrays are follows from `Facts.kind`.

    Attributes:
        inputs: first dimension N; for pictures uint8 (N, height, width, channels), for sentences str (N,).
        targets: first dimension N; for classes int64 (N,), for translation str (N,), …
        extra: more arrays of the same first dimension, by name; most kinds have none.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.inputs)

    def one(self, index: int) -> Split:
        """Example `index` alone.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        only = slice(index, index + 1)
        return Split(self.inputs[only], self.targets[only], {name: each[only] for name, each in self.extra.items()})


@dataclass(frozen=True)
class Facts:
    """What a network must know of the data it learnt from; kept in every run, so that `predict` reads no data.

    Attributes:
        name: of the definition.
        variant: which of its files were used where that can differ ("full set", "subset of 12,000"), else "".
        sha256: one hash over the files that were read.
        kind: what the inputs are, in a word a user knows: "image", "sentence", "table", …
        form: how a picture of this set was made, which a user's own picture is brought into:
            "handwriting" (MNIST: light on dark, 20×20 box, centred by mass in 28×28),
            "garment" (Fashion-MNIST), "photograph" (CIFAR-10); "" for other kinds.
        shape: of one input: (height, width, channels); () where inputs differ in shape, or are words.
        classes: names in the order of the labels; () where there are none.
        details: what else is known of the set, JSON-ready: names of columns, titles of films, a language.
        learnt: what a task learnt from the training part before the network saw it, JSON-ready: a vocabulary,
            means (see `Task.learn`); empty as the data set gives it.
    """

    name: str
    variant: str
    sha256: str
    kind: str
    form: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    learnt: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Everything but `learnt`, which a run keeps in a file of its own."""
        values = asdict(self)
        del values["learnt"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any], learnt: Mapping[str, Any] | None = None) -> Facts:
        """What `to_json` gave, and what was learnt."""
        tuples = {key: tuple(values[key]) for key in ("shape", "classes")}
        return cls(**{**values, **tuples, "learnt": learnt or {}})


@dataclass(frozen=True)
class Data:
    """A data set, read: its facts, and the splits as published.

    Attributes:
        validation: as published; None: a share of the training part is held out (`Recipe.validation`).
    """

    facts: Facts
    train: Split
    test: Split
    validation: Split | None = None

    def splits(self) -> dict[str, Split]:
        """Those that there are, by name."""
        both = {"train": self.train, "test": self.test}
        return both if self.validation is None else {**both, "validation": self.validation}


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
        archives: that files without an address of their own come in.
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
    archives: tuple[Archive, ...] = ()
