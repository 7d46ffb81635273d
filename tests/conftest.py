"""What all tests share."""

import os

import pytest
from threadpoolctl import threadpool_limits

os.environ.setdefault("OMP_NUM_THREADS", "1")  # many small networks, and pytest-xdist has the cores
threadpool_limits(1)  # a plugin may have loaded NumPy already, which then has not seen it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs real data where there are none (see skips.md)."""
    if os.environ.get("LIULI_DATA"):
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="LIULI_DATA is not set"))
