"""Files taken out of the archives that publishers pack them in.

Only members that a definition names are read, only as many bytes as it says they have, and each is written under the
definition's own name: no path, link or size that an archive brings is trusted.
"""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from liuli.data.dataset import Archive, RemoteFile
from liuli.errors import UserError
from liuli.files import replacing

PIECE = 1 << 20
DAMAGES = (
    EOFError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


def unpack(archive: Archive, files: Iterable[RemoteFile], folder: Path) -> None:
    """Write each of `files` out of the archive that lies in `folder` into that folder, whole and checked or not at all.

    Raises:
        UserError: the archive is damaged, lacks one of them or holds another of its name.
    """
    path = folder / archive.file.name
    for file in files:
        inside = archive.members[file.name]
        try:
            with member(path, inside) as stream:
                write(stream, file, folder / file.name, path, inside)
        except KeyError as error:
            raise UserError(f"{path}: holds no {inside}; delete it and fetch it again") from error
        except DAMAGES as error:
            raise UserError(f"{path}: is not a sound archive ({error}); delete it and fetch it again") from error


@contextmanager
def member(path: Path, inside: str) -> Iterator[IO[bytes]]:
    """A file of a .zip or .tar archive, as a stream.

    Raises:
        KeyError: there is no such file in it.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped, zipped.open(inside) as stream:
            yield stream
        return
    with tarfile.open(path) as packed:
        entry = packed.getmember(inside)
        stream_or_none = packed.extractfile(entry) if entry.isreg() else None
        if stream_or_none is None:
            raise KeyError(inside)
        with stream_or_none as stream:
            yield stream


def write(stream: IO[bytes], file: RemoteFile, path: Path, archive: Path, inside: str) -> None:
    """Copy a stream, which is `inside` of an archive, into `path`, if it gives just the bytes that `file` says.

    Raises:
        UserError: it gives others.
    """
    what = f"{archive}: its {inside}"
    hashed = hashlib.sha256()
    left = file.size
    with replacing(path) as temporary:
        with temporary.open("wb") as out:
            while piece := stream.read(min(PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise UserError(f"{what} has more than the expected {file.size:,} bytes; nothing of it is kept")
                hashed.update(piece)
                out.write(piece)
        if left:
            raise UserError(f"{what} has {file.size - left:,} bytes, expected {file.size:,}; nothing of it is kept")
        if hashed.hexdigest() != file.sha256:
            raise UserError(f"{what} has another SHA-256 than the published one; nothing of it is kept")
