"""Which words the dimensions of a record's values run along: (1, h, T, S) of an attention, T target and S source words.

Where words begin, `liuli.lab.beginnings` finds. From there they are followed through every operation by what the
explainers know of it: a product shares indices with its operands, a view or a transpose moves numbers, a softmax or a
sum stays in its place. What cannot be followed has no words.

Beside its dimensions, every value has the places of the sequences that it depends on at all: what a recurrent network
has read by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liuli.explaining.explain import bench
from liuli.explaining.explainer import Explainer, NotExplained
from liuli.explaining.families.constants import Constant
from liuli.explaining.families.edited import Edited
from liuli.explaining.families.gathering import Gathered
from liuli.explaining.families.linear import Contraction
from liuli.explaining.families.moving import Moved, Overwritten
from liuli.explaining.families.rows import RowExplainer
from liuli.files import Json
from liuli.lab.beginnings import Axes, Axis, Followed, Names, scores, sequences, spread, tables
from liuli.tracing.parts import Operation
from liuli.tracing.record import Record

JOINS = ("stack", "cat", "hstack", "vstack", "dstack")


def follow(record: Record, names: Names, columns: Sequence[str] = ()) -> Followed:
    """Every sequence of a record, followed from where it is read, and the names of what it scores.

    Args:
        columns: what the last dimension of the output stands for, where its elements have names.
    """
    found = sequences(record, names)
    tables(found, record, names)
    scores(found, record, columns)
    if found.axes:
        for operation in record.operations:
            step(found, record, operation)
    return found


def step(found: Followed, record: Record, operation: Operation) -> None:
    """What the outputs of an operation have of its operands."""
    reads: dict[str, int] = {}
    for address in operation.inputs:
        if operation.name == "embedding" or record.value(address).dtype.is_floating_point:  # no mask, no index
            for root, places in found.reads.get(address, {}).items():
                reads[root] = reads.get(root, 0) | places
    carried = [address for address in dict.fromkeys(operation.inputs) if address in found.axes]
    if not (reads or carried):
        return
    try:
        explainer = bench(record).explainer(operation)
    except NotExplained:
        explainer = None
    if isinstance(explainer, Constant):  # of which an operand gave but the shape
        return
    for output, address in enumerate(operation.outputs):
        if address in found.words:
            continue
        found.reads[address] = dict(reads)
        axes: list[Axis | None] = [None] * len(operation.shapes[output])
        if operation.name == "embedding":
            numbers = next((one for one in carried if not record.value(one).dtype.is_floating_point), None)
            own = found.axes[numbers] if numbers else ()
            axes[: len(own)] = own
        elif isinstance(explainer, Contraction):
            shared(found, explainer, axes)
        elif isinstance(explainer, Moved) and not isinstance(explainer, Edited | Overwritten | Gathered):
            if carried or operation.name in JOINS:
                moved(found, record, explainer, output, axes)
        else:
            for one in carried:
                stays(found, found.axes[one], record.value(one).shape, operation.shapes[output], axes, explainer)
        if any(axes):
            found.axes[address] = tuple(axes)


def shared(found: Followed, explainer: Contraction, axes: list[Axis | None]) -> None:
    """A product: the dimensions of its operands that have the same index as one of its own."""
    indices = explainer.relation.tensors
    own = spread(indices["y"], len(axes))
    for name, operand in explainer.operands.items():
        carried = found.axes.get(operand.address)
        for axis, index in zip(carried or (), spread(indices[name], len(carried or ())), strict=False):
            if axis is not None and index in own:
                axes[own.index(index)] = axes[own.index(index)] or axis


def stays(
    found: Followed,
    own: Axes,
    before: Sequence[int],
    after: Sequence[int],
    axes: list[Axis | None],
    explainer: Explainer | None,
) -> None:
    """Number by number, or row by row: dimensions stand where they stood, counted from the last; sums lose theirs."""
    places = list(range(len(before)))
    if isinstance(explainer, RowExplainer) and explainer.reduces and len(after) < len(before):
        places = [place for place in places if place not in explainer.rows.dims]
    offset = len(after) - len(places)
    for order, place in enumerate(places):
        fits = offset + order >= 0 and before[place] == after[offset + order]
        if own[place] is not None and fits and not tells(found, axes[offset + order]):
            axes[offset + order] = own[place]


def moved(found: Followed, record: Record, explainer: Moved, output: int, axes: list[Axis | None]) -> None:
    """Numbers that were moved: along each dimension of the output, the places that its first numbers came from."""
    shape = explainer.operation.shapes[output]
    which, place = (array.reshape(shape) for array in explainer.origins[output])
    if not which.size:
        return
    operands = explainer.addresses
    narrowed(found, record, operands, which, place, str(explainer.operation.outputs[output]))
    for dimension, size in enumerate(shape):
        for corner in (0, -1):  # of what stands side by side, the first and the last
            line: Any = tuple(slice(None) if d == dimension else corner for d in range(len(shape)))
            chosen, flats = which[line], place[line]
            if size < 2 or (chosen < 0).any() or tells(found, axes[dimension]):
                continue
            if (chosen == chosen[0]).all():
                axis = along(found, record, operands[chosen[0]], flats)
            elif len(set(chosen.tolist())) == size:
                axis = joined([found.reads.get(operands[one], {}) for one in chosen])
            else:
                continue
            if axes[dimension] is None or tells(found, axis):
                axes[dimension] = axis


def tells(found: Followed, axis: Axis | None) -> bool:
    """Whether a dimension has words by which its elements can be told apart: not one user beside every film."""
    return axis is not None and len(set(found.spelled(axis))) > 1


def along(found: Followed, record: Record, address: str, flats: Any) -> Axis | None:
    """The axis of one operand along which its elements `flats` stand one after another."""
    own = found.axes.get(address, ())
    coordinates = np.unravel_index(flats, record.value(address).shape)
    for axis, line in zip(own, coordinates, strict=False):
        if axis is not None and len(set(line.tolist())) == len(line):
            return Axis(axis.root, tuple(axis.places[one] for one in line.tolist()))
    return None


def narrowed(found: Followed, record: Record, operands: Sequence[str], which: Any, place: Any, address: str) -> None:
    """A part of a value depends, for a reader, on those places that it was cut out at."""
    for number, operand in enumerate(operands):
        flats = place[which == number]
        if not flats.size or len(operands) > 1:
            return
        coordinates = np.unravel_index(flats, record.value(operand).shape)
        for axis, line in zip(found.axes.get(operand, ()), coordinates, strict=False):
            if axis is not None:
                bits = 0
                for one in np.unique(line).tolist():
                    bits |= 1 << axis.places[one]
                found.reads[address][axis.root] = bits


def joined(reads: Sequence[Mapping[str, int]]) -> Axis | None:
    """The axis of values that are joined one after another, each of which has read one word more than its neighbour."""
    for root in reads[0]:
        masks = [one.get(root, 0) for one in reads]
        for order in (1, -1):
            places = grown(masks[::order])
            if places is not None:
                return Axis(root, tuple(places[::order]))
    return None


def grown(masks: Sequence[int]) -> list[int] | None:
    """The place that each of `masks` has beyond the one before it; None where that is not one place for each."""
    found, before = [], 0
    for mask in masks:
        fresh = mask & ~before
        if fresh.bit_count() != 1:
            return None
        found.append(fresh.bit_length() - 1)
        before = mask
    return found


def told(found: Followed) -> dict[str, Json]:
    """The words of every axis that differs; which of these are names, in no sequence; and for each value with words
    which of them its dimensions have.
    """
    known: dict[Axis, int] = {}
    numbers = {
        address: [None if axis is None else known.setdefault(axis, len(known)) for axis in axes]
        for address, axes in found.axes.items()
    }
    return {
        "words": [found.spelled(axis) for axis in known],
        "names": [number for axis, number in known.items() if axis.root not in found.vocabularies],
        "axes": numbers,
    }
