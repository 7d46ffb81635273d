"""Runs side by side: where their settings differ, and the figures that they reached."""

from __future__ import annotations

from collections.abc import Sequence

from liuli.files import Json
from liuli.runs import Run

Rows = dict[str, list[Json]]
"""Under each name a value for every run; None where a run has none."""


def settings_that_differ(runs: Sequence[Run]) -> Rows:
    """What was not chosen alike for all."""
    return {
        key: row
        for key, row in side_by_side([settings_of(run) for run in runs]).items()
        if len(set(map(repr, row))) > 1
    }


def figures(runs: Sequence[Run]) -> Rows:
    """What was measured of any."""
    return side_by_side([figures_of(run) for run in runs])


def side_by_side(every: Sequence[dict[str, Json]]) -> Rows:
    """Of every key that one has the values of all."""
    return {key: [one.get(key) for one in every] for key in dict.fromkeys(key for one in every for key in one)}


def settings_of(run: Run) -> dict[str, Json]:
    """Everything that was chosen for a run, flat."""
    record = run.record
    keys = ("system", "engine", "step", "device", "precision", "processes", "threads", "commit", "liuli")
    return {
        "data": f"{run.facts.name} {run.facts.variant}".strip(),
        **{key: record.get(key) for key in keys},
        **(record["recipe"] or {}),
        **(record["options"] or {}),
        **{f"{key} version": value for key, value in (record["versions"] or {}).items() if key != "liuli"},
        "processor": (record["machine"] or {}).get("processor"),
    }


def figures_of(run: Run) -> dict[str, Json]:
    """Single figures of a run: on the test part, and of the best epoch."""
    result, history = run.result or {}, run.history()
    found = {f"test {key}": value for key, value in result.get("metrics", {}).items() if isinstance(value, int | float)}
    if history:
        best = min(history, key=lambda row: row.get("validation_loss", -row["epoch"]))
        found |= {
            key.replace("_", " "): value for key, value in best.items() if key.startswith(("train_", "validation_"))
        }
        found["best epoch"], found["epochs"] = best["epoch"], len(history)
        found["seconds"] = sum(row["seconds"] for row in history)
    return found
