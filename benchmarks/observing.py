"""What it costs a training that it leaves something to be looked at, and that the laboratory looks.

    LIULI_DATA=FOLDER python benchmarks/observing.py [--quick] [--cpu] [--json FILE] [mlp|lenet …]

`liuli train`, an epoch a round (see `rounds`), on MNIST by its recipe: with what `training.observer` does, without, and
followed by a page that asks for all that is new twice a second, in a process of its own. Each epoch has as many moments
as any ever has, `observer.PARTS`, and the examples are answered after it: the dearest case, of a training of up to ten
epochs. In a longer one they are rarer. Bars: `BARS`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from peers import Lines
from rounds import Bar, Gate, Peer, main, measure, report

HERE = Path(__file__).parent.resolve()
OBSERVED, ALONE, FOLLOWED = "observed", "not observed", "observed and followed"
EPOCHS = 1000
BARS = {ALONE: Bar(1.05)}
"""Ratio of the observed training to the one that is not."""


@dataclass(frozen=True)
class Work:
    """A system of the catalogue."""

    name: str


def train(work: Work, gate: Gate, observed: bool, followed: bool) -> None:
    """Epochs of one training, each of which opens the gate."""
    from rich.console import Console

    from liuli.training import fit, observer

    observer.MOMENTS, observer.ROWS = observer.PARTS * EPOCHS, 10**9
    if not observed:
        for name in ("start", "step", "epoch", "progress"):
            setattr(observer.Observer, name, lambda *arguments, **keywords: None)
    gate(0.0)
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        run = Path("runs") / "run"
        if followed:
            code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import observing; observing.follow({run.name!r})"
            subprocess.Popen([sys.executable, "-c", code])
        console = Console(file=Lines(gate), width=200)  # type: ignore[arg-type]
        fit.train(work.name, epochs=EPOCHS, settings={"patience": "none"}, out=run, device="cpu", console=console)


def follow(name: str) -> None:
    """What the laboratory's server does for one page that follows a run; ends when its parent does."""
    from liuli.errors import UserError
    from liuli.lab import following
    from liuli.runs import RUNS, Run

    parent = os.getppid()

    async def look() -> None:
        moments = answers = 0
        while os.getppid() == parent:
            try:
                run = Run.open(RUNS / name)
            except UserError:
                await asyncio.sleep(following.LOOK_SECONDS)
                continue
            following.facts(run)
            moments += len(following.distributions(run, moments)["moments"])
            answers += len(following.examples(run, answers)["answers"])
            await asyncio.sleep(following.LOOK_SECONDS)

    asyncio.run(look())


PEERS = (
    Peer(OBSERVED, partial(train, observed=True, followed=False)),
    Peer(ALONE, partial(train, observed=False, followed=False)),
    Peer(FOLLOWED, partial(train, observed=True, followed=True)),
)


def compared(work: Work, rounds: int) -> dict[str, dict[str, Any]]:
    return report(f"{work.name}: one epoch of 54,000 examples", measure(PEERS, work, rounds), OBSERVED, BARS)


if __name__ == "__main__":
    main(__doc__, {name: partial(compared, Work(name)) for name in ("mlp", "lenet")})
