"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from liuli.lab.guard import Guard

os.environ.setdefault("OMP_NUM_THREADS", "1")  # many small networks, and pytest-xdist has the cores
threadpool_limits(1)  # a plugin may have loaded NumPy already, which then has not seen it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs real data where there are none (see skips.md)."""
    if os.environ.get("LIULI_DATA"):
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="LIULI_DATA is not set"))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    """A laboratory with one run, called lenet: it knows nothing yet, on scikit-learn's digits."""
    from liuli.lab.server import laboratory
    from liuli.runs import RUNS
    from tests.small_run import small_run

    monkeypatch.chdir(tmp_path)
    small_run(tmp_path / RUNS / "lenet")
    return laboratory("secret")
