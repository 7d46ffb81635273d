"""Code of the user's own, run by liuli: what it prints is not liuli's answer, and what fails in it is one sentence."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import liuli
from liuli.errors import LiuliError, UserError

LONGEST = 400  # characters of what an exception says
OTHERS = (*{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}, *liuli.__path__, "<")
"""Where the files lie that are not the user's."""


@contextmanager
def users_code(path: Path) -> Iterator[None]:
    """Run what `path` defines; it prints beside liuli's answer, which a program may read.

    Raises:
        UserError: it fails; the sentence says where.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except LiuliError:
        raise
    except SystemExit as error:
        said = f"exit code {error.code or 0}" if isinstance(error.code, int | None) else error.code
        raise UserError(f"{path}: ended the program ({said}); it must return a module instead") from error
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise UserError(f"{named(error.filename, path)}{line}: {type(error).__name__}: {error.msg}") from error
    except Exception as error:
        raise UserError(told(error, path)) from error


def told(error: Exception, path: Path) -> str:
    """What failed, and where: the innermost line that is the user's, and the layer."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(OTHERS)]
    where = f"{named(frames[-1].filename, path)}:{frames[-1].lineno}" if frames else str(path)
    said = " ".join(str(error).split()) or (frames[-1].line if frames else "") or "it says nothing more"
    said = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    notes = [one for one in getattr(error, "__notes__", ()) if one.startswith("While tracing, ")]
    layer = f" ({notes[0].removeprefix('While tracing, ').partition(', given')[0]})" if notes else ""
    return f"{where}: {type(error).__name__}: {said}{layer}"


def named(file: str | None, path: Path) -> str:
    """A file as the user would name it: `path` as it was given, another from the folder where they are."""
    if file is None or Path(file) == path.resolve() or Path(file) == path:
        return str(path)
    here = Path.cwd()
    return str(Path(file).relative_to(here) if Path(file).is_relative_to(here) else file)
