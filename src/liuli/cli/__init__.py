"""The command line: one small file per verb, each with one function of the verb's name.

Exit codes: 0 done; 2 the user's input or the environment is at fault, said in one sentence;
1 liuli is at fault, with a traceback to report. Verb files import PyTorch and friends inside their
function, so that `liuli list` and `--help` answer at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from liuli import __version__
from liuli.cli import check as check_verb
from liuli.cli import coverage as coverage_verb
from liuli.cli import data as data_verbs
from liuli.cli import evaluate as evaluate_verb
from liuli.cli import exhibit as exhibit_verb
from liuli.cli import explain as explain_verb
from liuli.cli import lab as lab_verb
from liuli.cli import list as list_verb
from liuli.cli import predict as predict_verb
from liuli.cli import runs as runs_verbs
from liuli.cli import show as show_verb
from liuli.cli import train as train_verb
from liuli.errors import LiuliError

app = typer.Typer(
    name="liuli",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(asked: bool) -> None:
    """`liuli --version`."""
    if asked:
        typer.echo(f"liuli {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """A glass-box laboratory for deep learning: train, check and open every system from the perceptron to GPT.

    To begin: `liuli lab` shows it all in the browser; `liuli list` names the systems; `liuli train lenet` trains one.
    """


app.command("list")(list_verb.list_systems)
app.add_typer(data_verbs.app, name="data")
app.command("show")(show_verb.show)
app.command("check")(check_verb.check)
app.command("train")(train_verb.train)
app.command("evaluate")(evaluate_verb.evaluate)
app.command("predict")(predict_verb.predict)
app.command("coverage")(coverage_verb.coverage)
app.command("explain")(explain_verb.explain)
app.command("lab")(lab_verb.lab)
app.add_typer(runs_verbs.app, name="runs")
app.command("exhibit")(exhibit_verb.exhibit)


COLLECTED = (100_000, 20, 20)
"""When Python looks for garbage: importing PyTorch makes so many objects that looking through them takes 0.3 s."""


def main() -> None:
    """Run the command line, turning what the user can put right into one sentence and exit code 2."""
    gc.set_threshold(*COLLECTED)
    leave(run())


def leave(code: int) -> NoReturn:
    """End the process as Python does, but for taking PyTorch apart object by object, which takes 0.4 s."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()  # temporary folders go, writers write what they hold
    with suppress(OSError):  # whoever read our output may have gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line on `arguments` (default: the process's own); return the exit code."""
    try:
        code = app(arguments, standalone_mode=False)
    except LiuliError as error:
        return refuse(str(error), error.exit_code)
    except typer.TyperException as error:
        return refuse(error.format_message(), 2)
    except (KeyboardInterrupt, typer.Abort):
        return refuse("stopped", 130)
    return code if isinstance(code, int) else 0


def refuse(sentence: str, code: int) -> int:
    """Say why on standard error; return the exit code."""
    if sentence:  # none where no verb was given and the help has been shown
        typer.echo(f"liuli: {sentence}", err=True)
    return code
