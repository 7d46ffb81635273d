"""`liuli train`: from a name to a finished run."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.output import JsonOption, SetOption, changes_of, console, judged, print_json
from liuli.errors import LiuliError, UserError

if TYPE_CHECKING:
    from liuli.runs import Run


def train(
    name: Annotated[str | None, typer.Argument(help="A system's name, as in 'liuli list'.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A data set, as in 'liuli data list', or the path of your own. [default: the recipe's]"),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of your own table: the column that holds the classes.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data, at most. [default: the recipe's]")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same machine: same bits on a CPU.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="auto|cpu|cuda", help="Where to compute. [default: auto]")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="torch|scratch", help="PyTorch, or NumPy by hand. [default: torch]"),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="32-true|bf16-mixed|16-mixed", help="Of the arithmetic. [default: 32-true]")
    ] = None,
    settings: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="A new or empty folder for the run. [default: runs/NAME]")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run that was paused or killed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a system by its recipe, evaluate it on held-out data, and keep everything in a run folder.

    Ctrl-C finishes the step, saves, and says how to go on; a second one ends at once.

    Examples: `liuli train lenet` · `liuli train mlp --data digits --epochs 20 --set lr=0.002` ·
    `liuli train perceptron --data flowers.csv --target species` ·
    `liuli train --resume runs/lenet` · `torchrun --nproc-per-node 2 -m liuli train lenet`
    """
    given = {
        "data": data, "target": target, "epochs": epochs, "seed": seed, "device": device, "engine": engine,
        "precision": precision, "out": out,
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value is not None}
    try:
        changes = changes_of(settings)
        if resume is not None and (name or given or changes):
            what = name or f"--{next(iter(given), 'set')}"
            raise UserError(f"--resume {resume} goes on with the run's own recipe; leave out {what}")
        if resume is None and name is None:
            raise UserError("train what? 'liuli list' shows the systems; for example: liuli train lenet")

        from rich.console import Console

        from liuli.training import fit, provenance

        console = Console(stderr=as_json)
        if resume is not None:
            run = fit.resume(resume, console)
        else:
            assert name is not None
            command = provenance.command_line()
            run = fit.train(name, settings=changes, command=command, console=console, **given)  # type: ignore[arg-type]
    except LiuliError as error:
        if os.environ.get("RANK", "0") != "0":  # process 0 says it for all
            raise typer.Exit(error.exit_code) from error
        raise
    if os.environ.get("RANK", "0") == "0":
        print_json(run.result) if as_json else say(run)


def say(run: Run) -> None:
    """What was reached, where it lies, and what to type next."""
    result = run.result
    assert result is not None
    target, task = run.system.target, run.system.task
    metric = target.metric if target.metric in result["metrics"] else task.headline
    value = result["metrics"][metric]
    terminal = console()
    terminal.print()
    terminal.print(
        f"{run.system.name} on the test part of {run.facts.name}: {metric} {value:.4f}, "
        f"trained in {duration(result['seconds'])} ({result['epochs']} epochs, best {result['best_epoch']})",
        style="bold",
    )
    if result["reached"] is None:
        terminal.print(f"The figure to reach, {target}, is for {run.system.data}.")
    else:
        terminal.print(judged(target, result["reached"]))
    folder = shlex.quote(str(run.folder))
    terminal.print("\nNext:")
    for command, what in (
        (f"liuli evaluate {folder}", "every figure on the test part, as pictures"),
        (f"liuli predict {folder} {task.asked(run.facts)}", "the answer to an input of your own"),
        (f"tensorboard --logdir {folder}/tensorboard", "curves, weights and gradients, examples, embeddings"),
    ):
        terminal.print(f"  {command:48}  {what}")


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
