"""What goes into a file of a record that is too large for one: the smaller values whole, the others as small pictures,
and one way from the output back to the input, number by number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from liuli.explaining.explain import forward
from liuli.explaining.explainer import Workbench
from liuli.explaining.explanation import Explanation
from liuli.explaining.expression import Operand
from liuli.files import Json
from liuli.lab.instances import explained
from liuli.lab.packing import Pack, array_of
from liuli.lab.statistics import strongest
from liuli.tracing.parts import Value
from liuli.tracing.record import Record

LARGEST = 16_000_000  # characters of the arrays of a page
PLANES, SIDE = 8, 32  # of the small picture of a value
LONGEST = 400  # numbers on a way
HEAVIEST = 2**18  # operands of all numbers that are explained one by one


def stored(values: Sequence[Value]) -> set[str]:
    """The values whose numbers go into the page whole: the smaller ones first, as many as there is room for."""
    room, found = LARGEST, set()
    for value in sorted(values, key=lambda one: math.prod(one.shape)):
        room -= math.prod(value.shape) * value.dtype.itemsize * (2 if value.grad is not None else 1) * 4 // 3
        if room < 0:
            break
        found.add(value.address)
    return found


def sample(tensor: Tensor, pack: Pack) -> Json:
    """A small picture of a large tensor for a page."""
    steps, low, high = small(tensor)
    return {"shape": steps.shape, "data": pack.add(steps.reshape(-1)), "low": low, "high": high}


def small(tensor: Tensor) -> tuple[NDArray[np.uint8], float, float]:
    """Of the first planes of a tensor every so many-th row and column, (planes, rows, columns), in 256 steps between
    two numbers."""
    numbers = tensor.detach()
    numbers = numbers.reshape((1,) * (2 - numbers.dim()) + tuple(numbers.shape))
    height, width = numbers.shape[-2:]
    chosen = numbers.reshape(-1, height, width)[:PLANES, :: -(-height // SIDE), :: -(-width // SIDE)]
    planes = (chosen.abs() if chosen.is_complex() else chosen).float().cpu().nan_to_num()
    low, high = float(planes.min()), float(planes.max())
    return ((planes - low) / ((high - low) or 1) * 255).round().numpy().astype(np.uint8), low, high


def way(record: Record, bench: Workbench, start: tuple[str, int], whole: set[str]) -> dict[str, Json]:
    """The explanations of the numbers on the way from the number `start`, an address and a place, back to an input.

    From each number it goes on to the operand that adds most and is no weight. Then, as far as there is room, the
    strongest number of every value that is not in the file whole. Keys are "forward ADDRESS PLACE" and "backward …".
    """
    found: dict[str, Json] = {}
    room = HEAVIEST
    for value, flat, direction in asked(record, bench, start, whole):
        key = f"{direction} {value.address} {flat}"
        if key in found:
            continue
        told = explained(bench, value.address, flat, direction)
        room -= sum(len(one.get("flats", ())) for part in told["parts"] for one in part.get("letters", {}).values())
        if room < 0:
            break
        found[key] = told
    return found


def asked(
    record: Record, bench: Workbench, start: tuple[str, int], whole: set[str]
) -> Iterator[tuple[Value, int, str]]:
    """What is explained one by one, the most wanted first."""
    both = ("forward", "backward")
    yield from ((value, flat, direction) for value, flat in steps(record, bench, start) for direction in both)
    for value in record.values():
        if value.producer is not None and value.address not in whole and value.origin == "operation":
            yield value, strongest(array_of(value.tensor)), "forward"


def steps(record: Record, bench: Workbench, start: tuple[str, int]) -> Iterator[tuple[Value, int]]:
    """The numbers on the way."""
    value, flat = record.value(start[0]), start[1]
    for _ in range(LONGEST):
        yield value, flat
        onward = heaviest(record, forward(bench, value, flat))
        if onward is None:
            return
        value, flat = record.value(onward.address), onward.flat


def heaviest(record: Record, explanation: Explanation) -> Operand | None:
    """The operand of the term that adds most, or that a maximum took; weights and constants are left aside."""

    def moves(operand: Operand) -> bool:
        return record.value(operand.address).origin in ("input", "operation")

    if explanation.kind != "formula":
        return None
    for place in explanation.terms.largest(8):
        fitting = [one for one in explanation.terms[place].operands if moves(one)]
        if fitting:
            return max(fitting, key=lambda one: abs(float(one.value())))
    return None
