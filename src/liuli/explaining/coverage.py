"""Which operations of a record explain themselves, and which do not yet."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from liuli.explaining.explain import bench
from liuli.explaining.explainer import NotExplained, Workbench
from liuli.tracing.parts import Operation
from liuli.tracing.record import Record


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of operation.

    Attributes:
        name: canonical, as in `Operation.name`.
        count: how many there are in the record.
        explained: how many of them explain their numbers.
        leaf: whether nothing lies further back (a constant, a random draw).
        reasons: why the others do not, each once.
    """

    name: str
    count: int
    explained: int
    leaf: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """All kinds of operations of a record, the most frequent first."""

    rows: tuple[Row, ...]

    @property
    def count(self) -> int:
        """Operations in the record."""
        return sum(row.count for row in self.rows)

    @property
    def explained(self) -> int:
        """Operations that explain their numbers."""
        return sum(row.explained for row in self.rows)

    @property
    def share(self) -> float:
        """explained / count, in [0, 1]; 1 for a record without operations."""
        return self.explained / self.count if self.count else 1.0

    @property
    def missing(self) -> tuple[Row, ...]:
        """Kinds of which not every operation explains itself."""
        return tuple(row for row in self.rows if row.explained < row.count)

    def to_json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "operations": self.count,
            "explained": self.explained,
            "share": self.share,
            "kinds": [
                {
                    "name": row.name,
                    "count": row.count,
                    "explained": row.explained,
                    "leaf": row.leaf,
                    "why": list(row.reasons),
                }
                for row in self.rows
            ],
        }


def coverage(record: Record) -> Coverage:
    """Ask every operation of `record` how the first number of each of its outputs came to be."""
    work = bench(record)
    kinds: dict[str, list[tuple[bool, str]]] = {}
    for operation in record.operations:
        kinds.setdefault(operation.name, []).append(asked(work, operation))
    rows = [
        Row(
            name,
            len(answers),
            sum(not why for _, why in answers),
            any(leaf for leaf, _ in answers),
            tuple(dict.fromkeys(why for _, why in answers if why)),
        )
        for name, answers in kinds.items()
    ]
    return Coverage(tuple(sorted(rows, key=lambda row: (-row.count, row.name))))


def asked(work: Workbench, operation: Operation) -> tuple[bool, str]:
    """Whether the operation is a leaf, and why it does not explain itself ("" where it does)."""
    try:
        explainer = work.explainer(operation)
        for output, shape in enumerate(operation.shapes):
            if prod(shape) > 0:
                explainer.explained(output, 0)
    except NotExplained as reason:
        return False, str(reason)
    return explainer.leaf, ""
