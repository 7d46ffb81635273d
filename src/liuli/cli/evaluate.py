"""`liuli evaluate`: what a trained system reaches on the test part of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from liuli.cli.output import JsonOption, console, judged, print_json, print_table
from liuli.files import Json
from liuli.runs import Run

MOST_COLUMNS = 20  # of a confusion matrix printed as text
COLUMNS = {"f1": "F1", "iou": "IoU", "count": "examples"}


def evaluate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name under ./runs.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to draw the figures.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a run on the test part of its data, and draw its figures: confusion, mistakes, calibration, classes.

    Example: `liuli evaluate lenet`
    """
    from liuli.training.evaluation import evaluation

    opened = Run.open(run)
    system, facts = opened.system, opened.facts
    network, batch, output, metrics = evaluation(opened)
    folder = out or opened.figures_folder
    files = system.task.figures(output, batch, facts, folder) + system.task.portray(network, batch, facts, folder)
    verdict = system.verdict(facts.name, metrics)
    if as_json:
        print_json(
            {
                "run": str(opened.folder),
                "system": system.name,
                "data": facts.name,
                "metrics": metrics,
                **verdict,
                "figures": [str(file) for file in files],
            }
        )
        return
    terminal = console()
    variant = f" ({facts.variant})" if facts.variant else ""
    terminal.print(f"{system.name} on {len(batch[0]):,} test examples of {facts.name}{variant}\n", style="bold")
    figures_of: dict[str, Json] = dict(metrics)
    for name, value in figures_of.items():
        if isinstance(value, float):
            terminal.print(f"  {name:<18} {value:.4f}")
        elif isinstance(value, str):
            terminal.print(f"  {name:<18} {value}", markup=False)
    if "calibration" in figures_of:
        terminal.print(f"  {'calibration error':<18} {figures_of['calibration']['error']:.4f}")
    if verdict["reached"] is not None:
        terminal.print(f"\n{judged(system.target, bool(verdict['reached']))}")
    if "classes" in figures_of:
        print_classes(figures_of["classes"])
    if "confusion" in figures_of:
        print_confusion(figures_of["confusion"], facts.classes)
    terminal.print("figures:", style="bold")
    for file in files:
        terminal.print(f"  {file}")


def print_classes(rows: Sequence[Mapping[str, Json]]) -> None:
    """One row a class: precision, recall, F1 or what else is measured, and how many examples it has."""
    keys = [key for key in rows[0] if key != "class"]
    names = [COLUMNS.get(key, key) for key in keys]
    cells = [(row["class"], *(in_a_cell(row[key]) for key in keys)) for row in rows]
    print_table(["class", *names], cells, right=names)


def in_a_cell(value: Json) -> str:
    """A share with four digits, a count with commas; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def print_confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    """A row a true class, a column an answer; where there are too many, the commonest confusions instead."""
    if len(classes) <= MOST_COLUMNS:
        columns = [name[:5] for name in classes]
        rows = [
            (name, *(f"{count:,}" if count else "·" for count in row))
            for name, row in zip(classes, matrix, strict=True)
        ]
        print_table(["true \\ answer", *columns], rows, right=columns)
        return
    pairs = [(count, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row) if i != j and count]
    worst = sorted(pairs, key=lambda pair: -pair[0])[:MOST_COLUMNS]
    print_table(
        ["true", "answer", "examples"], [(classes[i], classes[j], count) for count, i, j in worst], right=["examples"]
    )
