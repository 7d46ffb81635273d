"""`liuli check`: our network beside an independent implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.output import JsonOption, print_json
from liuli.errors import UserError
from liuli.files import Json

if TYPE_CHECKING:
    from liuli.checking import Comparison

COLOURS = {"OK": "green", "DIFF": "red", "SHAPE": "red"}


def check(
    name: Annotated[str | None, typer.Argument(help="A system's name, as in 'liuli list'.", show_default=False)] = None,
    all_systems: Annotated[bool, typer.Option("--all", help="Check every system that can be checked.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a system, layer by layer and gradient by gradient, with an independent implementation.

    Both get the same drawn weights and the same drawn batch, in float64. Exit code 1 when any value differs.

    Example: `liuli check lenet`
    """
    if (name is None) == (not all_systems):
        raise UserError("check takes either the name of a system or --all: 'liuli check lenet', 'liuli check --all'")

    from liuli import checking
    from liuli.catalog import listings

    names = [one for one in listings() if checking.has_oracle(one)] if name is None else [name]
    reports = []
    for one in names:
        comparisons = checking.check(one)
        reports.append(report(one, comparisons))
        if not as_json:
            print_report(one, comparisons, checking.TOLERANCE)
    if as_json:
        print_json(reports if all_systems else reports[0])
    elif all_systems and (left := [one for one in listings() if one not in names]):
        typer.echo(f"Without an independent implementation yet: {', '.join(left)}.")
    if not all(one["agrees"] for one in reports):
        raise typer.Exit(1)


def report(name: str, comparisons: Sequence[Comparison]) -> dict[str, Json]:
    """The comparisons for a program."""
    return {
        "system": name,
        "agrees": all(one.verdict == "OK" for one in comparisons),
        "values": [
            {
                "name": one.name,
                "dropout": one.dropout,
                "verdict": one.verdict,
                "shape": None if one.ours is None else one.ours.shape,
                "oracle_shape": None if one.oracle is None else one.oracle.shape,
                "error": one.error if one.error < float("inf") else None,
            }
            for one in comparisons
        ],
    }


def print_report(name: str, comparisons: Sequence[Comparison], tolerance: float) -> None:
    """One line for each value, and what it comes to."""
    twice = any(one.dropout for one in comparisons)
    widths = [max(len(column(one)) for one in comparisons) for column in (where, what, shape)]
    dropout = None
    for one in comparisons:
        if twice and one.dropout != dropout:
            dropout = one.dropout
            typer.echo("dropout on, the same mask for both" if dropout else "dropout off")
        mark = typer.style(f"{f'[{one.verdict}]':<7}", fg=COLOURS[one.verdict])
        columns = [f"{column(one):<{width}}" for column, width in zip((where, what, shape), widths, strict=True)]
        typer.echo(" ".join([mark, *columns, found(one)]))
    wrong = [one for one in comparisons if one.verdict != "OK"]
    if wrong:
        first = wrong[0]
        typer.echo(
            f"{name} differs from the independent implementation in {len(wrong)} of {len(comparisons)} values, "
            f"first in {first.name if what(first) != 'output' else 'the output of ' + first.name}."
        )
    else:
        typer.echo(
            f"{name} agrees with the independent implementation in all {len(comparisons)} values; "
            f"largest relative error {max(one.error for one in comparisons):.1e}, allowed {tolerance:.0e}."
        )


def where(one: Comparison) -> str:
    """The layer or parameter."""
    return one.name.removeprefix("gradient of ")


def what(one: Comparison) -> str:
    """What of it is compared."""
    if one.name == "loss":
        return "value"
    return "gradient" if one.name.startswith("gradient of ") else "output"


def shape(one: Comparison) -> str:
    """Of our value."""
    return "" if one.ours is None else str(one.ours.shape)


def found(one: Comparison) -> str:
    """The error, or why there is none."""
    if one.ours is None or one.oracle is None:
        return "only the independent implementation has it" if one.ours is None else "only our network has it"
    if one.verdict == "SHAPE":
        return f"expected {one.oracle.shape}"
    return f"largest relative error {one.error:.1e}"
