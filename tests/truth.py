"""What 'an explanation is true' means, for the tests: every formula is computed again and held against the record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import isfinite, isnan

import numpy as np
import torch

from liuli.explaining import Explanation, explain, explain_gradient
from liuli.tracing import Record, Value

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 2**-6, torch.float16: 2**-9}


@dataclass
class Truth:
    """What was held against the record, by name of operation."""

    forward: Counter[str] = field(default_factory=Counter)
    backward: Counter[str] = field(default_factory=Counter)
    unexplained: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    worst: float = 0.0  # |residual| / (tolerance · scale)


def truth(record: Record, draws: int = 50, seed: int = 0) -> Truth:
    """Draw numbers of every value, explain them forward and backward, and compare with what was captured."""
    found = Truth()
    random = np.random.default_rng(seed)
    for value in record.values():
        size = int(np.prod(value.shape))
        if size == 0:
            continue
        places = random.choice(size, draws, replace=False) if size > draws else np.arange(size)
        for place in places:
            index = tuple(int(one) for one in np.unravel_index(place, value.shape))
            if value.producer is not None:
                hold(found, explain(record, value, index), value, value.producer.name, found.forward)
            if value.grad is not None and (value.users or value is record.loss):
                names = "+".join(sorted({user.name for user in value.users}))
                hold(found, explain_gradient(record, value, index), value, names, found.backward)
    return found


def hold(found: Truth, one: Explanation, value: Value, name: str, counter: Counter[str]) -> None:
    """Compare one explanation with the record."""
    if one.kind == "opaque":
        found.unexplained[f"{name}: {one.note}"] += 1
        return
    counter[name] += 1
    dtype = value.dtype if value.dtype in TOLERANCE else torch.float64
    if value.dtype not in TOLERANCE and value.producer is not None:  # whole numbers: as exact as what they are made of
        dtype = min((record.dtype for record in operands(value)), key=lambda d: -TOLERANCE.get(d, 0), default=dtype)
    if not isfinite(one.scale) and isfinite(one.captured) and one.residual != 0:  # any bound would be met
        found.faults.append(f"{one.direction} {one.address}{list(one.index)} by {name}: scale {one.scale}")
    bound = TOLERANCE.get(dtype, 1e-10) * one.scale + 1e-300
    if isnan(one.residual) or abs(one.residual) > bound:
        found.faults.append(
            f"{one.direction} {one.address}{list(one.index)} by {name}: "
            f"{one.result!r} for {one.captured!r}, scale {one.scale:.3g}"
        )
    elif one.residual:
        found.worst = max(found.worst, abs(one.residual) / bound)


def operands(value: Value) -> list[Value]:
    """The values that made this one."""
    assert value.producer is not None
    return [value.producer.record.value(address) for address in value.producer.inputs]
