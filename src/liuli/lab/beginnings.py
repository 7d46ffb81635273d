"""Where words begin in a record: sequences that an embedding reads, the rows of its table, and what is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from liuli.explaining.explain import bench
from liuli.explaining.explainer import Explainer, NotExplained
from liuli.explaining.families.edited import Edited
from liuli.explaining.families.elementwise import Elementwise
from liuli.explaining.families.gathering import Gathered
from liuli.explaining.families.linear import Contraction
from liuli.explaining.families.moving import Embedding, Moved, Overwritten
from liuli.explaining.families.rows import RowExplainer
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
    while True:
        explainer = explainer_of(record, value)
        if not isinstance(explainer, Moved) or isinstance(explainer, Edited | Overwritten | Gathered | Embedding):
            break
        if len(explainer.addresses) != 1 or any((which < 0).any() for which, _ in explainer.origins):
            break
        value = record.value(explainer.addresses[0])
    return value


def tables(found: Followed, record: Record, names: Names) -> None:
    """Give the weights of the embeddings a word for each row."""
    for value in record.values():
        path, _, last = value.address.rpartition(".")
        rows = names.get(path.rpartition(".")[2], ())
        if value.origin == "parameter" and last == "weight" and rows and list(value.shape[:1]) == [len(rows)]:
            found.words[value.address] = list(rows)
            found.axes[value.address] = (Axis(value.address, tuple(range(len(rows)))), None)


SCORES = "scores"
"""The root of the names of what a network scores."""


def scores(found: Followed, record: Record, names: Sequence[str]) -> None:
    """Name the last dimension of the outputs that have an element for each of `names`, back to the weights it is of."""
    if len(names) < 2:
        return
    passed, born = [], []
    waiting = list(record.outputs)
    while waiting:
        value = waiting.pop()
        if value in passed or value.shape[-1:] != (len(names),) or not value.dtype.is_floating_point:
            continue
        passed.append(value)
        explainer = explainer_of(record, value)
        if isinstance(explainer, Contraction):
            born += weights(record, explainer)
        elif isinstance(explainer, Elementwise) or (isinstance(explainer, RowExplainer) and not explainer.reduces):
            waiting += [record.value(one) for one in explainer.operation.inputs]
    named = [axis for one, place in born if (axis := found.axes.get(one.address, (None,) * len(one.shape))[place])]
    axis = named[0] if named else Axis(SCORES, tuple(range(len(names))))  # of a table that is an embedding's, too
    if passed and not named:
        found.words[SCORES] = list(names)
    for one, place in [*born, *((value, -1) for value in passed)]:
        own = list(found.axes.get(one.address, (None,) * len(one.shape)))
        own[place] = axis
        found.axes[one.address] = tuple(own)


def explainer_of(record: Record, value: Value) -> Explainer | None:
    """Of the operation that made it, where there are both."""
    try:
        return bench(record).explainer(value.producer) if value.producer else None
    except NotExplained:
        return None


def weights(record: Record, explainer: Contraction) -> list[tuple[Value, int]]:
    """The parameters that have the last index of a product's output, each with the dimension."""
    last = spread(explainer.relation.tensors["y"], len(explainer.shape()))[-1]
    found = []
    for name, operand in explainer.operands.items():
        value = record.value(operand.address)
        places = spread(explainer.relation.tensors[name], len(value.shape))
        if value.origin == "parameter" and last is not None and last in places:
            found.append((value, places.index(last)))
    if explainer.added is not None and explainer.added[1][-1:] == explainer.shape()[-1:]:
        found.append((record.value(explainer.added[0].address), -1))
    return found


def spread(indices: Sequence[str | None], rank: int) -> list[tuple[str, int] | None]:
    """The index of each of `rank` dimensions; the first may stand for several of them at once."""
    many = [(indices[0], place) for place in range(rank - len(indices) + 1)] if indices else []
    return [None if name is None else (name, place) for name, place in [*many, *((one, 0) for one in indices[1:])]]
