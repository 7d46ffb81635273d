"""BCCD: blood cells under a microscope, red, white and platelets, each in a box.

364 pictures of 640 × 480 pixels with 4,888 boxes, parted as its publisher does: 205 to train, 87 to validate, 72 to
test. Red cells are many, alike, and touch each other; platelets are small.

What is read is the publisher's folder as one archive, which only the user can bring: the repository has no release, and
GitHub makes archives of it anew, whose bytes change. Two boxes of it are single points; they are left out.
"""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import replace
from pathlib import Path

from liuli.data import voc
from liuli.data.dataset import Data, DataSet, RemoteFile, fingerprint
from liuli.errors import UserError

ARCHIVE = RemoteFile(
    name="BCCD_Dataset.tar.gz",
    size=7_370_481,
    sha256="85562b8089fc88dbf4414f392896a5ce1a342608f55707cf9bde5079575b7fe1",
    urls=(),
)
ROOT = "BCCD/"
PARTS = {"train": "train", "validation": "val", "test": "test"}  # and what the publisher's lists are called


def load(folder: Path | None) -> Data:
    """The three parts as published.

    Raises:
        UserError: the archive is damaged.
    """
    assert folder is not None
    path = folder / ARCHIVE.name
    try:
        with tarfile.open(path) as archive:
            files = {one.name: stream.read() for one in archive if (stream := archive.extractfile(one))}
        parts = {
            part: [
                voc.Named(f"{voc.PICTURES}/{name}.jpg", f"{voc.ANNOTATIONS}/{name}.xml")
                for name in files[f"{ROOT}{voc.LISTS}/{listed}.txt"].decode().split()
            ]
            for part, listed in PARTS.items()
        }
        data = voc.read("bccd", parts, lambda inside: files[ROOT + inside], drop_empty=True)
    except (OSError, EOFError, KeyError, ValueError, zlib.error, tarfile.TarError) as error:
        raise UserError(f"{path}: is not a sound archive of BCCD ({error}); copy it anew") from error
    return replace(data, facts=replace(data.facts, sha256=fingerprint([ARCHIVE])))


DATA = DataSet(
    name="bccd",
    title="BCCD blood cells",
    about="364 pictures of blood, 640×480 colour, 4,886 boxes of 3 classes",
    licence="MIT; cosmicad, akshaylambda, Shenggan",
    homepage="https://github.com/Shenggan/BCCD_Dataset",
    files=(ARCHIVE,),
    load=load,
)
