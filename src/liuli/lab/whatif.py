"""What if: some numbers of a record are set, the network runs again, and the two records are compared."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from liuli.errors import LiuliError, UserError
from liuli.files import Json
from liuli.lab.beginnings import Names, sequences
from liuli.lab.limits import MOST_CHANGES, MOST_EDITS
from liuli.lab.manifest import Subject
from liuli.lab.packing import finite
from liuli.tracing.parts import Value
from liuli.tracing.record import Record

LONGEST_WORD = 100  # characters
FEW = 6  # classes whose probabilities are told
SET = ("input", "parameter", "buffer", "operation")  # what has numbers that can be set


@dataclass(frozen=True)
class Edit:
    """One number that is set: `number` in the place of what the record has at `index` (row-major) of `address`."""

    address: str
    index: int
    number: float
    was: float


def edits_of(given: bytes | str, record: Record, names: Names) -> list[Edit]:
    """What was asked: {"edits": [{"address": "%3", "index": 17, "number": 0.5}]}; or "word", where words are read.

    Raises:
        UserError: it is not of that form, or the record has no such number, or it can not be that.
    """
    try:
        asked = [
            (one["address"], one["index"], one.get("number"), one.get("word")) for one in json.loads(given)["edits"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError('expected JSON such as {"edits": [{"address": "%3", "index": 17, "number": 0.5}]}') from error
    if not 0 < len(asked) <= MOST_EDITS:
        raise UserError(f"{len(asked)} numbers were given, expected 1 to {MOST_EDITS}")
    return [
        edit(record, address, index, number if word is None else number_of(record, names, address, word))
        for address, index, number, word in asked
    ]


def number_of(record: Record, names: Names, address: Any, word: Any) -> int:
    """The number that stands for a word in a value that goes into an embedding.

    Raises:
        UserError: no words are read there, or the network knows no such word.
    """
    if not isinstance(address, str) or not isinstance(word, str) or len(word) > LONGEST_WORD:
        raise UserError(f"expected an address and a word of at most {LONGEST_WORD} characters")
    key = sequences(record, names).vocabularies.get(record.value(address).address)
    if key is None:
        raise UserError(f"{address}: its numbers stand for no words; give a number")
    known = list(names[key])
    folded = [one.casefold() for one in known]
    for wanted, among in ((word, known), (f" {word}", known), (word.casefold(), folded)):
        if wanted in among:
            return among.index(wanted)
    close = get_close_matches(word.casefold(), folded, 1, 0.6)
    hint = f"did you mean '{known[folded.index(close[0])]}'?" if close else "give one that it has learnt"
    raise UserError(f"the network knows no word '{word}'; {hint}")


def edit(record: Record, address: Any, index: Any, number: Any) -> Edit:
    """One number that is set, once it is known that it can be.

    Raises:
        UserError: it cannot.
    """
    if not isinstance(address, str) or type(index) is not int or type(number) not in (int, float):
        raise UserError("expected an address, a whole number for the place, and a number to set there")
    value = record.value(address)
    made = value.producer
    if value.origin not in SET or (made is not None and (made.name in ("alias", "opaque"))):
        raise UserError(f"{value.address}: its numbers cannot be set; set those of what it is made from or goes into")
    size = math.prod(value.shape)
    if not 0 <= index < size:
        raise UserError(f"{value.address}[{index}]: there is no such number; it has {size:,}")
    try:
        wanted = float(number)
    except OverflowError:
        wanted = math.inf
    fits(value, wanted)
    return Edit(value.address, index, wanted, float(value.tensor.reshape(-1)[index]))


def fits(value: Value, number: float) -> None:
    """Raise UserError unless a value's type can hold `number`."""
    kind = str(value.dtype).removeprefix("torch.")
    if not math.isfinite(number):
        raise UserError(f"{value.address}: {number} is no finite number")
    if value.dtype.is_complex:
        raise UserError(f"{value.address}: holds complex numbers, which cannot be set here")
    if value.dtype is torch.bool:
        low, high = 0.0, 1.0
    else:
        info = torch.finfo(value.dtype) if value.dtype.is_floating_point else torch.iinfo(value.dtype)
        low, high = info.min, info.max
    if not low <= number <= high:
        raise UserError(f"{value.address}: {number} lies outside of what {kind} holds, {low:g} to {high:g}")
    if not value.dtype.is_floating_point and number != int(number):
        raise UserError(f"{value.address}: holds whole numbers ({kind}), and {number} is none")


def whatif(record: Record, subject: Subject, edits: Sequence[Edit]) -> tuple[Record, Subject]:
    """The record and what is said of it, had these numbers been others: the network itself runs again.

    Raises:
        UserError: the network is no longer at hand, or fails with these numbers.
    """
    if subject.scene is None:
        raise UserError("the network of this record is not at hand any more; ask it once more")
    scene, numbers = subject.scene, dict[str, dict[int, float]]()
    for one in edits:
        numbers.setdefault(one.address, {})[one.index] = one.number
    own = all(record.value(address).origin in ("parameter", "buffer") for address in numbers)
    with scene.beginning.restored(record, numbers) as again:
        try:
            other = again.trace()
        except LiuliError:
            raise
        except Exception as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(f"with these numbers the network fails: {said}") from error
        return other, scene.told(other, own)


def told(before: Record, after: Record, subjects: tuple[Subject, Subject], edits: Sequence[Edit]) -> Json:
    """The two records compared: what was set, both answers, and the values that changed most, the most first."""
    parted, found = changes(before, after, {one.address for one in edits})
    return {
        "edits": [{**vars(one), "was": finite(one.was)} for one in edits],
        "answers": {
            "before": subjects[0].answer,
            "after": subjects[1].answer,
            "shares": shares(before, after, subjects),
        },
        "changed": found[:MOST_CHANGES],
        "count": len(found),
        "of": sum(1 for value in before.values() if value.origin == "operation"),
        "parted": parted,
    }


def shares(before: Record, after: Record, subjects: tuple[Subject, Subject]) -> Json:
    """The probabilities of the likeliest classes in both; none where there are none."""
    labels = subjects[0].labels
    if not subjects[0].shares or subjects[0].shares != subjects[1].shares:
        return []
    one, other = (record.value(subjects[0].shares).tensor.double().reshape(-1) for record in (before, after))
    if not len(one) == len(other) == len(labels):
        return []
    order = torch.maximum(one, other).nan_to_num().argsort(descending=True, stable=True)[:FEW].tolist()
    return [{"label": labels[i], "before": finite(one[i]), "after": finite(other[i])} for i in order]


def changes(before: Record, after: Record, edited: set[str]) -> tuple[str | None, list[Json]]:
    """Where the network took another way than before, and how much each value changed that both records have.

    The measure is ‖after − before‖ / max(‖before‖, ‖after‖), in [0, 2]; None where a number is not finite.
    """
    known = {value.address: value for value in after.values()}
    parted, found = None, []
    for value in before.values():
        other = known.get(value.address)
        if value.origin != "operation" or value.address in edited or not value.dtype.is_floating_point:
            continue
        if other is None or other.shape != value.shape or not same_maker(value, other):
            parted = parted or value.address
            continue
        size, largest = apart(value.tensor, other.tensor)
        if size:
            found.append({"address": value.address, "relative": finite(size), "largest": finite(largest)})
    return parted, sorted(found, key=lambda one: -(math.inf if one["relative"] is None else one["relative"]))


def same_maker(value: Value, other: Value) -> bool:
    """Whether both were made by the same operation in the same module."""
    one, two = value.producer, other.producer
    return one is not None and two is not None and (one.name, one.path) == (two.name, two.path)


def apart(before: Tensor, after: Tensor) -> tuple[float, float]:
    """How far two tensors lie apart: by the measure of `changes`, and the largest difference of one number."""
    one, two = before.double().reshape(-1), after.double().reshape(-1)
    gap = (two - one).masked_fill((one == two) | (one.isnan() & two.isnan()), 0.0)
    largest = float(gap.abs().max()) if gap.numel() else 0.0
    if not largest:
        return 0.0, 0.0
    norm = max(float(one.masked_fill(one.isinf(), 0.0).norm()), float(two.masked_fill(two.isinf(), 0.0).norm()))
    size = float(gap.norm()) / norm if norm else math.inf
    return (math.inf if math.isnan(size) else size), largest


def difference(before: Value, after: Value, gradient: bool) -> Tensor | None:
    """after − before, in float64 as far as JavaScript reads it; None where one has no numbers.

    Raises:
        UserError: they are of different shapes.
    """
    one, two = (before.grad, after.grad) if gradient else (before.tensor, after.tensor)
    if one is None or two is None:
        return None
    if one.shape != two.shape:
        raise UserError(f"{before.address}: has another shape than before, {tuple(two.shape)} for {tuple(one.shape)}")
    wide = torch.complex128 if one.is_complex() else torch.float64
    return two.to(wide) - one.to(wide)
