"""What every verb shares in printing: tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.errors import UserError
from liuli.files import Json

if TYPE_CHECKING:
    from rich.console import Console

    from liuli.system import Target

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of text for a reader.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the recipe or the network; may be repeated."),
]


def changes_of(settings: Sequence[str] | None) -> dict[str, str]:
    """What `--set KEY=VALUE` gave, by key.

    Raises:
        UserError: one of them has no `=`.
    """
    for setting in settings or ():
        if "=" not in setting:
            raise UserError(f"--set {setting}: expected KEY=VALUE, such as --set epochs=3")
    pairs = (setting.partition("=") for setting in settings or ())
    return {key.strip(): value.strip() for key, _, value in pairs}


def file_stem(name: str) -> str:
    """What a file about an input is called: the input's name without folder and ending, of a sentence the begin."""
    name = Path(name.replace("\0", "")).name
    return re.sub(r"(?<=.)\.[A-Za-z]\w{,4}$", "", name)[:40].strip()


def judged(target: Target, reached: bool) -> str:
    """Whether a run has reached its figure, and the published one, in a sentence."""
    published = f"; published: {target.published:g}" if target.published is not None else ""
    return f"Target {target}: {'reached' if reached else 'NOT reached'}{published}."


def console() -> Console:
    """The terminal, or 140 columns where the output goes elsewhere."""
    from rich.console import Console

    terminal = Console(highlight=False, markup=False)
    return terminal if terminal.is_terminal else Console(width=140, highlight=False, markup=False)


@contextmanager
def at_work(what: str) -> Iterator[None]:
    """Say on a terminal what takes its time, for as long as it does; beside the answer, which may go elsewhere."""
    from rich.console import Console

    shown = Console(stderr=True, highlight=False, markup=False)
    if not shown.is_terminal:
        yield
        return
    with shown.status(what):
        yield


def print_json(value: Json) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """A plain aligned table; the columns named in `right` are set flush right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)
