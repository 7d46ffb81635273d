"""`liuli coverage`: which operations of a module explain themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.explain import is_own_module
from liuli.cli.output import JsonOption, at_work, print_json, print_table

if TYPE_CHECKING:
    from liuli.tracing import Record


def coverage(
    module: Annotated[
        str, typer.Argument(metavar="MODULE", help="A system's name, or path/to/file.py:factory for your own module.")
    ],
    given: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="FILE", help="Of your own module: a .npy, .json or picture, or shape=1,3,32,32."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the operations of a module, and whether each can say how its numbers came to be.

    Exit code 1 when one cannot.

    Example: `liuli coverage lenet`
    """
    from liuli.explaining.coverage import coverage as covered

    with at_work(f"Running {module} and asking every operation …"):
        found = covered(recorded(module, given))
    if as_json:
        print_json({"module": module, **found.to_json()})
    else:
        rows = [
            (row.name, row.count, row.explained, "; ".join(row.reasons) or ("ends there" if row.leaf else ""))
            for row in found.rows
        ]
        print_table(["operation", "count", "explained", "note"], rows, right=["count", "explained"])
        typer.echo(f"{found.explained} of {found.count} operations explain themselves ({found.share:.1%}).")
    if found.missing:
        raise typer.Exit(1)


def recorded(module: str, given: str | None) -> Record:
    """One pass of a system on a drawn input, or of a user's own module."""
    if is_own_module(module):
        from liuli.lab.subjects import of_factory

        return of_factory(module, given)[0]

    from liuli.catalog import find
    from liuli.tracing import trace

    system = find(module)
    batch = system.task.draw(1)
    return trace(system.build().eval(), *system.task.inputs(batch), gradients=False)
