"""`liuli exhibit`: keep a trained run as one of those that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liuli.cli.output import JsonOption, print_json
from liuli.errors import UserError
from liuli.runs import EXHIBITS, Run


def exhibit(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name under ./runs.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The folder of exhibits. [default: that of this checkout of liuli]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what is needed of a run that reached its figure, its weights in half precision where they keep it.

    For those who make liuli: an exhibit comes with the package, and every verb takes it by its name.

    Example: `liuli exhibit runs/lenet`
    """
    from liuli.training import provenance
    from liuli.training.exhibit import exhibit as keep

    if out is None and provenance.commit() is None:
        raise UserError("this liuli is no checkout, whose exhibits could be changed; name another folder with --out")
    opened = Run.open(run)
    made = keep(opened, f"liuli exhibit runs/{opened.folder.name}", out or EXHIBITS)
    result = made.result
    assert result is not None
    if as_json:
        print_json(result)
        return
    kept, metric = result["exhibit"], made.system.target.metric
    typer.echo(
        f"{made.folder}: {kept['bytes']:,} bytes of weights in {kept['weights']}; {metric} "
        f"{result['metrics'][metric]:.4f} as kept, {kept['trained']:.4f} as trained, expected {made.system.target}"
    )
