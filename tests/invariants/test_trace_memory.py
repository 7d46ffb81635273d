"""A record that nobody holds any more leaves nothing behind, however many there were."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from liuli.catalog import find
from liuli.explaining import explain, explain_gradient
from liuli.tracing import trace


def alive() -> tuple[int, int]:
    """Tensors, and bytes of the process in memory (0 where the system does not tell)."""
    gc.collect()
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[1]) if statm.exists() else 0
    return sum(isinstance(one, torch.Tensor) for one in gc.get_objects()), pages * 4096


@pytest.mark.parametrize("budget", [2**30, 0], ids=["in memory", "spilled"])
def test_two_hundred_traces_in_a_row_do_not_grow(budget: int) -> None:
    torch.manual_seed(0)
    network = find("lenet").build()
    picture, label = torch.rand(1, 1, 32, 32), torch.tensor([3])

    def once() -> None:
        record = trace(network, picture, loss=lambda scores: F.cross_entropy(scores, label), budget=budget)
        value = record.value(record.operations[-1].inputs[0])
        explain(record, value, (0, 3)).recompute()
        explain_gradient(record, value, (0, 3))

    for _ in range(20):
        once()
    tensors, size = alive()
    for _ in range(200):
        once()
    more_tensors, more_size = alive()
    assert more_tensors <= tensors
    assert more_size - size < 8 * 2**20, f"{(more_size - size) / 2**20:.1f} MiB more"
