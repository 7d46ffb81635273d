"""The terms of an expression in the order of reading, each taken out of its sum only when it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.axes import leaves, length, take
from liuli.explaining.expression import Column, Expression, Operand, Product, Quotient, Sum, times
from liuli.explaining.fold import Fold


@dataclass(slots=True, eq=False)
class Term:
    """One term of a sum: what it adds, and the sum so far in the order of reading."""

    expression: Expression
    value: float
    partial: float

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The numbers of the record in it."""
        return operands(self.expression)


class Terms(Sequence[Term]):
    """The terms of an expression; each is taken out of its sum only when it is read.

    Attributes:
        values: what each adds.
        partial: the sums so far.
    """

    def __init__(self, expression: Expression) -> None:
        with np.errstate(all="ignore"):
            self._pieces = list(pieces(expression))
            self.values = np.concatenate([piece.values() for piece in self._pieces])
            self.partial = np.cumsum(self.values)
        self._starts = np.cumsum([0, *(piece.count for piece in self._pieces)])

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> Term: ...
    @overload
    def __getitem__(self, place: slice) -> list[Term]: ...
    def __getitem__(self, place: int | slice) -> Term | list[Term]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        expression = self._pieces[number].term(place - int(self._starts[number]))
        return Term(expression, float(self.values[place]), float(self.partial[place]))

    def __iter__(self) -> Iterator[Term]:
        return (self[place] for place in range(len(self)))

    def largest(self, count: int) -> list[int]:
        """The places of the terms that add most, either way, the largest first."""
        return [int(place) for place in np.argsort(-np.abs(self.values), kind="stable")[:count]]


@dataclass(slots=True, eq=False)
class Piece:
    """Terms that stand together: those of one sum over an axis, or a single one, and what they are multiplied with."""

    node: Expression
    factors: tuple[Expression, ...] = ()
    divisors: tuple[Expression, ...] = ()

    @property
    def long(self) -> bool:
        """Whether it is a sum over an axis."""
        return isinstance(self.node, Fold) and self.node.kind == "sum"

    @property
    def count(self) -> int:
        """How many terms there are."""
        return length(self.node.body, self.node.axis) if self.long and isinstance(self.node, Fold) else 1

    def values(self) -> NDArray[np.float64]:
        """What each term adds."""
        found = np.array([scalar(self.node)])
        if self.long and isinstance(self.node, Fold):
            body = np.asarray(self.node.body.value())
            found = body.sum(axis=tuple(axis for axis in range(body.ndim) if axis != self.node.axis)).reshape(-1)
        for factor in self.factors:
            found = found * scalar(factor)
        for divisor in self.divisors:
            found = found / scalar(divisor)
        return found

    def term(self, place: int) -> Expression:
        """One term as an expression."""
        node = take(self.node.body, self.node.axis, place) if self.long and isinstance(self.node, Fold) else self.node
        node = times(*self.factors, node)
        for divisor in self.divisors:
            node = Quotient(node, divisor)
        return node


def scalar(expression: Expression) -> float:
    """The value of an expression of one number."""
    return float(np.ravel(expression.value())[0])


def operands(expression: Expression) -> tuple[Operand, ...]:
    """The operands of an expression, those in columns one by one."""
    found: list[Operand] = []
    for leaf in leaves(expression):
        if isinstance(leaf, Operand):
            found.append(leaf)
        elif isinstance(leaf, Column):
            found.extend(Operand(leaf.source, int(flat)) for flat in leaf.flats.ravel())
    return tuple(found)


def pieces(node: Expression) -> Iterator[Piece]:
    """The terms of `node` in the order of reading. A multiple or a part of a long sum counts term by term."""
    match node:
        case Sum():
            for term in node.terms:
                yield from pieces(term)
        case Quotient() if long(node.above):
            for piece in pieces(node.above):
                yield Piece(piece.node, piece.factors, (*piece.divisors, node.below))
        case Product() if sum(map(long, node.factors)) == 1:
            place = next(place for place, factor in enumerate(node.factors) if long(factor))
            others = (*node.factors[:place], *node.factors[place + 1 :])
            for piece in pieces(node.factors[place]):
                yield Piece(piece.node, (*others, *piece.factors), piece.divisors)
        case _:
            yield Piece(node)


def long(node: Expression) -> bool:
    """Whether `node` is a sum over an axis, or has one among its terms."""
    return (isinstance(node, Fold) and node.kind == "sum") or (isinstance(node, Sum) and any(map(long, node.terms)))
