"""CIFAR-10: small colour photographs of ten kinds of animals and vehicles (Krizhevsky, 2009).

Read from the binary version of the full set, 60,000 pictures in records of one byte for the label and
3 × 32 × 32 bytes of pixels, where it is at hand; else from a subset of 12,000 where that is at hand.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, Subset, fingerprint
from liuli.errors import UserError

ARCHIVE = RemoteFile(
    name="cifar-10-binary.tar.gz",
    size=170_052_171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)
PARTS = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
RECORD = 1 + 3 * 32 * 32  # bytes: a label, then the red, the green and the blue plane

SUBSET = Subset(
    variant="subset of 12,000",
    folder="cifar10-subset",
    files=(
        RemoteFile(
            name="cifar10_subset_12000.npz",
            size=33_992_823,
            sha256="7850215a7e5d0a56d3243dffb505e684f2f3e2d05025cc834e6a59a72b3455b1",
            urls=(),
        ),
    ),
)

FACTS = Facts(
    name="cifar10",
    variant="full set",
    sha256=fingerprint([ARCHIVE]),
    kind="image",
    form="photograph",
    shape=(32, 32, 3),
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)


def load(folder: Path | None) -> Data:
    """The full set where `folder` has its archive, else the subset.

    Raises:
        UserError: the file is damaged.
    """
    assert folder is not None
    archive = folder / ARCHIVE.name
    path = archive if archive.is_file() else folder / SUBSET.files[0].name
    try:
        return read_archive(path) if path == archive else read_subset(path)
    except (OSError, EOFError, KeyError, ValueError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is not a sound file of CIFAR-10 ({error}); get it again") from error


def read_archive(path: Path) -> Data:
    """The full set, 50,000 and 10,000, from the compressed archive of binary batches."""
    with tarfile.open(path) as archive:
        batches = {
            PurePosixPath(member.name).name: read_batch(stream.read())
            for member in archive
            if member.name.endswith(".bin") and (stream := archive.extractfile(member))
        }
    parts = [batches[name] for name in PARTS]
    train = Split(np.concatenate([one.inputs for one in parts]), np.concatenate([one.targets for one in parts]))
    return Data(FACTS, train, batches["test_batch.bin"])


def read_batch(content: bytes) -> Split:
    """Pictures (N, 32, 32, 3) and labels (N,) from the records of one binary batch."""
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return Split(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64))


def read_subset(path: Path) -> Data:
    """10,000 and 2,000 pictures of the same, drawn at random, 1,000 and 200 of each class."""
    facts = replace(FACTS, variant=SUBSET.variant, sha256=fingerprint(SUBSET.files))
    with np.load(path, allow_pickle=False) as arrays:
        return Data(facts, *(part(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in ("train", "test")))


def part(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Split:
    """One part of the subset."""
    return Split(images, labels.astype(np.int64))


DATA = DataSet(
    name="cifar10",
    title="CIFAR-10",
    about="50,000 + 10,000 photographs, 32×32 colour, 10 classes",
    licence="research, with citation; A. Krizhevsky",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    files=(ARCHIVE,),
    load=load,
    subset=SUBSET,
)
