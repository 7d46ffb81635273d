"""What a person typed on the command line, or put into a file."""

from __future__ import annotations

from pathlib import Path

from liuli.data import plain_text
from liuli.errors import UserError
from liuli.files import contents

LARGEST = 1 << 20  # bytes of a file of sentences


def words(source: Path | bytes | str, name: str, remedy: str) -> str:
    """The text of an input that is given as such, as a file or as the bytes of one.

    Raises:
        UserError: the file cannot be read as text; `remedy` says what to give.
    """
    if isinstance(source, str):
        return source.strip()
    content = contents(source) if isinstance(source, Path) else source
    return plain_text.decoded(content, name, remedy).strip()


def sentences_of(source: Path | bytes | str, name: str) -> str:
    """What stands in a source: words, a file of sentences, or the bytes of one.

    Raises:
        UserError: it cannot be read, is too large, or is no text.
    """
    if isinstance(source, str):
        return source
    content = contents(source) if isinstance(source, Path) else source
    if len(content) > LARGEST:
        raise UserError(f"{name}: has {len(content):,} bytes, expected at most {LARGEST:,}; split it")
    return plain_text.decoded(content, name, "expected a sentence a line")


def lines_of(source: Path | bytes | str, name: str) -> list[tuple[str, str]]:
    """The lines of a file that are not empty, each a sentence, with a name for each; words given as such are one.

    Raises:
        UserError: there are none, or it cannot be read.
    """
    if isinstance(source, str):
        return [(name, source)]
    text = sentences_of(source, name)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise UserError(f"{name}: is empty, expected a sentence a line")
    return [(f"{name}, line {number}" if len(lines) > 1 else name, line) for number, line in lines]
