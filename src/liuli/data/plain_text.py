"""The text of a person's own file: UTF-8, with or without a mark at its beginning; a fault is told with its line."""

from __future__ import annotations

from pathlib import Path

from liuli.errors import UserError
from liuli.files import contents

REMEDY = "save it as UTF-8"


def decoded(content: bytes, name: str, remedy: str = REMEDY) -> str:
    """Bytes as text, its lines ending as everywhere.

    Args:
        content: of a file.
        name: that messages call it by.
        remedy: what to do about another encoding.

    Raises:
        UserError: they are in another encoding, or no text; says the line.
    """
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: is no text in UTF-8; {remedy}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{name}, line {line}: holds a zero byte, expected text; is it of another kind?")
    return text


def read(path: Path) -> str:
    """All of a text file.

    Raises:
        UserError: it cannot be read, is in another encoding, or is no text; says the line.
    """
    return decoded(contents(path), str(path))
