"""What a trained network reaches on the test part of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from liuli.data.order import Pieces
from liuli.runs import Run
from liuli.tasks.examples import Batch
from liuli.tasks.task import Task


class Evaluation(NamedTuple):
    """A network with its best weights, the whole test part in the task's form, the responses to it, and all that is
    measured of them."""

    network: nn.Module
    batch: Batch
    output: Tensor
    metrics: Mapping[str, object]


def evaluation(run: Run) -> Evaluation:
    """Measure a run on the test part of its data.

    Raises:
        UserError: the data are not to be had, or are others than the run was trained on; there are no weights.
    """
    task, network = run.system.task, run.network()
    batch = task.tensors(run.data().test, run.facts)
    output = outputs(network, task, batch)
    return Evaluation(network, batch, output, task.metrics(output, batch, run.facts))


def outputs(network: nn.Module, task: Task, batch: Batch) -> Tensor:
    """The response to every example of a batch, some at a time."""
    pieces = Pieces(batch, task.at_once, task.lengths(batch), task.cut)
    with torch.inference_mode():
        return pieces.joined([task.respond(network, piece) for piece in pieces.batches])
