"""What a person typed on the command line, or put into a file."""

from __future__ import annotations

from pathlib import Path

from liuli.errors import UserError


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
