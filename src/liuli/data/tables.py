"""Tables: rows of numbers under named columns, out of a CSV file; in a file to learn from, one column names the class.

Columns are separated by commas, semicolons or tabs, whichever the first line has most of. Every fault is told with
file and line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liuli.data import plain_text
from liuli.data.dataset import Data, Facts, Split
from liuli.errors import UserError, nearest
from liuli.files import contents, sha256

ENDINGS = frozenset([".csv", ".tsv"])
TEST_SHARE = 0.2
LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32
REMEDY = "save the table as 'CSV UTF-8'"
SHOWN = 12  # columns named in a message, at most


@dataclass(frozen=True)
class Line:
    """One row of a table as it stands in the file.

    Attributes:
        number: of the line, from 1; of a row over several lines, the last of them.
        cells: as text, without spaces around.
    """

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Attributes:
        name: that messages call it by.
        columns: from the first line; None where that holds numbers like the others.
        lines: that are not empty.
    """

    name: str
    columns: list[str] | None
    lines: list[Line]


def sheet(text: str, name: str) -> Sheet:
    """Take the text of a CSV file apart.

    Raises:
        UserError: it is empty, or is no CSV.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count), skipinitialspace=True)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(Line(reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise UserError(f"{name}, line {reader.line_num}: is no CSV ({error})") from error
    if not lines:
        raise UserError(f"{name}: is empty, expected a table of numbers")
    if all(is_number(cell) for cell in lines[0].cells):
        return Sheet(name, None, lines)
    return Sheet(name, lines[0].cells, lines[1:])


def opened(path: Path, name: str) -> Sheet:
    """Take a CSV file apart.

    Raises:
        UserError: it cannot be read, is empty, or is no CSV.
    """
    return sheet(plain_text.decoded(contents(path), name, REMEDY), name)


def is_number(text: str) -> bool:
    """Whether `float` takes it; 'nan' counts, so that it is refused as a number and not taken for a name."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers(found: Sheet, line: Line, columns: Sequence[str], places: Sequence[int]) -> list[float]:
    """The numbers that stand at `places` in a line, under `columns`.

    Raises:
        UserError: a cell is missing, is empty, or is no finite number.
    """
    values = []
    for column, place in zip(columns, places, strict=True):
        cell = line.cells[place]
        value = float(cell) if is_number(cell) else np.inf
        if not abs(value) <= LARGEST:
            said = f"is '{cell}'" if cell else "is empty"
            raise UserError(f"{found.name}, line {line.number}: column '{column}' {said}, expected a number")
        values.append(value)
    return values


def named(columns: Iterable[str]) -> str:
    """Names of columns for a message."""
    columns = list(columns)
    return ", ".join(columns[:SHOWN]) + ", …" * (len(columns) > SHOWN)


def load(path: Path, target: str | None) -> Data:
    """A table of a user's own: the column `target` holds the classes, all others hold numbers.

    A fifth of the rows, stratified by class and drawn once for all, is the test part.

    Raises:
        UserError: it is no such table; says the file and the line.
    """
    from liuli.data.order import hold_out

    found = opened(path, str(path))
    header = checked_columns(found)
    if target is None:
        raise UserError(f"{path}: which column holds the classes? Name it with --target; there are {named(header)}")
    if target not in header:
        raise UserError(f"{path}: has no column '{target}'; {nearest(target, header)}")
    place = header.index(target)
    columns = [name for name in header if name != target]
    places = [index for index in range(len(header)) if index != place]
    inputs, labels = [], []
    for line in found.lines:
        if len(line.cells) != len(header):
            raise UserError(f"{found.name}, line {line.number}: has {len(line.cells)} cells, expected {len(header)}")
        inputs.append(numbers(found, line, columns, places))
        labels.append(line.cells[place])
        if not labels[-1]:
            raise UserError(f"{found.name}, line {line.number}: column '{target}' is empty, expected a class")
    classes = classes_of(labels, path, target)
    targets = np.array([classes.index(label) for label in labels], dtype=np.int64)
    whole = Split(np.array(inputs, dtype=np.float64), targets)  # (N, d)
    facts = Facts(path.name, "", sha256(path), "table", "", (len(columns),), classes, {"columns": columns})
    return Data(facts, *hold_out(whole, TEST_SHARE, seed=0))


def checked_columns(found: Sheet) -> list[str]:
    """The names of the columns, each different.

    Raises:
        UserError: there are none, or two are alike.
    """
    if found.columns is None:
        raise UserError(
            f"{found.name}, line {found.lines[0].number}: holds numbers, expected the names of the columns; write them "
            "in a first line, such as length,width,class"
        )
    for name in found.columns:
        if not name or found.columns.count(name) > 1:
            said = f"column '{name}' stands there twice" if name else "a column has no name"
            raise UserError(
                f"{found.name}, line 1: {said}, expected a name of its own for each; where the first line holds no "
                "names, write one above it"
            )
    if len(found.columns) < 2 or not found.lines:
        raise UserError(f"{found.name}: holds no rows of numbers, expected some under the names of the columns")
    return found.columns


def classes_of(labels: Sequence[str], path: Path, target: str) -> tuple[str, ...]:
    """The classes, numbers in their order and names by the alphabet.

    Raises:
        UserError: there is one only, or a class has one row only, so that there is nothing to test on.
    """
    counts = {label: labels.count(label) for label in set(labels)}
    if len(counts) < 2:
        raise UserError(f"{path}: column '{target}' is '{labels[0]}' in every row, expected two classes or more")
    rare = sorted(label for label, count in counts.items() if count < 2)
    if rare:
        raise UserError(
            f"{path}: of {len(counts)} classes in column '{target}' {len(rare)} have one row only ({named(rare)}), "
            "expected two rows or more: one to learn from and one to test on"
        )
    return tuple(sorted(counts, key=(lambda one: float(one)) if all(map(is_number, counts)) else str))
