"""`liuli lab`: the laboratory in the browser."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.output import at_work
from liuli.errors import UserError

if TYPE_CHECKING:
    from liuli.lab.serving import Serving


def lab(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0: any that is free.")] = 0,
    browse: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
    modules: Annotated[
        list[str] | None,
        typer.Option("--module", metavar="FILE.py:FACTORY", help="Lay a module of your own open in it, or several."),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help="Of that module: a .npy, .json or picture, or shape=1,3,32,32."),
    ] = None,
) -> None:
    """Open the laboratory in the browser: look into every system, give it an input of yours, click any number.

    It answers to this machine alone, and only to whoever opens the address that it prints. Ctrl-C ends it.

    Example: `liuli lab --port 8017`
    """
    from liuli.lab.serving import Serving

    for one in modules or []:
        if ".py:" not in one:
            raise UserError(f"--module {one}: expected path/to/file.py:factory")
    if given is not None and not modules:
        raise UserError(f"--input {given}: is for a module; name one with --module path/to/file.py:factory")
    serving = Serving(port)
    for one in modules or []:
        from liuli.lab.subjects import of_factory

        with at_work(f"Running {one} and keeping every number …"):
            serving.desk.show(*of_factory(one, given))
    serve(serving, "#/module" if modules else "", browse)


def serve(serving: Serving, place: str, browse: bool) -> None:
    """Say where the laboratory is, open it at a place of it, and serve it until Ctrl-C."""
    import webbrowser

    typer.echo(f"{serving.address}\nCtrl-C ends the laboratory.")
    if browse:
        webbrowser.open(serving.address + place)
    gc.freeze()  # what is loaded by now stays: nobody shall wait for the collector to look through it again
    serving.run()
