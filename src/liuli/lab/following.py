"""What becomes of a run, read from what its training writes: being looked at costs it nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import TypeVar

from liuli.errors import UserError
from liuli.files import Json, read_lines
from liuli.lab.learning import at_work, failure, log_of
from liuli.lab.replies import event
from liuli.lab.road import told
from liuli.runs import EXHIBIT, RUNS, Run
from liuli.training.distributions import PERCENTS

LOOK_SECONDS = 0.5
ENDED = ("finished", "failed", "paused", "interrupted")
WATCHED = re.compile(r"(.+)-(\d{4,})\.png")
"""A picture that was kept after an epoch, see `training.loop`."""
T = TypeVar("T")


def facts(run: Run) -> Json:
    """A run: how it was asked for, how far it is, all its epochs so far, and why it failed, where it did."""
    return {
        **told(run),
        "system": run.record["system"],
        "command": run.record.get("command"),
        "recipe": run.record["recipe"],
        "reason": run.record.get("reason"),
        "progress": progress(run),
        "epochs": run.history(),
    }


def progress(run: Run) -> Json:
    """Steps done of all, seconds, the last loss; and while it trains, the seconds left if it goes on at this pace.

    None where nothing is known yet.
    """
    try:
        found: dict[str, Json] = json.loads(run.progress_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    left = found["seconds"] / max(1, found["step"]) * (found["steps"] - found["step"])
    return {**found, "left": left if run.state == "running" and found["step"] else None}


def distributions(run: Run, start: int) -> Json:
    """The moments from the `start`-th on, each with its step, epoch, and of every layer quantiles and RMS."""
    return {"percents": PERCENTS, "moments": since(read_lines(run.distributions_file), start)}


def examples(run: Run, start: int) -> Json:
    """The examples that are answered again and again, and the answers from the `start`-th epoch that has some on.

    And by their names the epochs after which the pictures were kept that show how the network comes along.
    """
    try:
        shown = json.loads(run.examples_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        shown = []
    answers = since(read_lines(run.answers_file), start)
    return {"examples": shown, "answers": answers, "ours": run.system.task.ours, "pictures": watched(run)}


def watched(run: Run) -> dict[str, list[int]]:
    """The epochs after which pictures were kept, in their order, by the names of the pictures."""
    found: dict[str, list[int]] = {}
    for file in (run.figures_folder / "epochs").glob("*.png"):
        if match := WATCHED.fullmatch(file.name):
            found.setdefault(match[1], []).append(int(match[2]))
    return {name: sorted(epochs) for name, epochs in sorted(found.items())}


def picture(run: Run, name: str, epoch: int) -> bytes:
    """One of them, as a PNG.

    Raises:
        UserError: there is none such.
    """
    if epoch not in watched(run).get(name, []):
        raise UserError(f"{run.name}: no picture '{name[:40]}' was kept after epoch {epoch}")
    return (run.figures_folder / "epochs" / f"{name}-{epoch:04}.png").read_bytes()


def since(rows: list[T], start: int) -> list[T]:
    """What comes from the `start`-th row on.

    Raises:
        UserError: it is below 0.
    """
    if start < 0:
        raise UserError(f"start is {start}, expected 0 or more")
    return rows[start:]


async def followed(name: str) -> AsyncIterator[str]:
    """What becomes of the run of that name, as server-sent events: each epoch as it ends, how far it is, how it ended.

    A run that is just begun, or gone on with, has an old state or none until its process has read the data.
    """
    sent, state, last = 0, "", None
    while True:
        working = at_work(RUNS / name)
        try:
            run = Run.open(name if name.startswith(EXHIBIT) else RUNS / name)
        except UserError:
            if working:  # the process has not made it yet
                await asyncio.sleep(LOOK_SECONDS)
                continue
            yield event("trouble", {"error": log_of(RUNS / name)})
            return
        rows = run.history()
        for row in rows[sent:]:
            yield event("epoch", row)
        sent = len(rows)
        now = progress(run)
        if now is not None and now != last:
            last = now
            yield event("progress", now)
        ended = run.state in ENDED and not working  # else it is about to go on, or about to end
        if run.state != state and (ended or run.state not in ENDED):
            state = run.state
            yield event("state", told(run))
        if ended:
            why = failure(RUNS / name) if state != "failed" else None
            if why is not None:
                yield event("trouble", {"error": why})
            return
        await asyncio.sleep(LOOK_SECONDS)
