"""A person's own rows of numbers, brought into the order of the columns that a network learnt from.

They come as a CSV file, with or without the names of the columns; as JSON, an object by column or a list of numbers, or
several of them in a list; or typed, as either of the two: `5.1,3.5,1.4,0.2`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from liuli.data import plain_text, tables
from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.files import contents
from liuli.tasks.examples import Example

ENDINGS = tables.ENDINGS | {".json"}


def read(source: Path | bytes | str, facts: Facts, name: str) -> list[Example]:
    """Each row as an example of one tensor, float32 (1, d).

    Args:
        source: a file, the bytes of one, or what was typed.
        facts: of the data that the network learnt from; `details["columns"]` names the features.
        name: that messages call it by.

    Raises:
        UserError: it is not there, is no table, lacks a column, or a cell is no number; says the line.
    """
    columns: list[str] = list(facts.details["columns"])
    expected = f"expected {len(columns)} numbers ({tables.named(columns)})"
    if isinstance(source, Path) and not source.exists():
        raise UserError(f"{source}: there is no such file; expected a CSV or JSON file, or the numbers themselves")
    if isinstance(source, str):
        text, name = source, f"'{source}'"
    else:
        content = contents(source) if isinstance(source, Path) else source
        text = plain_text.decoded(content, name, tables.REMEDY)
    if text.lstrip()[:1] in ("[", "{"):
        found = from_json(text, columns, name, expected)
    else:
        sheet = tables.sheet(text, name)
        if isinstance(source, str) and sheet.columns is not None and not sheet.lines:
            raise UserError(f"{name}: is no file that is there, and no row of numbers, {expected}")
        found = from_csv(sheet, columns, expected)
    alone = source if isinstance(source, str) else name
    return [
        Example(alone if len(found) == 1 else f"{alone}, {where}", (torch.tensor([numbers], dtype=torch.float32),))
        for where, numbers in found
    ]


def from_csv(sheet: tables.Sheet, columns: Sequence[str], expected: str) -> list[tuple[str, list[float]]]:
    """The rows of a table by line; where it names its columns their order is free, and more of them do no harm."""
    if sheet.columns is not None and not sheet.lines:
        raise UserError(f"{sheet.name}: holds no row of numbers, {expected}")
    header = list(columns) if sheet.columns is None else sheet.columns
    if lacking := [column for column in columns if column not in header]:
        raise UserError(f"{sheet.name}: has no column '{lacking[0]}', {expected}")
    places = [header.index(column) for column in columns]
    rows = []
    for line in sheet.lines:
        if len(line.cells) != len(header):
            wanted = expected if sheet.columns is None else f"expected {len(header)}"
            raise UserError(f"{sheet.name}, line {line.number}: has {len(line.cells)} cells, {wanted}")
        rows.append((f"line {line.number}", tables.numbers(sheet, line, columns, places)))
    return rows


def from_json(text: str, columns: Sequence[str], name: str, expected: str) -> list[tuple[str, list[float]]]:
    """The rows of a JSON text by their place in it."""
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise UserError(f"{name}: is no JSON ({error}), {expected}") from error
    rows = value if isinstance(value, list) and value and isinstance(value[0], list | dict) else [value]
    found = []
    for number, row in enumerate(rows, 1):
        where = f"{name}, row {number}" if len(rows) > 1 else name
        if isinstance(row, dict):
            if lacking := [column for column in columns if column not in row]:
                raise UserError(f"{where}: has no '{lacking[0]}', {expected}")
            row = [row[column] for column in columns]
        if not isinstance(row, list) or len(row) != len(columns):
            raise UserError(f"{where}: holds {len(row) if isinstance(row, list) else 'no'} numbers, {expected}")
        for column, cell in zip(columns, row, strict=True):
            if type(cell) not in (int, float) or not abs(cell) <= tables.LARGEST:
                raise UserError(f"{where}: '{column}' is {json.dumps(cell)}, expected a number")
        found.append((f"row {number}", [float(cell) for cell in row]))
    return found


def spelled(numbers: Sequence[float], facts: Facts) -> str:
    """A row, each number after the name of its column."""
    cells = zip(facts.details["columns"], numbers, strict=True)
    return ", ".join(f"{column} {number:g}" for column, number in cells)


def only(examples: Sequence[Example], name: str) -> Example:
    """The one row that was asked for.

    Raises:
        UserError: there are more.
    """
    if len(examples) > 1:
        raise UserError(f"{name}: holds {len(examples):,} rows, expected one; give it alone, or type its numbers")
    return examples[0]
