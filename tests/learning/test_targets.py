"""Every system reaches its figure by its own recipe, on data that it has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

import liuli
from liuli.catalog import listings


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", list(listings()))
def test_recipe_reaches_the_figure(name: str, tmp_path: Path) -> None:
    run = liuli.train(name, out=tmp_path / name)
    assert run.result is not None
    assert run.result["reached"], run.result["metrics"]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_the_scratch_engine_reaches_the_same_figure(name: str, tmp_path: Path) -> None:
    run = liuli.train(name, engine="scratch", out=tmp_path / name)
    assert run.result is not None
    assert run.result["reached"], run.result["metrics"]


@pytest.mark.parametrize("engine", ["torch", "scratch"])
def test_lenet_learns_embedded_handwriting(engine: str, tmp_path: Path) -> None:
    run = liuli.train("lenet", data="digits", epochs=3, engine=engine, out=tmp_path / "run")
    assert run.result is not None
    assert run.result["metrics"]["accuracy"] > 0.8, "a tenth would be guessing"
