"""Training that is begun, paused, gone on with and stopped from the laboratory.

A run is a process of its own, the very one that the command line would start: it goes on when the page is closed, and
when the laboratory is. What becomes of it is read from its folder (see `following`).
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from liuli.catalog import find
from liuli.errors import UserError
from liuli.files import claimant
from liuli.runs import RUNS, Run, fresh

LOG = ".lab.log"
"""What the process says, in the run's folder."""
FAILED = (1, 2)
"""How a process ends that could not do what it was asked, and has said why."""

children: list[subprocess.Popen[bytes]] = []
"""Processes begun here and not yet known to have ended, and the last of each run."""


def command(name: str, data: str | None, settings: Mapping[str, str]) -> list[str]:
    """What is to be typed after `liuli` to train a system so.

    Raises:
        UserError: there is no such system, or a setting is not one of its, or could name a file.
    """
    system = find(name)
    system.with_settings(settings)
    for key in settings.keys() & system.options().keys():
        if isinstance(system.options()[key], str):
            raise UserError(f"{key}: is a word, which may name files; set it on the command line, with --set")
    chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return ["train", name, *(["--data", data] if data else []), *chosen]


def spelled(arguments: list[str]) -> str:
    """The same as one line."""
    return shlex.join(["liuli", *arguments])


def begin(name: str, data: str | None, settings: Mapping[str, str]) -> str:
    """Start to train a system; the name of the new run. Errors as of `command`."""
    arguments = command(name, data, settings)
    folder = fresh(RUNS / name)
    spawn(folder, [*arguments, "--out", str(folder)])
    return folder.name


def go_on(run: Run) -> None:
    """Resume a run that was paused or killed.

    Raises:
        UserError: it is at work, or has ended.
    """
    if run.state not in ("paused", "interrupted") or at_work(run.folder):
        raise UserError(f"{run.name}: is {run.state}, so there is nothing to go on with")
    spawn(run.folder, ["train", "--resume", str(run.folder)])


def pause(run: Run) -> None:
    """Ask the process that trains a run to finish its step, save and end; it can be gone on with.

    Raises:
        UserError: none does.
    """
    process = claimant(run.folder / ".lock")
    if process is None:
        raise UserError(f"{run.name}: is {run.state}; nobody is training it")
    os.kill(process, signal.SIGTERM)


def spawn(folder: Path, arguments: list[str]) -> None:
    """Run the command line in a process of its own, which outlives this one."""
    children[:] = [one for one in children if one.poll() is None or not trains(one, folder)]
    with (folder / LOG).open("ab") as log:
        children.append(
            subprocess.Popen(
                [sys.executable, "-m", "liuli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )


def trains(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Whether a process was begun for the run of that folder."""
    return str(folder) in process.args  # type: ignore[operator]


def at_work(folder: Path) -> bool:
    """Whether a process begun here trains the run of that folder."""
    return any(one.poll() is None for one in children if trains(one, folder))


def failure(folder: Path) -> str | None:
    """The last line that a process begun here said, where it could not do what it was asked."""
    ends = [one.poll() for one in children if trains(one, folder)]
    return log_of(folder) if ends and ends[-1] in FAILED else None


def log_of(folder: Path) -> str:
    """The last line of what the processes said that were begun here for that run."""
    file = folder / LOG
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines() if file.is_file() else []
    return lines[-1].removeprefix("liuli: ") if lines else f"{folder.name}: there is no such run"
