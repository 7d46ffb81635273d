"""The two ways in which liuli says no.

`UserError` is for what the user or the machine can put right: it becomes one sentence on the
terminal and exit code 2. Everything else that escapes is a defect of liuli: exit code 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class LiuliError(Exception):
    """Base of every error that liuli raises on purpose."""

    exit_code = 1


class UserError(LiuliError):
    """The input or the environment is at fault.

    The message names the thing, its value, what was expected and what to do.
    """

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that offers the known name most like `name`, else lists them: `did you mean 'lenet'?`"""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(known)}."


@contextmanager
def from_extra(extra: str) -> Iterator[None]:
    """Say which extra of liuli to install where the block imports a package that is not here.

    Raises:
        UserError: it is not here.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "liuli":
            raise
        raise UserError(f"this needs {error.name}, which is not installed; pip install 'liuli[{extra}]'") from error
