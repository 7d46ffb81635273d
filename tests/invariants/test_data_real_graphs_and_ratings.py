"""The real Cora and MovieLens 100k hold what their publishers and many papers say they hold."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from liuli.data.store import load, verify

DATA = os.environ.get("LIULI_DATA")
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA, reason="LIULI_DATA is not set")]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["cora", "ml-100k"])
def test_all_files_are_sound(name: str) -> None:
    assert set(verify(name).values()) == {None}


def test_cora() -> None:
    data = load("cora")
    assert data.validation is not None
    features, labels, edges = data.train.inputs[0], data.train.targets[0], data.train.extra["edges"][0]
    assert features.shape == (2708, 1433)
    assert edges.shape == (2, 2 * 5278)
    assert np.bincount(labels).tolist() == [351, 217, 418, 818, 426, 298, 180]
    marked = [split.extra["marked"][0] for split in (data.train, data.validation, data.test)]
    assert [one.sum() for one in marked] == [140, 500, 1000]
    assert not (marked[0] & marked[1]).any()
    assert not (marked[2] & (marked[0] | marked[1])).any()
    assert np.bincount(labels[marked[0]]).tolist() == [20] * 7
    same = (labels[edges[0]] == labels[edges[1]]).mean()
    assert same == pytest.approx(0.81, abs=0.005), "who cites whom is mostly of one field"


def test_movielens() -> None:
    data = load("ml-100k")
    assert (len(data.train), len(data.test)) == (80_000, 20_000)
    details = data.facts.details
    assert (len(details["users"]), len(details["titles"])) == (943, 1682)
    assert details["titles"][0] == "Toy Story (1995)"
    assert "Misérables, Les (1995)" in details["titles"]
    ratings = np.concatenate([data.train.targets, data.test.targets])
    assert np.bincount(ratings).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
    pairs = np.concatenate([data.train.inputs, data.test.inputs])
    assert len(np.unique(pairs, axis=0)) == 100_000
    assert sum(len(one.split()) for one in details["rated"]) == 100_000
