"""An explanation: how one number came to be, whole for a program and folded for a reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np

from liuli.explaining.expression import Expression, Named, Operand, Product
from liuli.explaining.formula import Formula
from liuli.explaining.magnitude import magnitude
from liuli.explaining.notation import LATEX, MATHML, TEXT, WORDS
from liuli.explaining.terms import Terms, operands, scalar
from liuli.explaining.writing import equals, write
from liuli.tracing.parts import Operation

Json = dict[str, Any]


@dataclass(eq=False)
class Explanation:
    """How the number at `index` of the value at `address` came to be, or how its gradient did.

    Attributes:
        address: of the value in the record.
        index: of the number in the value.
        direction: "forward", or "backward" for ∂L/∂(the number).
        kind: "formula"; "leaf" where nothing lies further back (an input, a weight, a random draw); "opaque" where the
            operation has no explainer: `note` says which, and `inputs` what went in.
        operation: that made it; None for a leaf, and for a gradient, which has one for each of its `uses`.
        formula: in symbols.
        expression: with its operands, see `liuli.explaining.expression`.
        captured: the number in the record; NaN where there is none (a gradient that never came).
        inputs: the addresses that the operation read.
        smallest: below this the captured precision has fewer digits.
        uses: of a gradient: what each operation that reads the number adds to it.
    """

    address: str
    index: tuple[int, ...]
    direction: str
    kind: str
    operation: Operation | None
    formula: Formula
    expression: Expression
    captured: float
    note: str = ""
    inputs: tuple[str, ...] = ()
    smallest: float = 0.0
    uses: tuple[tuple[Operation, Expression], ...] = field(default=())

    def recompute(self) -> float:
        """The number, computed in float64 from the operands alone."""
        with np.errstate(all="ignore"):
            return scalar(self.expression)

    @cached_property
    def result(self) -> float:
        """What `recompute` gives."""
        return self.recompute()

    @property
    def residual(self) -> float:
        """result − captured; 0 where both are the same infinity or NaN."""
        same = self.result == self.captured or (self.result != self.result and self.captured != self.captured)
        return 0.0 if same else self.result - self.captured

    @cached_property
    def scale(self) -> float:
        """The sum of the absolute terms, with what the rounding of parts may add: see `magnitude`.

        Not below where the precision of the captured number runs out of digits.
        """
        return float(np.ravel(magnitude(self.expression)[1])[0]) + self.smallest

    @cached_property
    def terms(self) -> Terms:
        """The terms in the order of reading; their values add up to the result."""
        return Terms(self.expression)

    @property
    def partial_sums(self) -> list[float]:
        """The sum after each term."""
        return [float(one) for one in self.terms.partial]

    @property
    def operands(self) -> tuple[Operand, ...]:
        """Every number of the record in the formula, with its `address`, `index` and `value()`, in order of reading."""
        return operands(self.expression)

    @property
    def where(self) -> list[tuple[Named, Terms]]:
        """The parts that have a letter of their own (μ, σ²), each with its terms."""
        return [(part, Terms(part.body)) for part in named(self.expression)]

    def to_json(self, terms: int | None = None) -> Json:
        """Everything, as JSON; with `terms`, only the largest terms of each sum and what the rest comes to."""
        operation = self.operation
        line = operation.line if operation else None
        return {
            "address": self.address,
            "index": list(self.index),
            "direction": self.direction,
            "kind": self.kind,
            "operation": operation
            and {
                "index": operation.index,
                "name": operation.name,
                "path": operation.path,
                "file": line and line.file,
                "line": line and line.number,
                "text": operation.text,
            },
            "note": self.note,
            "inputs": list(self.inputs),
            "formula": in_notations(self.formula.result, self.formula.body),
            "definitions": [in_notations(*pair) for pair in self.formula.definitions],
            "numbers": in_notations(None, self.expression),
            "terms": listed(self.terms, terms),
            "where": [
                {
                    "symbol": in_notations(None, part.symbol),
                    "value": number(scalar(part.body)),
                    "terms": listed(found, terms),
                }
                for part, found in self.where
                if np.size(part.value()) == 1
            ],
            "uses": [
                {"operation": one.index, "name": one.name, "value": number(scalar(expression))}
                for one, expression in self.uses
            ],
            "result": number(self.result),
            "captured": number(self.captured),
            "residual": number(self.residual),
            "scale": number(self.scale),
        }

    def text(self, terms: int = 12) -> str:
        """The explanation for a terminal, with so many terms of a long sum."""
        from liuli.explaining.report import text

        return text(self, terms)


def named(expression: Expression) -> list[Named]:
    """The parts with a letter of their own, each behind those that it is made of."""
    found: dict[int, Named] = {}

    def walk(node: Expression) -> None:
        if isinstance(node, Named) and id(node) in found:
            return
        for child in node.children():
            walk(child)
        if isinstance(node, Named):
            found[id(node)] = node

    walk(expression)
    return list(found.values())


def plain(node: Expression) -> bool:
    """Whether a term is a number of the record, or a product of several: its operands say it all."""
    return all(isinstance(part, Operand) for part in (node.factors if isinstance(node, Product) else (node,)))


def number(value: float) -> float | str:
    """A number as JSON can hold it."""
    return value if isfinite(value) else str(value)


def in_notations(left: Expression | None, right: Expression) -> Json:
    """`left = right`, or `right` alone, in LaTeX, MathML, text and words."""
    notations = {"latex": LATEX, "mathml": MATHML, "text": TEXT, "words": WORDS}
    return {name: write(right, one) if left is None else equals(left, right, one) for name, one in notations.items()}


def listed(terms: Terms, count: int | None) -> Json:
    """The terms as JSON: all in order, or the largest and what the rest comes to."""
    folded = count is not None and len(terms) > count
    places = terms.largest(count or 0) if folded else range(len(terms))
    rest = float(terms.values.sum() - terms.values[list(places)].sum()) if folded else 0.0
    return {
        "count": len(terms),
        "rest": {"count": len(terms) - len(places), "value": number(rest)},
        "listed": [
            {
                "place": place,
                "value": number(term.value),
                "partial": number(term.partial),
                **({} if plain(term.expression) else {"text": write(term.expression, TEXT)}),
                "operands": [
                    {
                        "address": one.address,
                        "index": list(one.index),
                        "value": number(float(one.value())),
                        "gradient": one.source.gradient,
                    }
                    for one in term.operands
                ],
            }
            for place in places
            for term in [terms[place]]
        ],
    }
