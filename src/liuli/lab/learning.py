"""Training that is begun, followed, paused and gone on with from the laboratory.

A run is a process of its own, the very one that the command line would start: it goes on when the page is closed, and
when the laboratory is. The laboratory only reads what it writes, so that being looked at costs it nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from liuli.catalog import find
from liuli.errors import UserError
from liuli.files import Json, claimant
from liuli.lab.road import told
from liuli.runs import EXHIBIT, RUNS, Run, fresh

LOOK_SECONDS = 0.5
LOG = ".lab.log"
"""What the process says, in the run's folder."""
ENDED = ("finished", "failed", "stopped", "interrupted")

children: list[subprocess.Popen[bytes]] = []
"""Processes begun here, so that none that has ended stays behind."""


def begin(name: str, data: str | None, settings: Mapping[str, str]) -> str:
    """Start to train a system; the name of the new run.

    Raises:
        UserError: there is no such system, or a setting is not one of its, or could name a file.
    """
    system = find(name)
    system.with_settings(settings)
    for key in settings.keys() & system.options().keys():
        if isinstance(system.options()[key], str):
            raise UserError(f"{key}: is a word, which may name files; set it on the command line, with --set")
    folder = fresh(RUNS / name)
    chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    spawn(folder, ["train", name, *(["--data", data] if data else []), *chosen, "--out", str(folder)])
    return folder.name


def go_on(run: Run) -> None:
    """Resume a run that was paused or killed.

    Raises:
        UserError: it is at work, or has ended.
    """
    if run.state not in ("stopped", "interrupted"):
        raise UserError(f"{run.name}: is {run.state}, so there is nothing to go on with")
    spawn(run.folder, ["train", "--resume", str(run.folder)])


def pause(run: Run) -> None:
    """Ask the process that trains a run to finish its step, save and end.

    Raises:
        UserError: none does.
    """
    process = claimant(run.folder / ".lock")
    if process is None:
        raise UserError(f"{run.name}: is {run.state}; nobody is training it")
    os.kill(process, signal.SIGTERM)


def spawn(folder: Path, arguments: list[str]) -> None:
    """Run the command line in a process of its own, which outlives this one."""
    children[:] = [one for one in children if one.poll() is None]
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


def progress(run: Run) -> Json:
    """A run, its recipe, and all its epochs so far."""
    return {**told(run), "recipe": run.record["recipe"], "reason": run.record.get("reason"), "epochs": run.history()}


async def followed(name: str) -> AsyncIterator[str]:
    """What becomes of the run of that name, as server-sent events: each epoch as it ends, then how it ended."""
    sent, state = 0, ""
    while True:
        try:
            run = Run.open(name if name.startswith(EXHIBIT) else RUNS / name)
        except UserError:
            trouble = log_of(RUNS / name)
            if trouble is None:  # the process has not made it yet
                await asyncio.sleep(LOOK_SECONDS)
                continue
            yield event("trouble", {"error": trouble})
            return
        rows = run.history()
        for row in rows[sent:]:
            yield event("epoch", row)
        sent = len(rows)
        if run.state in ENDED and at_work(RUNS / name):  # it is about to go on, or about to end
            await asyncio.sleep(LOOK_SECONDS)
            continue
        if run.state != state:
            state = run.state
            yield event("state", told(run))
        if state in ENDED:
            return
        await asyncio.sleep(LOOK_SECONDS)


def at_work(folder: Path) -> bool:
    """Whether a process begun here trains the run of that folder."""
    return any(one.poll() is None and str(folder) in one.args for one in children)  # type: ignore[operator]


def log_of(folder: Path) -> str | None:
    """The last line that a process said which ended before it had made its run; None while it is at work."""
    if at_work(folder):
        return None
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines() if folder.is_dir() else []
    return lines[-1] if lines else f"{folder.name}: there is no such run"


def event(kind: str, content: Json) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(content, default=str)}\n\n"
