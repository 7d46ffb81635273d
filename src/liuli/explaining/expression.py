"""The one form in which everything here is written down: a small tree of arithmetic.

The same tree is a formula in symbols (its leaves are `Symbol`), a formula with numbers put in (its leaves are
`Operand`, `Column` and `Number`), the recipe for computing the number again in float64, and what is differentiated
for the backward pass.

A long sum is one node too, a `Fold` (see `fold`), whose body holds `Column`s: a whole vector of operands each.

Shapes: the value of a tree is a float64 scalar, or an array over free axes. A Fold reduces one axis and keeps it with
length 1, so that everything broadcasts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.functions import FUNCTIONS

Numbers: TypeAlias = Any  # np.float64, or NDArray[np.float64]: what NumPy's arithmetic gives


@dataclass(slots=True, eq=False)
class Source:
    """Where operands come from: one value of a record, or its gradient, as one flat array."""

    address: str
    shape: tuple[int, ...]
    array: NDArray[Any]  # (elements,), in the value's own precision
    gradient: bool = False

    def index(self, flat: int) -> tuple[int, ...]:
        """The index of the element that lies at `flat` in row-major order."""
        index = []
        for size in reversed(self.shape):
            flat, position = divmod(flat, size)
            index.append(position)
        return tuple(reversed(index))


class Expression:
    """A node of the tree."""

    __slots__ = ()

    def value(self) -> Numbers:
        """The number, computed in float64 from the operands alone."""
        raise NotImplementedError

    def children(self) -> tuple[Expression, ...]:
        """The nodes right under this one."""
        return ()

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        """The same node over other children."""
        return self

    def __add__(self, other: Expression) -> Expression:
        return total([self, other])

    def __sub__(self, other: Expression) -> Expression:
        return total([self, -other])

    def __mul__(self, other: Expression) -> Expression:
        return times(self, other)

    def __neg__(self) -> Expression:
        return times(MINUS_ONE, self)

    def __truediv__(self, other: Expression) -> Expression:
        return Quotient(self, other)

    def __pow__(self, exponent: float) -> Expression:
        return self if exponent == 1 else Power(self, Number(exponent))


@dataclass(slots=True, eq=False)
class Number(Expression):
    """A constant of the formula, or an array of them."""

    number: Any

    def value(self) -> Numbers:
        return np.float64(self.number) if not isinstance(self.number, np.ndarray) else self.number


ZERO, ONE, MINUS_ONE = Number(0), Number(1), Number(-1)


@dataclass(slots=True, eq=False)
class Symbol(Expression):
    """A letter of a formula that no number has been put in for yet."""

    name: str
    subscripts: tuple[str, ...] = ()

    def value(self) -> Numbers:
        raise TypeError(f"{self.name} has no value yet")


@dataclass(slots=True, eq=False)
class Operand(Expression):
    """One element of one value of the record."""

    source: Source
    flat: int

    def value(self) -> Numbers:
        return np.float64(self.source.array[self.flat])

    @property
    def address(self) -> str:
        """Of the value in the record."""
        return self.source.address

    @property
    def index(self) -> tuple[int, ...]:
        """Of the element in the value."""
        return self.source.index(self.flat)

    def __str__(self) -> str:
        place = f"{self.address}[{','.join(map(str, self.index))}]" if self.source.shape else self.address
        return f"∂L/∂{place}" if self.source.gradient else place


@dataclass(slots=True, eq=False)
class Column(Expression):
    """Many elements of one value, over the axes of the Folds around it."""

    source: Source
    flats: NDArray[np.int64]

    def value(self) -> Numbers:
        return self.source.array[self.flats].astype(np.float64)


@dataclass(slots=True, eq=False)
class Sum(Expression):
    """a + b + …"""

    terms: tuple[Expression, ...]

    def value(self) -> Numbers:
        result = self.terms[0].value()
        for term in self.terms[1:]:
            result = result + term.value()
        return result

    def children(self) -> tuple[Expression, ...]:
        return self.terms

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Sum(children)


@dataclass(slots=True, eq=False)
class Product(Expression):
    """a · b · …"""

    factors: tuple[Expression, ...]

    def value(self) -> Numbers:
        result = self.factors[0].value()
        for factor in self.factors[1:]:
            result = result * factor.value()
        return result

    def children(self) -> tuple[Expression, ...]:
        return self.factors

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Product(children)


@dataclass(slots=True, eq=False)
class Quotient(Expression):
    """above / below"""

    above: Expression
    below: Expression

    def value(self) -> Numbers:
        return np.divide(self.above.value(), self.below.value())

    def children(self) -> tuple[Expression, ...]:
        return (self.above, self.below)

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Quotient(*children)


@dataclass(slots=True, eq=False)
class Power(Expression):
    """base to the exponent"""

    base: Expression
    exponent: Expression

    def value(self) -> Numbers:
        return np.power(self.base.value(), self.exponent.value())

    def children(self) -> tuple[Expression, ...]:
        return (self.base, self.exponent)

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Power(*children)


@dataclass(slots=True, eq=False)
class Apply(Expression):
    """A named function of its arguments: see `functions`."""

    function: str
    arguments: tuple[Expression, ...]

    def value(self) -> Numbers:
        return FUNCTIONS[self.function].compute(*(argument.value() for argument in self.arguments))

    def children(self) -> tuple[Expression, ...]:
        return self.arguments

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Apply(self.function, children)


@dataclass(slots=True, eq=False)
class Named(Expression):
    """A part that has a letter of its own, such as the mean μ: written once, computed once.

    `detached` marks a part that the result does not depend on (the largest score that softmax subtracts).
    """

    symbol: Symbol
    body: Expression
    detached: bool = False
    cached: Numbers = field(default=None, repr=False)

    def value(self) -> Numbers:
        if self.cached is None:
            self.cached = self.body.value()
        return self.cached

    def children(self) -> tuple[Expression, ...]:
        return (self.body,)

    def rebuilt(self, children: tuple[Expression, ...]) -> Expression:
        return Named(self.symbol, children[0], self.detached)


def total(terms: list[Expression]) -> Expression:
    """The sum of `terms`, without zeros and without a sum inside a sum."""
    flat: list[Expression] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Sum) else () if term is ZERO else (term,))
    return Sum(tuple(flat)) if len(flat) > 1 else flat[0] if flat else ZERO


def times(*factors: Expression) -> Expression:
    """The product of `factors`, without ones and without a product inside a product."""
    flat: list[Expression] = []
    sign = 1
    for factor in factors:
        for part in factor.factors if isinstance(factor, Product) else (factor,):
            if part is ZERO:
                return ZERO
            if part is MINUS_ONE:
                sign = -sign
            elif part is not ONE:
                flat.append(part)
    if sign < 0:
        flat.insert(0, MINUS_ONE)
    return Product(tuple(flat)) if len(flat) > 1 else flat[0] if flat else ONE
