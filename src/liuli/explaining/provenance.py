"""Provenance: what a number drew on, back to the picture, the words and the weights.

Two things are said of every value on the way. *Reach*: which of its elements the number depends on at all, by the
structure of the operations (the receptive field). *Contribution*: element × ∂(the number)/∂(element). Where only linear
operations lie between, the contributions with those of the biases add up to the number: they are its exact shares.
Where a non-linear operation lies between they are its gradient's view of it, and `remainder` says by how much they
miss.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.explaining.explain import Index, bench, forward, located
from liuli.explaining.explainer import NotExplained, Workbench, words
from liuli.explaining.families.linear import Contraction
from liuli.explaining.families.mapped import Mapped
from liuli.explaining.families.moving import Embedding, Moved
from liuli.explaining.families.normalization import Normalization
from liuli.explaining.families.pooling import MeanPool
from liuli.explaining.whatif import rerun
from liuli.tracing.parts import Address, Operation, Value
from liuli.tracing.record import Record

SUMS = words("add sub rsub")
LINEAR = {*SUMS, *words("neg positive sum mean cumsum dropout to type type_as float double adaptive_avg_pool2d")}
Reach = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Step:
    """One number on the way back."""

    address: str
    index: tuple[int, ...]
    number: float
    contribution: float


@dataclass(frozen=True, eq=False)
class Provenance:
    """What one number drew on.

    Attributes:
        address: of the value.
        index: of the number in it.
        number: as captured.
        reach: for each value on the way back, which elements the number depends on: bool, of the value's shape.
        contributions: for each of them element × gradient, of the value's shape; a whole-numbered input that names rows
            of a table (words) has those of its rows, summed.
        linear: the values between which and the number lie only linear operations: their contributions are exact.
        nonlinear: the operations, in order, at which contributions are the gradient's view.
        remainder: the number less the contributions of inputs, biases and tables; 0 where all is linear.
        path: from the number back to an input, each time through the operand that contributes most.
    """

    address: str
    index: tuple[int, ...]
    number: float
    reach: Reach
    contributions: dict[str, Tensor]
    linear: frozenset[str]
    nonlinear: tuple[Operation, ...]
    remainder: float
    path: tuple[Step, ...]

    def shares(self, address: str) -> Tensor:
        """Contributions as parts of their absolute sum: how much each element had of it, in [−1, 1]."""
        found = self.contributions[address]
        whole = found.abs().sum()
        return found / whole if whole else found

    def field(self, address: str) -> tuple[slice, ...]:
        """The smallest box that holds the reach in the value at `address`: a unit's receptive field in a picture."""
        places = np.nonzero(self.reach[address])
        return tuple(slice(int(one.min()), int(one.max()) + 1) if len(one) else slice(0, 0) for one in places)


def provenance(record: Record, value: Value | str, index: Index = ()) -> Provenance:
    """What the number at `index` of `value` drew on.

    Raises:
        UserError: there is no such element, or an operation on the way cannot run again from the record.
    """
    value = record.value(value) if isinstance(value, str) else value
    flat = located(value, index)
    work = bench(record)
    reach = reached(work, value, flat)
    slopes = gradients(record, value, flat, reach)
    found = {address: record.value(address).tensor * slope for address, slope in slopes.items()}
    linear, nonlinear = linearity(work, value, reach)
    number = float(work.source(value.address).array[flat])
    summed = [one for one in record.values() if one.address in found and one.producer is None and adds(work, one)]
    remainder = number - sum(float(found[one.address].double().sum()) for one in summed)
    found |= of_words(work, found)
    place = work.source(value.address).index(flat)
    path = tuple(strongest(work, value, flat, found))
    return Provenance(value.address, place, number, reach, found, linear, nonlinear, remainder, path)


def reached(work: Workbench, value: Value, flat: int) -> Reach:
    """For the number and each value before it, the elements that it depends on."""
    record = work.record
    marks: Reach = {value.address: np.zeros(prod(value.shape), dtype=np.bool_)}
    marks[value.address][flat] = True
    for operation in reversed(before(value)):
        for output, address in enumerate(operation.outputs):
            if address in marks and address not in operation.inputs:
                for source, places in sources(work, operation, output, np.nonzero(marks[address])[0]).items():
                    if source not in marks:
                        marks[source] = np.zeros(prod(record.value(source).shape), dtype=np.bool_)
                    marks[source][places] = True
    return {address: mask.reshape(record.value(address).shape) for address, mask in marks.items()}


def before(value: Value) -> list[Operation]:
    """The operations up to the one that made `value`."""
    made = value.producer
    return made.record.operations[: made.index + 1] if made else []


def sources(
    work: Workbench, operation: Operation, output: int, flats: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """The elements of its operands that these elements of an output depend on."""
    try:
        explainer = work.explainer(operation)
        found = {} if explainer.leaf else explainer.reach(output, flats)
    except NotExplained:  # nothing is known: all of it may matter
        found = {address: np.arange(prod(work.record.value(address).shape)) for address in operation.inputs}
    words_read = operation.arguments.get("input") if operation.name == "embedding" else None
    if isinstance(words_read, Address):
        found[words_read] = np.unique(flats // operation.shapes[0][-1])
    return {address: places for address, places in found.items() if address in operation.inputs}


def gradients(record: Record, value: Value, flat: int, reach: Reach) -> dict[str, Tensor]:
    """∂(the number)/∂(each element) for every value that it depends on, by running the operations again."""
    starts = [one for one in record.values() if one.producer is None and one.address in reach]
    made: dict[Address, Tensor] = {}
    with torch.enable_grad():
        for one in starts:
            if one.dtype.is_floating_point and one.origin != "buffer":
                made[Address(one.address)] = one.tensor.clone().requires_grad_(True)
        made = rerun(record, made, value.producer.index if value.producer else -1)
        target = made.get(Address(value.address))
        if target is None or not target.requires_grad:
            return {}
        wanted = [address for address in made if address in reach and made[address].requires_grad]
        tensors = [made[address] for address in wanted]
        found = torch.autograd.grad(target.reshape(-1)[flat], tensors, allow_unused=True)
    return {address: slope for address, slope in zip(wanted, found, strict=True) if slope is not None}


def adds(work: Workbench, value: Value) -> bool:
    """Whether a value from outside is added up on the way (an input, a bias, a table), rather than multiplied with."""
    return value.origin == "input" or any(added(work, value.address, user) for user in value.users)


def added(work: Workbench, address: str, user: Operation) -> bool:
    """Whether an operation adds the value at `address` to others, or hands it on to one that does."""
    if user.name in SUMS:
        return True
    try:
        explainer = work.explainer(user)
    except NotExplained:
        return False
    match explainer:
        case Contraction():
            return explainer.added is not None and explainer.added[0].address == address
        case Normalization():
            return explainer.beta is not None and explainer.beta.address == address
        case Embedding():
            return True
        case Moved():
            made = [work.record.value(one) for one in user.outputs]
            return any(added(work, one.address, later) for one in made for later in one.users)
        case _:
            return False


def linearity(work: Workbench, value: Value, reach: Reach) -> tuple[frozenset[str], tuple[Operation, ...]]:
    """The values from which only linear operations lead to the number, and the operations that are not."""
    depends = {one.address for one in work.record.inputs}
    nonlinear = []
    straight = {value.address: True}
    on_the_way = [one for one in before(value) if any(address in reach for address in one.outputs)]
    for operation in on_the_way:
        if any(address in depends for address in operation.inputs):
            depends.update(operation.outputs)
    for operation in reversed(on_the_way):
        own = is_linear(work, operation, depends)
        if not own:
            nonlinear.append(operation)
        good = own and all(straight.get(address, True) for address in operation.outputs)
        for address in operation.inputs:
            straight[address] = straight.get(address, True) and good
    return frozenset(address for address, good in straight.items() if good), tuple(reversed(nonlinear))


def is_linear(work: Workbench, operation: Operation, depends: set[str]) -> bool:
    """Whether an operation is linear, up to a constant, in what it takes from the inputs."""
    varying = [address for address in operation.inputs if address in depends]
    if operation.name in LINEAR or not varying:
        return True
    if operation.name in ("mul", "div"):
        return len(varying) == 1 and (operation.name == "mul" or varying[0] == operation.arguments["input"])
    try:
        explainer = work.explainer(operation)
    except NotExplained:
        return False
    if isinstance(explainer, Normalization):
        return explainer.kept is not None
    return isinstance(explainer, Moved | MeanPool | Mapped) or (
        isinstance(explainer, Contraction) and len(varying) == 1
    )


def of_words(work: Workbench, contributions: dict[str, Tensor]) -> dict[str, Tensor]:
    """What each word contributed, where it was given: the contributions of the row that it names, summed."""
    found: dict[str, Tensor] = {}

    def add(address: str, share: Tensor) -> None:
        found[address] = found[address] + share if address in found else share

    for operation in reversed(work.record.operations):
        made = contributions.get(operation.outputs[0]) if operation.name == "embedding" else None
        name = operation.arguments.get("input")
        if made is not None and isinstance(name, Address):
            add(name, made.sum(-1))
        for output, address in enumerate(operation.outputs):
            if address in found and isinstance(explainer := work.explainer(operation), Moved):
                which, place = (torch.from_numpy(array) for array in explainer.origins[output])
                for number, source in enumerate(explainer.addresses):
                    share = torch.zeros(prod(work.record.value(source).shape), dtype=found[address].dtype)
                    share.index_add_(0, place[which == number], found[address].reshape(-1)[which == number])
                    add(source, share.view(work.record.value(source).shape))
    return found


def strongest(work: Workbench, value: Value, flat: int, contributions: dict[str, Tensor]) -> list[Step]:
    """From the number back, each time to the operand that is no weight and contributes most."""
    steps = []
    contribution = float(work.source(value.address).array[flat])
    while True:
        source = work.source(value.address)
        steps.append(Step(value.address, source.index(flat), float(source.array[flat]), contribution))
        if value.producer is None:
            return steps
        best: tuple[float, str, int] | None = None
        for operand in forward(work, value, flat).operands:
            known = contributions.get(operand.address)
            inner = work.record.value(operand.address).origin in ("operation", "input")
            if known is None or not inner or operand.address == value.address:
                continue
            size = abs(float(known.reshape(-1)[operand.flat]))
            if best is None or size > best[0]:
                best = (size, operand.address, operand.flat)
        if best is None:
            return steps
        value, flat = work.record.value(best[1]), best[2]
        contribution = float(contributions[best[1]].reshape(-1)[flat])
