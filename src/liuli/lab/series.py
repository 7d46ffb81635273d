"""What one line of a network gave at every step of a loop, joined: the states and gates of a recurrent layer over time.

A series is what the same line of the same module assigned to the same variable, with the same weights, again and
again: h at every word; attention over the source at every word of the translation. Where each step has read one word
more than the one before, the steps have words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from liuli.files import Json
from liuli.lab.axes import grown
from liuli.lab.beginnings import Axis, Followed
from liuli.lab.views import SHARED
from liuli.tracing.parts import Value
from liuli.tracing.record import Record

FEWEST, MOST = 3, 512  # steps
WIDEST = 1024  # units
PARAMETERS = ("parameter", "buffer")

Key = tuple[object, ...]


def series(record: Record) -> list[list[Value]]:
    """Every series of a record, in the order of their first steps."""
    weights = last_weights(record)
    found: dict[Key, list[Value]] = {}
    for operation in record.operations:
        for address in operation.outputs:
            value = record.value(address)
            line = operation.line
            name = called(value)
            if name and line and value.dtype.is_floating_point and 1 < math.prod(value.shape) <= WIDEST:
                place = (operation.path, line.file, line.number, name, value.shape)
                found.setdefault((*place, weights.get(address)), []).append(value)
    return [one for one in found.values() if FEWEST <= len(one) <= MOST and single(one[0])]


def called(value: Value) -> str:
    """Its variable; of attention, which a function may return without one, what made it."""
    made = value.producer.name if value.producer else ""
    return value.names[0] if value.names else made if made in SHARED else ""


def single(value: Value) -> bool:
    """Whether it is one vector: of one example."""
    return max(value.shape) == math.prod(value.shape)


def last_weights(record: Record) -> dict[str, str]:
    """Of each value the parameter that was last used on the way to it: layers and directions differ in theirs."""
    found: dict[str, str] = {}
    for operation in record.operations:
        own = [one for one in operation.inputs if record.value(one).origin in PARAMETERS]
        made = [record.value(one) for one in operation.inputs if one in found]
        if own:
            last: str | None = own[0]
        else:
            latest = max(made, key=lambda one: one.producer.index if one.producer else -1, default=None)
            last = found[latest.address] if latest else None
        if last is not None:
            found |= dict.fromkeys(map(str, operation.outputs), str(last))
    return found


def words_of(steps: Sequence[Value], followed: Followed) -> Axis | None:
    """The word that each step has read beyond those before it."""
    reads = [followed.reads.get(step.address, {}) for step in steps]
    for root in reads[0]:
        places = grown([one.get(root, 0) for one in reads])
        if places is not None:
            return Axis(root, tuple(places))
    return None


def told(record: Record, followed: Followed) -> list[Json]:
    """The series for a page: each step's address, and the words of the steps where they have some."""
    every = series(record)
    axes = [words_of(steps, followed) for steps in every]
    known = [(steps, axis) for steps, axis in zip(every, axes, strict=True) if axis]
    found = []
    for steps, axis in zip(every, axes, strict=True):
        axis = axis or next((one for other, one in known if by_turns(steps, other)), None)
        found.append(
            {
                "name": called(steps[0]),
                "path": steps[0].producer.path if steps[0].producer else "",
                "steps": [step.address for step in steps],
                "words": followed.spelled(axis) if axis else None,
            }
        )
    return found


def by_turns(steps: Sequence[Value], others: Sequence[Value]) -> bool:
    """Whether two series come from the same loop: a step of one, a step of the other, and so on."""
    own, other = ([one.producer.index for one in every if one.producer] for every in (steps, others))
    first, second = (own, other) if own[0] <= other[0] else (other, own)
    turns = [index for pair in zip(first, second, strict=False) for index in pair]
    return len(own) == len(other) and turns == sorted(turns)
