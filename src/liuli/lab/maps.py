"""What the layers of a network make of one input, as small pictures: for looking at while one draws.

{"name": "c1", "shape": [6, 28, 28], "rows": 28, "columns": 28, "planes": 6, "low": 0, "high": 2.4,
 "data": "…"}     planes of rows of columns, each number in 256 steps from low to high, in base64
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import numpy as np
from torch import Tensor, nn

from liuli.files import Json
from liuli.tasks.examples import Example
from liuli.tasks.task import Task
from liuli.tracing import trace
from liuli.tracing.parts import Value
from liuli.tracing.record import Record

MOST = 10
"""Layers: the first ones."""
PLANES, SIDE = 16, 28
"""Of the picture of one; larger values are shown by every so many-th row and column."""
LAID_FLAT = ("flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze")


def maps(task: Task, network: nn.Module, example: Example) -> list[Json]:
    """One picture for each layer."""
    record = trace(network, *task.inputs(example.batch), gradients=False)
    return [small(value, tensor) for value, tensor in layers(record)][:MOST]


def layers(record: Record) -> Iterator[tuple[Value, Tensor]]:
    """Of operations one after another whose outputs have one shape, the last one's: after its activation."""
    last: tuple[Value, Tensor] | None = None
    for operation in record.operations:
        for address in operation.outputs[:1]:
            value = record.value(address)
            shape, tensor = value.shape, value.tensor
            if operation.name in LAID_FLAT or tensor is None or len(shape) not in (2, 4) or shape[0] != 1:
                continue
            if last is not None and last[0].shape != shape:
                yield last
            last = value, tensor
    if last is not None:
        yield last


def small(value: Value, tensor: Tensor) -> Json:
    """A value (1, C, H, W) by its first planes, or (1, N) as one row."""
    numbers = tensor[0].detach().float().cpu()
    height, width = numbers.shape[-2:] if numbers.dim() == 3 else (1, len(numbers))
    down, along = -(-height // SIDE), -(-width // (SIDE if height > 1 else PLANES * SIDE))
    planes = numbers.reshape(-1, height, width)[:PLANES, ::down, ::along].nan_to_num().numpy()
    low, high = float(planes.min()), float(planes.max())
    steps = ((planes - low) / ((high - low) or 1) * 255).round().astype(np.uint8)
    producer = value.producer
    path = producer.path if producer else ""
    return {
        "name": value.names[0] if value.names else path or (producer.name if producer else value.address),
        "shape": list(value.shape[1:]),
        "planes": steps.shape[0],
        "rows": steps.shape[1],
        "columns": steps.shape[2],
        "low": low,
        "high": high,
        "data": b64encode(steps.tobytes()).decode(),
    }
