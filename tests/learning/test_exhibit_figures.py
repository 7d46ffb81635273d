"""The trained runs that come with the package still reach their figures on the test data."""

from __future__ import annotations

import pytest

from liuli.runs import EXHIBITS, Run, runs
from liuli.training.evaluation import evaluation

WITHOUT_FILES = ("iris-two", "frozen-lake", "racing")  # data that come with a package
found = {run.folder.name: run.record["data"]["name"] for run in runs(EXHIBITS)}
quick = [name for name, data in found.items() if data in WITHOUT_FILES]


def still_reached(name: str) -> None:
    run = Run.open(f"exhibit:{name}")
    metric, metrics = run.system.target.metric, evaluation(run).metrics
    assert run.system.target.reached(float(str(metrics[metric])))
    assert metrics[metric] == pytest.approx((run.result or {})["metrics"][metric], rel=1e-3, abs=1e-10)


@pytest.mark.parametrize("name", quick)
def test_the_figure_of_a_small_exhibit(name: str) -> None:
    still_reached(name)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", sorted(found.keys() - set(quick)))
def test_the_figure_of_an_exhibit(name: str) -> None:
    still_reached(name)
