"""Which words the dimensions of a record's values run along: (1, h, T, S) of an attention, T target and S source words.

A sequence begins where whole numbers go into an embedding whose rows have names. From there it is followed through
every operation by what the explainers know of it: a product shares indices with its operands, a view or a transpose
moves numbers, a softmax or a sum stays in its place. What cannot be followed has no words.

Beside its dimensions, every value has the places of the sequences that it depends on at all: what a recurrent network
has read by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from liuli.explaining.explain import bench
from liuli.explaining.explainer import Explainer, NotExplained
from liuli.explaining.families.constants import Constant
from liuli.explaining.families.edited import Edited
from liuli.explaining.families.gathering import Gathered
from liuli.explaining.families.linear import Contraction
from liuli.explaining.families.moving import Embedding, Moved, Overwritten
from liuli.explaining.families.rows import RowExplainer
from liuli.files import Json
from liuli.tracing.parts import Operation, Value
from liuli.tracing.record import Record

Names = Mapping[str, Sequence[str]]
"""What the rows of embeddings stand for, by the last part of the module's path."""


@dataclass(frozen=True)
class Axis:
    """A dimension that runs along a sequence: for each of its elements the place in the sequence at `root`."""

    root: str
    places: tuple[int, ...]


Axes = tuple[Axis | None, ...]
JOINS = ("stack", "cat", "hstack", "vstack", "dstack")


@dataclass
class Followed:
    """Sequences of words through a record.

    Attributes:
        words: of each sequence, by the address of its numbers.
        vocabularies: of each value that goes into an embedding, that embedding's key in the `Names`.
        axes: of the values that have some, by address, for each dimension.
        reads: of each value the places that it depends on, as bits, by sequence.
    """

    words: dict[str, list[str]] = field(default_factory=dict)
    vocabularies: dict[str, str] = field(default_factory=dict)
    axes: dict[str, Axes] = field(default_factory=dict)
    reads: dict[str, dict[str, int]] = field(default_factory=dict)

    def spelled(self, axis: Axis) -> list[str]:
        """The words along a dimension."""
        return [self.words[axis.root][place] for place in axis.places]


def follow(record: Record, names: Names) -> Followed:
    """Every sequence of a record, followed from where it is read."""
    found = sequences(record, names)
    if found.words:
        for operation in record.operations:
            step(found, record, operation)
    return found


def tables(found: Followed, record: Record, names: Names) -> None:
    """Give the weights of the embeddings a word for each row; what is computed from them goes without."""
    for value in record.values():
        path, _, last = value.address.rpartition(".")
        rows = names.get(path.rpartition(".")[2], ())
        if value.origin == "parameter" and last == "weight" and rows and list(value.shape[:1]) == [len(rows)]:
            found.words[value.address] = list(rows)
            found.axes[value.address] = (Axis(value.address, tuple(range(len(rows)))), None)


def sequences(record: Record, names: Names) -> Followed:
    """Every sequence of a record, where it is read."""
    found = Followed()
    for operation in record.operations:
        part = operation.path.rpartition(".")[2]
        if operation.name == "embedding" and names.get(part):
            begin(found, record, operation, part, names[part])
    return found


def begin(found: Followed, record: Record, operation: Operation, part: str, names: Sequence[str]) -> None:
    """The sequence that an embedding reads, at the value that its numbers come from."""
    numbers = next((one for one in operation.inputs if not record.value(one).dtype.is_floating_point), None)
    if numbers is None:
        return
    value = source(record, record.value(numbers))
    size = value.tensor.numel()
    if not value.shape or value.shape[-1] != size or int(value.tensor.max()) >= len(names):
        return  # several sentences at once, or not these names
    root = str(value.address)
    found.words[root] = [names[number] for number in value.tensor.reshape(-1).tolist()]
    found.vocabularies[root] = part
    found.axes[root] = (*[None] * (len(value.shape) - 1), Axis(root, tuple(range(size))))
    found.reads[root] = {root: (1 << size) - 1}


def source(record: Record, value: Value) -> Value:
    """Where the numbers of a value stood before they were only moved."""
    while (made := value.producer) is not None:
        try:
            explainer = bench(record).explainer(made)
        except NotExplained:
            break
        if not isinstance(explainer, Moved) or isinstance(explainer, Edited | Overwritten | Gathered | Embedding):
            break
        if len(explainer.addresses) != 1 or any((which < 0).any() for which, _ in explainer.origins):
            break
        value = record.value(explainer.addresses[0])
    return value


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
            own = found.axes.get(carried[0], ()) if carried else ()
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


def spread(indices: Sequence[str | None], rank: int) -> list[tuple[str, int] | None]:
    """The index of each of `rank` dimensions; the first may stand for several of them at once."""
    many = [(indices[0], place) for place in range(rank - len(indices) + 1)] if indices else []
    return [None if name is None else (name, place) for name, place in [*many, *((one, 0) for one in indices[1:])]]


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


def told(found: Followed) -> tuple[list[Json], dict[str, Json]]:
    """The words of every axis that differs, and for each value with words which of these its dimensions have."""
    known: dict[Axis, int] = {}
    numbers = {
        address: [None if axis is None else known.setdefault(axis, len(known)) for axis in axes]
        for address, axes in found.axes.items()
    }
    return [found.spelled(axis) for axis in known], numbers
