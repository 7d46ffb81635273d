"""Whole networks: every number of every system, and of modules that are not ours, is what its explanation says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liuli.catalog import find, listings
from liuli.explaining import coverage
from liuli.tracing import Record, trace
from liuli.tracing.trees import leaves
from tests.foreign import BLOCKS, TRANSFORMERS, example
from tests.truth import truth


def weighed(output: Any) -> Tensor:
    """One number that every number of the output counts in, with a weight of its own."""
    generator = torch.Generator().manual_seed(0)
    found = [one for _, one in leaves(output) if one.is_floating_point()]
    return torch.stack([(one * torch.rand(one.shape, generator=generator).to(one)).sum() for one in found]).sum()


def of_system(name: str, training: bool, dtype: torch.dtype) -> Record:
    """A system's network on two drawn examples, and back from its task's loss."""
    system = find(name)
    torch.manual_seed(0)
    network = system.build().to(dtype).train(training)
    batch = system.task.draw(2)
    return trace(Tasked(system.task, network, batch), *(of(one, dtype) for one in system.task.inputs(batch)))


class Tasked(nn.Module):
    """A network and the loss of its task, as one module."""

    def __init__(self, task: Any, network: nn.Module, batch: Any) -> None:
        super().__init__()
        self.network, self.task, self.batch = network, task, batch

    def forward(self, *given: Tensor) -> Tensor:
        answers = self.network(*given)
        return self.task.outcome(lambda *_: answers, self.batch).loss


def of(given: Any, dtype: torch.dtype) -> Any:
    """An argument in another precision, where it has one."""
    return given.to(dtype) if isinstance(given, Tensor) and given.is_floating_point() else given


def check(record: Record, draws: int) -> None:
    found = truth(record, draws)
    assert found.faults == []
    assert not found.unexplained
    assert found.backward.total() > 0


@pytest.mark.parametrize("training", [False, True], ids=["evaluated", "trained"])
@pytest.mark.parametrize("name", listings())
def test_every_system_of_the_catalogue_explains_itself(name: str, training: bool) -> None:
    record = of_system(name, training, torch.float32)
    assert coverage(record).missing == ()
    check(record, 20)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("training", [False, True], ids=["evaluated", "trained"])
@pytest.mark.parametrize("name", listings())
def test_fifty_numbers_of_every_operation_of_the_catalogue(name: str, training: bool, dtype: torch.dtype) -> None:
    check(of_system(name, training, dtype), 50)


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_pytorch_explain_themselves(name: str) -> None:
    module, given = example(name)
    record = trace(module, loss=weighed, **given)
    assert coverage(record).missing == ()
    check(record, 3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("training", [False, True], ids=["evaluated", "trained"])
@pytest.mark.parametrize("name", [*BLOCKS, *TRANSFORMERS])
def test_fifty_numbers_of_every_operation_of_foreign_modules(name: str, training: bool, dtype: torch.dtype) -> None:
    module, given = example(name)
    if training and name == "wav2vec2":
        module.freeze_feature_encoder()  # else it sets requires_grad on its input, which a trace has done already
    inputs = {key: of(one, dtype) for key, one in given.items()}
    record = trace(module.to(dtype).train(training), loss=weighed, **inputs)
    found = coverage(record)
    assert found.share >= 0.98, found.missing
    check(record, 50)
