"""The source of every `forward` that ran, as far as it is at hand: where the lines of a record stand."""

from __future__ import annotations

import ast
import linecache
from functools import cache

from liuli.files import Json
from liuli.tracing.parts import Line, Operation
from liuli.tracing.record import Record


class Sources:
    """The functions whose lines made values, each once, numbered in the order in which they were first run."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, int], int] = {}
        self.json: list[Json] = []

    def place(self, operation: Operation) -> Json:
        """Where an operation stands: [number of the function, line], for its own line and those of the calls to it."""
        found = [self.find(line) for line in operation.stack if not line.in_torch]
        return [place for place in found if place is not None]

    def find(self, line: Line) -> tuple[int, int] | None:
        """The function around `line`, and the line's number."""
        span = around(line.file, line.number)
        if span is None:
            return None
        key = (line.file, span[0])
        if key not in self.numbers:
            self.numbers[key] = len(self.json)
            lines = [linecache.getline(line.file, number).rstrip() for number in range(span[0], span[1] + 1)]
            self.json.append({"function": line.function, "first": span[0], "lines": dedented(lines)})
        return self.numbers[key], line.number


def sources(record: Record) -> tuple[list[Json], dict[int, Json]]:
    """The functions, and the places of every operation in them."""
    found = Sources()
    places = {operation.index: found.place(operation) for operation in record.operations}
    return found.json, places


@cache
def functions(file: str) -> list[tuple[int, int]]:
    """First and last line of every function of a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return []
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return [(node.lineno, node.end_lineno or node.lineno) for node in ast.walk(tree) if isinstance(node, kinds)]


@cache
def around(file: str, number: int) -> tuple[int, int] | None:
    """The innermost function around a line; the line itself where it stands in none."""
    inside = [span for span in functions(file) if span[0] <= number <= span[1]]
    if inside:
        return max(inside)
    return (number, number) if linecache.getline(file, number) else None


def dedented(lines: list[str]) -> list[str]:
    """Without the indentation that all lines share."""
    share = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[share:] for line in lines]
