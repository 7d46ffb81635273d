"""Peers timed side by side: each a process of its own that is kept, and in every round each does one turn.

So a machine that drifts drifts for all; every other round goes backwards, so that nobody always comes behind the same
neighbour, whose threads may still be awake. The first round (compiling, caches) is not counted. Settings of the
environment that hold NumPy's products back (OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE) are taken out for all. What counts is
the ratio of ours to a peer of the same round; printed are medians and ranges. A peer that is not installed is left out.

On a machine that does other things besides, --cpu counts what the processor did for each peer instead of what the clock
says; that holds for peers of one process each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROUNDS, QUICK_ROUNDS = 5, 2
CLOCK = "LIULI_BENCHMARK_CLOCK"
CLOCKS = {"wall": perf_counter, "cpu": process_time}


class Gate:
    """Called at the end of every turn, and once before the first: tells the time, and waits for the next turn."""

    def __init__(self, pipe: Connection, clock: Callable[[], float]) -> None:
        self.pipe = pipe
        self.clock = clock
        self.begun = 0.0

    def __call__(self, accuracy: float) -> None:
        self.pipe.send((self.clock() - self.begun, accuracy))
        if not self.pipe.recv():
            os._exit(0)  # whatever the peer would still do after its last turn
        self.begun = self.clock()


@dataclass(frozen=True)
class Peer:
    """How a peer is called, run, and the packages that it needs."""

    name: str
    run: Callable[..., None]
    settings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A ratio that is to be met; `inverse`: of the peer to ours."""

    at_most: float
    inverse: bool = False


def serve(peer: Peer, work: Any, pipe: Connection, clock: str) -> None:
    """In a process of its own: all turns of one peer."""
    peer.run(work, Gate(pipe, CLOCKS[clock]), *peer.settings)


def measure(peers: tuple[Peer, ...], work: Any, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds and accuracies of every peer, one for each round after the first."""
    context = get_context("spawn")
    pipes: dict[str, Connection] = {}
    for peer in peers:
        missing = [package for package in peer.needs if find_spec(package) is None]
        if missing:
            print(f"{peer.name}: left out, {' and '.join(missing)} not installed", file=sys.stderr)
            continue
        pipe, theirs = context.Pipe()
        clock = os.environ.get(CLOCK, "wall")
        context.Process(target=serve, args=(peer, work, theirs, clock), daemon=True).start()
        theirs.close()
        pipe.recv()  # it has read the data
        pipes[peer.name] = pipe
    measured: dict[str, dict[str, list[float]]] = {name: {"seconds": [], "accuracy": []} for name in pipes}
    for number in range(1 + rounds):
        for name, pipe in list(pipes.items())[:: 1 if number % 2 else -1]:
            pipe.send(True)
            seconds, accuracy = pipe.recv()
            print(f"{work.name}, round {number}: {name} {seconds:.2f} s, accuracy {accuracy:.4f}", file=sys.stderr)
            if number:
                measured[name]["seconds"].append(seconds)
                measured[name]["accuracy"].append(accuracy)
    for pipe in pipes.values():
        pipe.send(False)
    return measured


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f}–{max(values):.2f})"


def report(
    title: str, measured: dict[str, dict[str, list[float]]], ours: str, bars: Mapping[str, Bar]
) -> dict[str, dict[str, Any]]:
    """Print the table of one work; give it back with ratios of `ours` to each peer, and bars."""
    mine = measured[ours]["seconds"]
    print(f"\n{title}")
    print(f"  {'':24}{'seconds (range)':24}{'liuli ÷ peer (range)':28}bar")
    rows: dict[str, dict[str, Any]] = {}
    for name, values in measured.items():
        ratios = [one / theirs for one, theirs in zip(mine, values["seconds"], strict=True)]
        bar = bars.get(name)
        shown = "" if name == ours else spread(ratios)
        if bar and bar.inverse:
            ratios = [1 / ratio for ratio in ratios]
            shown = f"{spread(ratios)} inverse"
        met = None if bar is None else statistics.median(ratios) <= bar.at_most
        verdict = "" if bar is None else f"≤ {bar.at_most:.2f} {'met' if met else 'MISSED'}"
        print(f"  {name:24}{spread(values['seconds']):24}{shown:28}{verdict}")
        rows[name] = {**values, "ratios": ratios, "bar": bar and bar.at_most, "met": met}
    return rows


def main(description: str | None, works: Mapping[str, Callable[[int], dict[str, dict[str, Any]]]]) -> None:
    """The command line: measure the works that are named, each called with a number of rounds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if len(works) > 1:
        parser.add_argument("networks", nargs="*", choices=[*works, []], help="all, if none is named")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}")
    parser.add_argument("--cpu", action="store_true", help="seconds of the processor instead of the clock's")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    options = parser.parse_args()
    for setting in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        if os.environ.pop(setting, None):
            print(f"{setting} taken out of the environment", file=sys.stderr)
    os.environ[CLOCK] = "cpu" if options.cpu else "wall"
    chosen = getattr(options, "networks", None) or works
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    results = {name: works[name](rounds) for name in chosen}
    if options.json:
        machine = {"machine": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
        options.json.write_text(json.dumps({**machine, "networks": results}, indent=2, ensure_ascii=False) + "\n")
