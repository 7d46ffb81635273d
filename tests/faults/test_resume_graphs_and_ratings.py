"""A graph and ratings of a user's own: training that is killed and resumed ends with the bits of one never killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.faults.test_resume import killed_and_resumed
from tests.invariants.test_graphs import own_graph
from tests.invariants.test_rating import table
from tests.training_child import Job, run, trace


def whole(tmp_path: Path, job: Job) -> dict[str, object]:
    """What a run that is never killed leaves."""
    assert run(replace(job, folder=tmp_path / "whole")).code == 0
    return trace(tmp_path / "whole")


def test_ratings(tmp_path: Path) -> None:
    settings: dict[str, object] = {"epochs": 2, "batch_size": 8}
    job = Job(tmp_path, "recommender", settings, data=str(table(tmp_path)))
    assert killed_and_resumed(tmp_path / "run", job, [("step", 8), ("half a checkpoint", 2)]) == whole(tmp_path, job)


def test_one_graph(tmp_path: Path) -> None:
    job = Job(tmp_path, "gat", {"epochs": 6}, data=str(own_graph(tmp_path / "mine")), target="party")
    assert killed_and_resumed(tmp_path / "run", job, [("step", 3), ("half a checkpoint", 2)]) == whole(tmp_path, job)
