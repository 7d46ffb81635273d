"""What if: change an input, a weight or a value in between, run the record again from there, compare.

The operations run again are those of the record, in their order: a branch that the module's own code would now take
otherwise is not taken, and numbers drawn at random stay as they were drawn.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from liuli.errors import UserError
from liuli.explaining.explain import bench, located
from liuli.explaining.explainer import NotExplained, Workbench
from liuli.explaining.families.memory import Alias
from liuli.explaining.replay import again
from liuli.tracing.parts import Address, Operation, Value
from liuli.tracing.record import Parts, Record
from liuli.tracing.store import Store

Change = Tensor | float | Mapping[tuple[int, ...], float]


def whatif(record: Record, changes: Mapping[str, Change]) -> Record:
    """The record as it would be, had the values at these addresses been others.

    Args:
        record: any record.
        changes: by address, a tensor of the value's shape, one number for all of it, or numbers by index.

    Returns:
        A record with the same addresses, without gradients.

    Raises:
        UserError: there is no such value or element, a tensor has another shape, or an operation that would have to run
            again is not PyTorch's.
    """
    given = {Address(record.value(name).address): changed(record.value(name), one) for name, one in changes.items()}
    with torch.no_grad():
        made = rerun(record, given)
    note = f"What if: run again with {', '.join(given)} changed; no gradients."
    return Record(lambda new: parts(record, new, made), [*record.notes, note], 0.0)


def changed(value: Value, change: Change) -> Tensor:
    """The tensor of a value with a change made to it."""
    tensor = value.tensor.clone()
    if isinstance(change, Tensor):
        if change.shape != tensor.shape:
            raise UserError(f"{value.address}: has shape {value.shape}, the change has shape {tuple(change.shape)}")
        return change.detach().to(tensor.dtype)
    if isinstance(change, Mapping):
        for index, number in change.items():
            tensor.view(-1)[located(value, index)] = number
        return tensor
    return tensor.fill_(change)


def rerun(record: Record, given: Mapping[Address, Tensor], last: int | None = None) -> dict[Address, Tensor]:
    """Every tensor that changes when those in `given` are what they are there; autograd follows where it is on.

    `last` is the index of the last operation that matters.
    """
    made = dict(given)
    work = bench(record)
    for operation in record.operations[: None if last is None else last + 1]:
        if any(address in made for address in operation.inputs) and not all(one in given for one in operation.outputs):
            for address, tensor in zip(operation.outputs, results(work, operation, made), strict=True):
                if address not in given:
                    made[address] = tensor
    return made


def results(work: Workbench, operation: Operation, made: Mapping[Address, Tensor]) -> Sequence[Tensor]:
    """What an operation gives now."""
    record = work.record

    def tensor(address: Address) -> Tensor:
        found = made.get(address)
        return record.value(address).tensor if found is None else found

    def own(address: Address) -> Tensor:  # what is written to in place must not be another value's
        return tensor(address).clone() if operation.in_place else tensor(address)

    if operation.draws:  # a dropout: the same numbers are silenced
        return [tensor(operation.inputs[0]) * record.value(operation.draws[0]).tensor]
    try:
        explainer = work.explainer(operation)
    except NotExplained:
        explainer = None
    if explainer is not None and explainer.leaf:
        return [tensor(address) for address in operation.outputs]
    if isinstance(explainer, Alias):
        ((which, place),) = explainer.origins
        sources = torch.cat([tensor(address).reshape(-1) for address in explainer.addresses])
        sizes = torch.tensor([0, *(record.value(address).tensor.numel() for address in explainer.addresses)]).cumsum(0)
        flat = sources[sizes[torch.from_numpy(which)] + torch.from_numpy(place)]
        return [flat.reshape(operation.shapes[0])]
    if not operation.function.startswith("torch."):
        raise UserError(
            f"%{operation.index}: {operation.name} in {operation.path or 'the module'} is not PyTorch's and cannot run "
            f"again from a record; trace the module anew with the change made"
        )
    return again(operation, own)


class Changed(Store):
    """The values of another record, some of them changed, none with a gradient."""

    def __init__(self, base: Record, made: Mapping[Address, Tensor]) -> None:
        super().__init__(budget=2**30)
        self.base, self.made = base, made
        self.kept = next(iter(base.values())).store.kept

    def tensor(self, address: str) -> Tensor:
        """See `Value.tensor`."""
        made = self.made.get(Address(address))
        return self.base.value(address).tensor if made is None else made.detach()

    def grad(self, address: str) -> Tensor | None:
        """There is none."""
        return None


def parts(record: Record, new: Record, made: Mapping[Address, Tensor]) -> Parts:
    """The parts of the new record: the old ones, bound to the changed numbers."""
    store = Changed(record, made)
    operations = [replace(operation, origin=weakref.ref(new)) for operation in record.operations]
    values = {value.address: replace(value, store=store, producer=None, users=[]) for value in record.values()}
    for old in record.values():
        value = values[old.address]
        value.producer = operations[old.producer.index] if old.producer else None
        value.users = [operations[user.index] for user in old.users]

    def same(group: Sequence[Value]) -> list[Value]:
        return [values[value.address] for value in group]

    return Parts(
        operations=operations,
        inputs=same(record.inputs),
        parameters=same(record.parameters),
        buffers=same(record.buffers),
        constants=same(record.constants),
        outputs=same(record.outputs),
        returned=dict(record.returned),
        loss=values[record.loss.address] if record.loss else None,
        modules=record.modules,
        opened=record.opened,
        values=values,
        kernels=lambda operation: record.kernels(record.operations[operation.index]),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one value lies apart in two records.

    Attributes:
        address: of the value in both.
        operation: that made it in the first; None for an input, a weight or a constant.
        largest: the largest absolute difference; inf where the shapes differ.
        relative: that, divided by the largest absolute number of both.
        share: of the elements that differ at all, in [0, 1].
    """

    address: str
    operation: Operation | None
    largest: float
    relative: float
    share: float


def compare(first: Record, second: Record) -> list[Difference]:
    """Two records of the same module, value by value in the order of execution; only what both have."""
    return list(differences(first, second))


def differences(first: Record, second: Record) -> Iterator[Difference]:
    """See `compare`."""
    known = {value.address for value in second.values()}
    for value in first.values():
        if value.address not in known:
            continue
        a, b = value.tensor, second.value(value.address).tensor
        if a.shape != b.shape:
            yield Difference(value.address, value.producer, float("inf"), float("inf"), 1.0)
        elif a.numel():
            a, b = a.double(), b.double()
            apart = (a - b).abs().masked_fill((a == b) | (a.isnan() & b.isnan()), 0.0)
            largest = float(apart.max())
            size = float(torch.maximum(a.abs().max(), b.abs().max()))
            share = float((apart != 0).double().mean())
            yield Difference(value.address, value.producer, largest, largest / size if size else 0.0, share)
