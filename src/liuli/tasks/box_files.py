"""Files of boxes with scores, as a detector of one's own may write them.

    CSV:  x1,y1,x2,y2,score,class in the first line, in any order; a box a line
    JSON: a list of objects with these keys, or an object whose "boxes" is such a list, as `liuli predict --json` has it

The column of classes may be left out; "confidence" is as good as "score". A class is a name that the run knows, or a
whole number.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from liuli.data import plain_text
from liuli.errors import UserError
from liuli.files import contents

ENDINGS = (".csv", ".json")
CORNERS = ("x1", "y1", "x2", "y2")
SCORES = ("score", "confidence")
LARGEST = 16 << 20  # bytes
MOST = 20_000  # boxes
HIGHEST = 1_000_000  # number of a class; float32 holds it exactly


def read(source: Path | bytes, classes: Sequence[str], name: str) -> list[list[float]]:
    """Every box: corners, score and the number of its class; numbers a user gives come after the run's own classes.

    Raises:
        UserError: it is no such file; says the line or the box.
    """
    content = source if isinstance(source, bytes) else contents(source)
    if len(content) > LARGEST:
        raise UserError(f"{name}: has {len(content):,} bytes, expected {LARGEST:,} at most")
    written = plain_text.decoded(content, name, "expected a CSV or JSON file of boxes")
    rows = in_json if written.lstrip()[:1] in ("[", "{") else in_csv
    boxes = [box(row, where, classes) for where, row in rows(written, name)]
    if not 1 <= len(boxes) <= MOST:
        raise UserError(f"{name}: holds {len(boxes):,} boxes, expected 1 to {MOST:,}")
    return boxes


def in_csv(written: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row, and where it stands."""
    rows = csv.reader(io.StringIO(written, newline=""), skipinitialspace=True, strict=True)
    try:
        heads = [one.strip().lower() for one in next(rows, [])]
        if missing := [one for one in CORNERS if one not in heads]:
            raise UserError(
                f"{name}, line 1: has no column {missing[0]}, expected x1,y1,x2,y2,score and, if there are some, class"
            )
        for row in rows:
            if not row:
                continue
            if len(row) != len(heads):
                raise UserError(f"{name}, line {rows.line_num}: has {len(row)} columns, expected {len(heads)}")
            yield f"{name}, line {rows.line_num}", dict(zip(heads, row, strict=True))
    except csv.Error as error:
        raise UserError(f"{name}, line {rows.line_num}: is no sound CSV ({error})") from error


def in_json(written: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object, and where it stands."""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}: is no sound JSON ({error})") from error
    rows = found.get("boxes") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise UserError(f'{name}: expected a list of boxes, or an object with one called "boxes"')
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UserError(f"{name}, box {number}: expected an object with x1, y1, x2, y2 and score")
        yield f"{name}, box {number}", row


def box(row: Mapping[str, Any], where: str, classes: Sequence[str]) -> list[float]:
    """Corners, score and class of one row."""
    x1, y1, x2, y2 = (number(row, (key,), where) for key in CORNERS)
    if x1 > x2 or y1 > y2:
        raise UserError(f"{where}: goes from {x1:g}, {y1:g} to {x2:g}, {y2:g}, expected x1 ≤ x2 and y1 ≤ y2")
    score = number(row, SCORES, where)
    if not 0 <= score <= 1:
        raise UserError(f"{where}: its score is {score:g}, expected 0 to 1")
    return [x1, y1, x2, y2, score, class_number(row.get("class", 0), where, classes)]


def number(row: Mapping[str, Any], keys: Sequence[str], where: str) -> float:
    """The number under the first of the keys that is there."""
    said = next((row[key] for key in keys if key in row), None)
    try:
        value = float(said) if isinstance(said, str | int | float) and not isinstance(said, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not abs(value) < 1e9:
        shown = "is missing" if said is None else f"is {str(said)!r:.40}"
        raise UserError(f"{where}: its {keys[0]} {shown}, expected a number")
    return value


def class_number(said: Any, where: str, classes: Sequence[str]) -> float:
    """Of a name its place among the run's classes; of a whole number itself, after them."""
    text = str(said).strip()
    if text in classes:
        return float(classes.index(text))
    if text.isascii() and text.isdigit() and int(text) < HIGHEST:
        return float(len(classes) + int(text))
    known = ", ".join(classes)
    raise UserError(f"{where}: its class is '{text:.40}', expected one of {known}, or a whole number below {HIGHEST:,}")


def class_name(label: int, classes: Sequence[str]) -> str:
    """What `class_number` was made of."""
    return classes[label] if label < len(classes) else str(label - len(classes))
