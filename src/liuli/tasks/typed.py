"""What a person typed on the command line, or put into a file."""

from __future__ import annotations

from pathlib import Path

from liuli.errors import UserError

LARGEST = 1 << 20  # bytes of a file of sentences


def words(source: Path | bytes | str, name: str, remedy: str) -> str:
    """The text of an input that is given as such, as a file or as the bytes of one.

    Raises:
        UserError: the file cannot be read as text; `remedy` says what to give.
    """
    if isinstance(source, str):
        return source.strip()
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        return content.decode("utf-8").strip()
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be read as text ({error}); {remedy}") from error


def sentences_of(source: Path | bytes | str, name: str) -> str:
    """What stands in a source: words, a file of sentences, or the bytes of one.

    Raises:
        UserError: it cannot be read, is too large, or is no text.
    """
    if isinstance(source, str):
        return source
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}), expected a text file, or words") from error
    if len(content) > LARGEST:
        raise UserError(f"{name}: has {len(content):,} bytes, expected at most {LARGEST:,}; split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: is no UTF-8 text (byte {error.start:,}); expected a sentence a line") from error
    if "\0" in text:
        raise UserError(f"{name}: is no text (it holds zero bytes); expected a sentence a line")
    return text


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
