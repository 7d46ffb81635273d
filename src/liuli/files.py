"""Files that are either whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from liuli.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: nothing then keeps two processes from one folder
    fcntl = None  # type: ignore[assignment]

Json: TypeAlias = Any  # whatever the json module can write


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, rename it onto `path`.

    A reader never sees half a file, and a process killed inside the block leaves the old file as it was.

    Raises:
        UserError: the folder is missing, may not be written to, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> UserError:
    """One sentence for a file that could not be written."""
    reason = error.strerror or str(error)
    return UserError(f"{path}: cannot be written ({reason}); free some space or choose another folder with --out DIR")


def made(folder: Path) -> None:
    """Make a folder, and those that it lies in, where it is not there.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Json) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def append_line(path: Path, row: Mapping[str, Json]) -> None:
    """Add `row` as one line of JSON.

    Raises:
        UserError: the folder is gone, or the disk is full.
    """
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise unwritable(path, error) from error


def read_lines(path: Path) -> list[Json]:
    """What `append_line` wrote; a last line torn by a kill is left out, and no file is no line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[:-1]]


def contents(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Claim the file `path` for this process; gives whether that could be had.

    The system lets go of it when the process ends, however it ends. The file says which process that is.

    Raises:
        UserError: the folder is missing or may not be written to.
    """
    try:
        stream = path.open("a")
    except OSError as error:
        raise unwritable(path, error) from error
    with stream:
        mine = True
        try:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            mine = False
        if mine:
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
        yield mine


def is_claimed(path: Path) -> bool:
    """Whether a process has claimed `path` now."""
    try:
        with path.open("r+") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def claimant(path: Path) -> int | None:
    """The number of the process that has claimed `path`; None where none has."""
    if not is_claimed(path):
        return None
    text = path.read_text(encoding="utf-8")
    return int(text) if text.isdigit() else None
