"""`liuli explain`: where the numbers of a network came from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.lab import serve
from liuli.cli.output import JsonOption, at_work, file_stem, print_json, print_table
from liuli.errors import UserError
from liuli.files import Json, write_text

if TYPE_CHECKING:
    from liuli.lab.manifest import Subject
    from liuli.tracing import Record, Value


def explain(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run's folder or name, or path/to/file.py:factory for your own module."),
    ],
    input_file: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="What the network is asked about: a file, or words.", show_default=False),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="ADDRESS[INDEX]", help="Explain this number here, such as '%3[0,5,2,2]'."),
    ] = None,
    gradient: Annotated[
        bool, typer.Option("--gradient", help="With --unit: how the loss depends on the number.")
    ] = False,
    terms: Annotated[int, typer.Option("--terms", min=1, help="With --unit: terms shown of a long sum.")] = 12,
    values: Annotated[bool, typer.Option("--values", help="List the values that --unit may ask, by address.")] = False,
    given: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="FILE", help="Of your own module: a .npy, .json or picture, or shape=1,3,32,32."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write the page.", show_default=False)
    ] = None,
    browse: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page in the browser; on a terminal it is.", show_default=False),
    ] = None,
    lab: Annotated[
        bool, typer.Option("--lab", help="Open it in the laboratory, where numbers can be set to see what would be.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how every number inside a network came to be: the formula, with its numbers and where each came from.

    Writes one HTML file with everything inside, forward and backward, which any browser opens offline; with --unit it
    explains one number in the terminal.

    Example: `liuli explain lenet seven.png`
    """
    with at_work(f"Running {run} and keeping every number …"):
        record, subject, folder = recorded(run, given or input_file)
    if unit is not None:
        print_unit(record, unit, "backward" if gradient else "forward", terms, as_json)
    elif values:
        list_values(record, as_json)
    elif lab:
        from liuli.lab.serving import Serving

        serving = Serving()
        serving.desk.show(record, subject)
        serve(serving, "#/module", browse is not False)
    else:
        file = out or folder / f"{file_stem(subject.input) or subject.title}.html"
        write_page(record, subject, file, as_json)
        if browse or (browse is None and sys.stdout.isatty() and not as_json):
            import webbrowser

            webbrowser.open(file.resolve().as_uri())


def is_own_module(given: str) -> bool:
    """Whether a module of the user's own is meant: path/to/file.py:factory.

    Raises:
        UserError: the file is named, but no function in it.
    """
    if given.endswith(".py"):
        raise UserError(f"{given}: name the function as well that returns the module, such as {given}:make")
    return ".py:" in given


def recorded(run: str, given: str | None) -> tuple[Record, Subject, Path]:
    """One pass of a trained system on `given`, or of a user's own module; and the folder for its page.

    Raises:
        UserError: the run, the module or the input is not to be had.
    """
    if is_own_module(run):
        from liuli.lab.subjects import of_factory

        return *of_factory(run, given), Path()

    from liuli.cli.predict import NOTHING, is_words
    from liuli.runs import Run

    opened = Run.open(run)
    if given is None or not (given.strip() or opened.system.task.reads_text):
        raise UserError(f"{run}: needs an input of kind {opened.system.task.kind}: liuli explain {run} INPUT")

    from liuli.lab.subjects import of_run

    task = opened.system.task
    source = given if is_words(given, task) else Path(given)
    name = (given if source is given else Path(given).name) if given.strip() else NOTHING
    found = task.read_all(source, opened.facts, name)
    if len(found) > 1:
        raise UserError(f"{given}: holds {len(found)} inputs, but one is explained at a time; give one of them")
    return *of_run(opened, found[0]), opened.outcomes / "explanations"


def write_page(record: Record, subject: Subject, file: Path, as_json: bool) -> None:
    """Write the page about `record`, and say where it is.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    from liuli.lab.page import page

    with at_work("Writing how each number came to be …"):
        html = page(record, subject)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{file.parent}: cannot be made ({error.strerror}); name another file with --out") from error
    write_text(file, html)
    size = file.stat().st_size
    if as_json:
        print_json({"page": str(file), "bytes": size, "answer": subject.answer or None})
        return
    said = f"{subject.input} → {subject.answer}\n" if subject.answer else ""
    typer.echo(f"{said}{file} ({size / 1e6:.1f} MB; opens in any browser, offline)")


def print_unit(record: Record, unit: str, direction: str, terms: int, as_json: bool) -> None:
    """One number's explanation in the terminal."""
    from liuli.explaining import explain as explained
    from liuli.explaining import unit as named

    value, index = named(record, unit)
    found = explained(record, value, index, direction)
    if as_json:
        print_json(found.to_json())
    else:
        typer.echo(found.text(terms))


def list_values(record: Record, as_json: bool) -> None:
    """Every value that may be asked: its address, what made it, and its shape."""
    values = record.values()
    if as_json:
        print_json([value_json(value) for value in values])
        return
    rows = [
        (value.address, value.name if value.name != value.address else "", made(value), "×".join(map(str, value.shape)))
        for value in values
    ]
    print_table(["address", "name", "made by", "shape"], rows)
    typer.echo("Ask one of its numbers with --unit 'ADDRESS[INDEX]', its gradient with --gradient as well.")


def made(value: Value) -> str:
    """What a value came from, in a few words."""
    operation = value.producer
    if operation is None:
        return value.origin
    return f"{operation.name} in {operation.path}" if operation.path else operation.name


def value_json(value: Value) -> Json:
    """One value for a program."""
    return {
        "address": value.address,
        "names": list(value.names),
        "origin": value.origin,
        "operation": value.producer.name if value.producer else None,
        "path": value.producer.path if value.producer else None,
        "shape": list(value.shape),
        "dtype": str(value.dtype).removeprefix("torch."),
    }
