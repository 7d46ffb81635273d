"""What a page sent, field by field: each of its kind and within its bounds, or a sentence that says which is not."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.errors import UserError, nearest
from liuli.files import Json
from liuli.lab.packing import TYPES


class Asked:
    """The fields of a JSON object.

    Args:
        fields: as they were sent.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    @classmethod
    def of(cls, given: bytes | str) -> Asked:
        """What was sent.

        Raises:
            UserError: it is no JSON object.
        """
        try:
            fields = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise UserError("expected JSON, such as the page of the playground sends") from error
        if not isinstance(fields, dict):
            raise UserError("expected a JSON object, such as the page of the playground sends")
        return cls(fields)

    def number(self, name: str, low: float, high: float) -> float:
        """A number from `low` to `high`.

        Raises:
            UserError: it is none.
        """
        return number(self.fields.get(name), name, low, high)

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`.

        Raises:
            UserError: it is none.
        """
        found = self.number(name, low, high)
        if found != int(found):
            raise UserError(f"{name}: {found} was sent, expected a whole number from {low:,} to {high:,}")
        return int(found)

    def choice(self, name: str, known: Collection[str]) -> str:
        """One of `known`.

        Raises:
            UserError: it is none of them.
        """
        found = self.fields.get(name)
        if not isinstance(found, str) or found not in known:
            raise UserError(f"{name}: {str(found)[:40]!r} is not known; {nearest(str(found)[:40], known)}")
        return found

    def several(self, name: str, most: int) -> Sequence[Any]:
        """A list of at most so many.

        Raises:
            UserError: it is none, or longer.
        """
        found = self.fields.get(name)
        if not isinstance(found, list):
            raise UserError(f"{name}: expected a list")
        if len(found) > most:
            raise UserError(f"{name}: {len(found):,} were sent, expected {most:,} at most")
        return found


def number(found: Any, name: str, low: float, high: float) -> float:
    """The number that was sent.

    Raises:
        UserError: it is none, or not from `low` to `high`.
    """
    if isinstance(found, bool) or not isinstance(found, int | float) or not low <= found <= high:
        raise UserError(f"{name}: {str(found)[:40]} was sent, expected a number from {low:,} to {high:,}")
    return float(found)


def packed(content: dict[str, Json], arrays: Sequence[NDArray[Any]]) -> bytes:
    """JSON and arrays in one answer: the length of the JSON (4 bytes), it, filled up to a multiple of 8, the arrays.

    The JSON says in "arrays" of each its type, shape and first byte behind the JSON.
    """
    places, start = [], 0
    for array in arrays:
        places.append({"type": TYPES[array.dtype.name], "shape": array.shape, "start": start})
        start += -(-array.nbytes // 8) * 8
    text = json.dumps({**content, "arrays": places}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    head = text.encode()
    head += b" " * (-(len(head) + 4) % 8)
    return struct.pack("<I", len(head)) + head + b"".join(filled(array) for array in arrays)


def filled(array: NDArray[Any]) -> bytes:
    """The bytes of an array, little end first, up to a multiple of 8."""
    content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return content + bytes(-len(content) % 8)
