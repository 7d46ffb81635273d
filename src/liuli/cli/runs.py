"""`liuli runs`: what was trained here, one run, and several side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from liuli import comparison
from liuli.cli.output import JsonOption, console, print_json, print_table
from liuli.cli.train import duration
from liuli.errors import UserError
from liuli.files import Json
from liuli.runs import RUNS, Run, at_hand
from liuli.runs import runs as all_runs

COMMIT = re.compile(r"[0-9a-f]{40}(\+changes)?$")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, show and compare runs. Example: `liuli runs list`",
)


@app.command("list")
def list_runs(
    folder: Annotated[Path, typer.Argument(help="Where to look.")] = RUNS, as_json: JsonOption = False
) -> None:
    """Show every run: system, data, state, figure on the test part, time; first the exhibits, which come with liuli.

    Example: `liuli runs list`
    """
    found = at_hand() if folder == RUNS else all_runs(folder)
    if as_json:
        print_json([described(run) for run in found])
        return
    if all(run.is_exhibit for run in found):
        console().print(f"No runs in {folder}; train one with 'liuli train lenet'.")
    if found:
        print_table(
            ["run", "system", "data", "seed", "state", "epochs", "figure", "time"],
            [
                (
                    run.name,
                    run.record["system"],
                    run.facts.name,
                    run.record["recipe"]["seed"],
                    run.state,
                    len(run.history()),
                    figure(run),
                    duration(sum(row["seconds"] for row in run.history())),
                )
                for run in found
            ],
            right=["seed", "epochs", "time"],
        )


@app.command("show")
def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name under ./runs.")],
    as_json: JsonOption = False,
) -> None:
    """Show one run: what was trained how, where and when, and the figures of every epoch.

    Example: `liuli runs show lenet`
    """
    opened = Run.open(run)
    if as_json:
        print_json(described(opened) | {"record": opened.record, "history": opened.history()})
        return
    record = opened.record
    rows: list[tuple[str, object]] = [("folder", opened.folder), ("state", opened.state)]
    if "reason" in record:
        rows.append(("reason", record["reason"]))
    facts = opened.facts
    rows += [
        ("system", record["system"]),
        ("data", f"{facts.name} ({facts.variant})" if facts.variant else facts.name),
        ("recipe", "  ".join(f"{key}={shown(value)}" for key, value in record["recipe"].items())),
        ("network", "  ".join(f"{key}={shown(value)}" for key, value in opened.options.items())),
        ("engine", f"{opened.engine} on {record['device']}, {record['precision']}, {record['threads']} threads"),
        ("machine", f"{record['machine']['processor']}, {record['machine']['cores']} cores"),
        ("versions", "  ".join(f"{key} {value}" for key, value in record["versions"].items())),
        ("commit", record["commit"]),
        ("command", record["command"]),
        ("started", record["started"]),
        ("figure", figure(opened)),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console().print(f"{name:{width}}  {'' if value is None else value}", soft_wrap=True)
    console().print()
    history = opened.history()
    if history:
        names = [name for name in history[0] if name not in ("step", "samples_per_second")]
        cells = [[shown(row.get(name)) for name in names] for row in history]
        print_table([name.replace("_", " ") for name in names], cells, right=[name.replace("_", " ") for name in names])


@app.command("compare")
def compare_runs(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Folders of runs, or names under ./runs.")],
    figure_file: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE.png", help="Draw their curves side by side.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where the settings of runs differ, and their figures side by side.

    Example: `liuli runs compare lenet lenet-2 --figure curves.png`
    """
    opened = [Run.open(run) for run in runs]
    if len(opened) < 2:
        raise UserError(f"compare needs two runs or more, found one: {runs[0]}; 'liuli runs list' shows them")
    names = unique([run.name for run in opened], runs)
    different, metrics = comparison.settings_that_differ(opened), comparison.figures(opened)
    if figure_file is not None:
        from liuli.training.curves import draw

        draw({name: run.history() for name, run in zip(names, opened, strict=True)}, headline(opened), figure_file)
    if as_json:
        print_json({"runs": [described(run) for run in opened], "different": different, "metrics": metrics})
        return
    rows = [(key, *map(shown, values)) for key, values in different.items()]
    print_table(["settings that differ", *names], rows or [("none", *("" for _ in names))])
    print_table(["figures", *names], [(key, *map(shown, values)) for key, values in metrics.items()], right=names)
    if figure_file is not None:
        console().print(f"curves: {figure_file}")


@app.command("stop")
def stop_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name under ./runs.")],
) -> None:
    """Ask a run that is being trained to end for good: its best weights so far are kept and judged on the test part.

    To go on another time, pause it instead: Ctrl-C where it runs.

    Example: `liuli runs stop lenet`
    """
    opened = Run.open(run)
    opened.ask_to_stop()
    console().print(f"{opened.name} ends with the best weights so far, once an epoch is whole.")


def described(run: Run) -> dict[str, Json]:
    """A run for a program."""
    history = run.history()
    return {
        "name": run.name,
        "folder": str(run.folder),
        "exhibit": run.is_exhibit,
        "state": run.state,
        "system": run.record["system"],
        "data": run.facts.name,
        "started": run.record["started"],
        "epochs": len(history),
        "last": history[-1] if history else None,
        "result": run.result,
    }


def figure(run: Run) -> str:
    """The headline figure: on the test part where the run is finished, else the last of the part held out."""
    result = run.result
    if result is not None:
        mark = {True: " reached", False: " not reached", None: ""}[result["reached"]]
        metric = result["target"]["metric"] if result["target"] else result["headline"]
        return f"{metric} {result['metrics'][metric]:.4f}{mark}"
    history = run.history()
    if not history:
        return ""
    name = next(
        (key for key in history[-1] if key.startswith("validation_") and key != "validation_loss"), "train_loss"
    )
    return f"{name.replace('_', ' ')} {history[-1][name]:.4f}"


def headline(opened: list[Run]) -> str:
    """The tally that the curves show beside the loss."""
    return opened[0].system.task.headline


def unique(names: list[str], paths: list[str]) -> list[str]:
    """The names, or the paths where two names are alike."""
    return names if len(set(names)) == len(names) else paths


def shown(value: object) -> str:
    """A value in a table."""
    text = "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text[:10] + text[40:] if COMMIT.match(text) else text
