"""The questions that a record answers: how a number came to be, and how its gradient did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsIndex

import numpy as np
import torch

from liuli.errors import UserError
from liuli.explaining import families  # noqa: F401  (registers every explainer)
from liuli.explaining.explainer import NotExplained, Workbench
from liuli.explaining.explanation import Explanation
from liuli.explaining.expression import ONE, ZERO, Expression, Number, Operand, Product, Quotient, Source, Symbol, total
from liuli.explaining.fold import Fold
from liuli.explaining.formula import Formula, formula
from liuli.explaining.slopes import lives_on
from liuli.tracing.parts import Operation, Value
from liuli.tracing.record import Record

LEAVES = {
    "input": "given by the caller",
    "parameter": "a parameter of the module, learnt in training",
    "buffer": "a buffer of the module",
    "constant": "a constant from outside the module",
    "draw": "drawn at random",
}
GRADIENT = Formula(
    Quotient(Symbol("∂L"), Symbol("∂x")),
    Fold(
        "sum",
        "uses,j",
        Product((Quotient(Symbol("∂L"), Symbol("∂y", ("j",))), Quotient(Symbol("∂y", ("j",)), Symbol("∂x")))),
    ),
    (),
)

Index = SupportsIndex | Sequence[SupportsIndex]


def bench(record: Record) -> Workbench:
    """The workbench of a record, which lives as long as the record does."""
    found: Workbench = vars(record).setdefault("_workbench", None) or Workbench(record)
    vars(record)["_workbench"] = found
    return found


def explain(record: Record, value: Value | str, index: Index = (), direction: str = "forward") -> Explanation:
    """How the number at `index` of `value` came to be; with direction "backward", how ∂L/∂(that number) did.

    Args:
        record: made by `liuli.trace`.
        value: a value of the record, or its address.
        index: a position for each dimension (negative ones count from the end); () for a value of one number.
        direction: "forward" or "backward".

    Raises:
        UserError: there is no such value, or it has no such element.
    """
    if direction not in ("forward", "backward"):
        raise UserError(f"explain: direction={direction!r}, expected 'forward' or 'backward'")
    value = record.value(value) if isinstance(value, str) else value
    place = located(value, index)
    return (backward if direction == "backward" else forward)(bench(record), value, place)


def explain_gradient(record: Record, value: Value | str, index: Index = ()) -> Explanation:
    """How ∂L/∂(the number at `index` of `value`) came to be: see `explain`."""
    return explain(record, value, index, "backward")


def located(value: Value, index: Index) -> int:
    """The place of an element in row-major order.

    Raises:
        UserError: `index` is not one of `value`.
    """
    places = tuple(map(int, index)) if isinstance(index, Sequence) else (int(index),)
    shape = value.shape
    if not places and all(size == 1 for size in shape):
        places = (0,) * len(shape)
    inside = len(places) == len(shape) and all(-size <= one < size for one, size in zip(places, shape, strict=True))
    if not inside:
        asked = ",".join(map(str, places))
        raise UserError(
            f"{value.address}[{asked}]: no such element, the value has shape {tuple(shape)}; give {len(shape)} "
            f"{'position' if len(shape) == 1 else 'positions'} within it"
        )
    flat = 0
    for one, size in zip(places, shape, strict=True):
        flat = flat * size + one % size
    return flat


def smallest(value: Value) -> float:
    """The number below which `value`'s precision runs out of digits."""
    if not value.dtype.is_floating_point:
        return 0.0
    info = torch.finfo(value.dtype)
    return float(info.tiny / info.eps)


def forward(work: Workbench, value: Value, flat: int) -> Explanation:
    """How element `flat` of `value` came to be."""
    try:
        source = work.source(value.address)
    except NotExplained as reason:
        return unreadable(value, flat, "forward", str(reason))
    captured = float(source.array[flat])

    def made(
        kind: str, shown: Formula, expression: Expression, operation: Operation | None = None, note: str = ""
    ) -> Explanation:
        inputs = tuple(operation.inputs) if operation else ()
        index = source.index(flat)
        return Explanation(
            value.address, index, "forward", kind, operation, shown, expression, captured, note, inputs, smallest(value)
        )

    operation = value.producer
    itself = Operand(source, flat)
    if operation is None or value.origin == "draw":
        note = LEAVES.get(value.origin, "") + (f" by {operation.name}" if operation else "")
        return made("leaf", formula("y = x"), itself, None, note)
    try:
        explainer = work.explainer(operation)
        output = operation.outputs.index(value.address)
        shown, expression = explainer.explained(output, flat)
    except NotExplained as reason:
        return made("opaque", formula("y = x"), itself, operation, f"not explained: {reason}")
    return made("leaf" if explainer.leaf else "formula", shown, expression, operation, explainer.note)


def unreadable(value: Value, flat: int, direction: str, reason: str) -> Explanation:
    """Of a number that is none that formulas are written for."""
    index = Source(value.address, value.shape, np.zeros(0)).index(flat)
    nothing = Number(float("nan"))
    note = f"not explained: {reason}"
    inputs = tuple(value.producer.inputs) if value.producer else ()
    made = (direction, "opaque", value.producer, formula("y = x"), nothing, nothing.number, note, inputs)
    return Explanation(value.address, index, *made)


def backward(work: Workbench, value: Value, flat: int) -> Explanation:
    """How ∂L/∂(element `flat` of `value`) came to be: the sum over what its users make of it."""
    record = work.record
    try:
        upstream = work.gradient(value.address)
        work.source(value.address)
    except NotExplained as reason:
        return unreadable(value, flat, "backward", str(reason))
    captured = float(upstream.array[flat]) if upstream else float("nan")
    index = work.source(value.address).index(flat)
    if record.loss is None or upstream is None:
        why = "the record has no backward pass" if record.loss is None else "no gradient reached this value"
        return Explanation(value.address, index, "backward", "opaque", None, GRADIENT, Number(captured), captured, why)
    if value is record.loss:
        note = "the derivative of the loss with respect to itself"
        return Explanation(value.address, index, "backward", "leaf", None, GRADIENT, ONE, captured, note)
    uses: list[tuple[Operation, Expression]] = []
    unknown = []
    alias = lives_on(value)
    for operation in value.users if alias is None else [alias]:
        try:
            part = work.returned(operation, value.address, flat)
        except NotExplained as reason:
            unknown.append(f"%{operation.index} ({reason})")
        else:
            if part is not ZERO:
                uses.append((operation, part))
    note = f"not explained: what passes through {', '.join(unknown)}" if unknown else ""
    return Explanation(
        value.address,
        index,
        "backward",
        "opaque" if unknown else "formula",
        None,
        GRADIENT,
        total([part for _, part in uses]),
        captured,
        note,
        tuple(operation.outputs[0] for operation in value.users if operation.outputs),
        smallest(value),
        tuple(uses),
    )


def unit(record: Record, text: str) -> tuple[Value, tuple[int, ...]]:
    """The value and index that `ADDRESS[INDEX]` names: `%3[0,2,5,5]`, `conv1.weight[0,0,1,1]`, `input[0][0,3]`, `%12`.

    Raises:
        UserError: there is no such value, or INDEX is no list of whole numbers.
    """
    known = {value.address for value in record.values()}
    if text in known:
        return record.value(text), ()
    address, bracket, rest = text.rpartition("[")
    if not bracket or not rest.endswith("]"):
        return record.value(text), ()
    try:
        index = tuple(int(part) for part in rest[:-1].split(",") if part.strip())
    except ValueError:
        raise UserError(f"{text}: '{rest[:-1]}' is no index, expected whole numbers such as [0,3]") from None
    return record.value(address), index
