"""`liuli show`: one system, from the idea to the figure that it reaches."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.catalog import find, listings
from liuli.cli.output import JsonOption, SetOption, changes_of, console, print_json, print_table

if TYPE_CHECKING:
    from liuli.description import Description
    from liuli.summary import Summary

READABLE = 100  # characters: a longer line of prose is hard to follow


def show(
    name: Annotated[str, typer.Argument(help="A system's name, as in 'liuli list'.")],
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a system: idea, formula, layers with shapes, parameters and cost, recipe, and the figure to reach.

    Example: `liuli show lenet --set classes=26`
    """
    system = find(name)
    recipe, options = system.with_settings(changes_of(settings))

    from liuli.checking import has_oracle
    from liuli.description import describe
    from liuli.summary import summarise, system_json

    listing = listings()[name]
    if as_json:
        print_json(system_json(system, listing, recipe, options))
        return
    description = describe(listing)
    summary = summarise(system.build(**options), system.task)
    options = {**system.options(), **options}

    print_heading(f"{name} · {system.year} · {listing.family}")
    print_description(description)
    given = ", ".join(f"{key}={value}" for key, value in options.items())
    print_heading(f"Network: {system.model.__name__}({given})")
    print_network(summary)
    print_heading("Recipe")
    print_prose("  ".join(f"{key}={spelled(value)}" for key, value in recipe.settings().items()))
    print_heading("Figure to reach")
    published = f" (published: {system.target.published:g})" if system.target.published is not None else ""
    print_prose(f"{system.target} on the test part of {system.data}{published}")
    print_heading("Independent implementation")
    checked = f"'liuli check {name}' compares every layer and every gradient with it."
    print_prose(checked if has_oracle(name) else "None stands beside it yet.")


def print_heading(text: str) -> None:
    """A line that begins a part."""
    console().print(f"\n{text}", style="bold")


def print_prose(text: str, indent: int = 0, hanging: int = 0) -> None:
    """Running text, broken at the width of the terminal; lines after the first are set in by `hanging` more."""
    width = min(console().width, READABLE)
    before = " " * indent
    for line in textwrap.wrap(text, width, initial_indent=before, subsequent_indent=before + " " * hanging):
        typer.echo(line)


def print_description(description: Description) -> None:
    """Title, idea, formula and the sections."""
    from liuli.description import is_formula

    print_prose(description.title)
    for block in description.opening:
        typer.echo()
        if is_formula(block):
            for line in block.split("\n"):
                print_prose(line.strip(), indent=len(line) - len(line.lstrip()), hanging=4)
        else:
            print_prose(block)
    for heading, text in description.sections.items():
        print_heading(heading)
        if heading == "Shapes":
            console().print(text)
            continue
        for entry in entries(text):
            print_prose(entry)


def entries(text: str) -> list[str]:
    """The lines of a section joined into entries, each of which ends a sentence at the end of a line."""
    found = [""]
    for line in text.split("\n"):
        found[-1] += f"{line}\n"
        if line.endswith((".", "?", "!")):
            found.append("")
    return [entry.rstrip("\n") for entry in found if entry]


def print_network(summary: Summary) -> None:
    """The layers as a table."""
    rows: list[tuple[object, ...]] = [("input", "", shown(summary.input), "", "")]
    rows += [
        (one.path or "(itself)", one.kind, shown(one.shape), f"{one.parameters:,}", f"{one.multiply_adds:,}")
        for one in summary.layers
    ]
    rows.append(("total", "", "", f"{summary.parameters:,}", f"{summary.multiply_adds:,}"))
    print_table(["layer", "kind", "output", "parameters", "multiply-adds"], rows, right=["parameters", "multiply-adds"])
    if summary.trainable != summary.parameters:
        print_prose(f"Of the parameters {summary.trainable:,} are trained.")
    print_prose(
        "B: batch. Multiply-adds are those of convolutions and matrix products in the forward pass of one example; "
        "elementwise work is not counted."
    )


def shown(shape: tuple[int, ...]) -> str:
    """`(B, 6, 28, 28)` of (1, 6, 28, 28)."""
    first, rest = ("B" if shape[:1] == (1,) else str(shape[0]) if shape else ""), shape[1:]
    return f"({', '.join([first, *map(str, rest)])})"


def spelled(value: object) -> str:
    """A setting as `--set` takes it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
