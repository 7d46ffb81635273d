"""Expressions written down in one of the four notations.

One walk over the tree decides order, signs and parentheses; a notation only says how each piece looks. The leaves
decide what is written: symbols as letters, operands as their numbers. A long sum of numbers shows its largest terms,
and the rest as one number.
"""

from __future__ import annotations

from math import isfinite, isinf
from typing import Any

import numpy as np

from liuli.explaining.axes import length, take
from liuli.explaining.expression import (
    MINUS_ONE,
    Apply,
    Column,
    Expression,
    Named,
    Number,
    Operand,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
)
from liuli.explaining.fold import Fold
from liuli.explaining.functions import FUNCTIONS
from liuli.explaining.notation import Text, decimal

SHOWN = 6  # terms of a long sum
RELATION, SUM, PRODUCT, POWER, ATOM = range(5)  # how tightly a node binds


def write(node: Expression, notation: Text, level: int = RELATION) -> str:
    """`node` in a notation; `level` says how tightly it must bind where it stands."""
    text, own = _write(node, notation)
    return notation.fence(text) if own < level else text


def equals(left: Expression, node: Expression, notation: Text) -> str:
    """`left = node`."""
    return notation.relation(write(left, notation), "=", write(node, notation))


def _write(node: Expression, to: Text) -> tuple[str, int]:
    match node:
        case Symbol():
            return to.letter(node.name, node.subscripts), ATOM
        case Named():
            return to.letter(node.symbol.name, node.symbol.subscripts), ATOM
        case Number() | Operand() | Column():
            return _values(node.value(), to)
        case Sum():
            return _sum(node, to), SUM
        case Product():
            return _product(node, to)
        case Quotient():
            level = POWER if to.flat else RELATION
            return to.fraction(write(node.above, to, PRODUCT if to.flat else RELATION), write(node.below, to, level)), (
                PRODUCT if to.flat else POWER
            )
        case Power():
            if isinstance(node.exponent, Number) and node.exponent.value() == 0.5:
                return to.root(write(node.base, to, ATOM if to.flat else RELATION)), POWER
            return to.power(write(node.base, to, ATOM), write(node.exponent, to, ATOM if to.flat else RELATION)), POWER
        case Apply():
            return _apply(node, to)
        case Fold():
            return _fold(node, to)
        case _:
            raise TypeError(type(node).__name__)


def _values(value: Any, to: Text) -> tuple[str, int]:
    """A number, or the first few of a column."""
    if np.size(value) > 1:
        items = np.ravel(value)[: SHOWN - 2].tolist()
        return to.listed([to.number(item) for item in items], np.size(value) > len(items)), ATOM
    number = float(np.ravel(value)[0]) + 0.0
    scientific = isfinite(number) and "e" in decimal(number)
    return to.number(number), SUM if number < 0 else PRODUCT if scientific or isinf(number) else ATOM


def _sum(node: Sum, to: Text) -> str:
    """Signs taken out of the terms: a − b, not a + −1·b."""
    text = ""
    for place, term in enumerate(node.terms):
        if isinstance(term, Product) and term.factors[0] is MINUS_ONE:
            inner = write(Product(term.factors[1:]) if len(term.factors) > 2 else term.factors[1], to, PRODUCT)
            text += to.minus + inner if place else to.negative(inner)
        else:
            text += to.plus * bool(place) + write(term, to, PRODUCT if place else SUM)
    return text


def _product(node: Product, to: Text) -> tuple[str, int]:
    if node.factors[0] is MINUS_ONE:
        rest = node.factors[1:]
        return to.negative(write(Product(rest) if len(rest) > 1 else rest[0], to, PRODUCT)), SUM
    last = len(node.factors) - 1
    parts = [
        write(factor, to, SUM + (2 if to.flat and place else 1) - (isinstance(factor, Fold) and place == last))
        for place, factor in enumerate(node.factors)
    ]
    return to.dot.join(parts), PRODUCT


def _apply(node: Apply, to: Text) -> tuple[str, int]:
    if node.function == "where":
        *pairs, otherwise = [write(argument, to) for argument in node.arguments]
        return to.cases(list(zip(pairs[::2], pairs[1::2], strict=True)), otherwise), ATOM
    sign = FUNCTIONS[node.function].infix
    if sign:
        left, right = (write(argument, to, SUM) for argument in node.arguments)
        return to.relation(left, sign, right), RELATION
    level = POWER if node.function == "exp" and not to.flat else ATOM
    return to.call(node.function, [write(argument, to) for argument in node.arguments]), level


def _fold(node: Fold, to: Text) -> tuple[str, int]:
    if any(isinstance(leaf, Symbol) for leaf in _letters(node.body)):
        return to.fold(node.kind, node.variable, write(node.body, to, PRODUCT)), SUM
    count = length(node.body, node.axis)
    if node.kind == "sum" and count > 1 and np.size(node.value()) == 1:
        return _folded(node, count, to), SUM
    if np.size(node.value()) > 1 or node.kind in ("product", "argmax", "argmin", "place") or count == 1:
        return to.fold(node.kind, node.variable, write(node.body, to, PRODUCT)), SUM
    if node.kind == "ranked":
        return _values(node.value(), to)
    places = range(min(count, SHOWN))
    items = [write(take(node.body, node.axis, place), to) for place in places]
    return to.call(node.kind, items + ["…"] * (count > SHOWN)), ATOM


def _folded(node: Fold, count: int, to: Text) -> str:
    """A sum in numbers: all of it, or the largest terms and what the others come to."""
    values = np.ravel(node.body.value())
    if count <= SHOWN:
        return write(Sum(tuple(take(node.body, node.axis, place) for place in range(count))), to)
    order = np.argsort(-np.abs(values), kind="stable")
    largest = tuple(take(node.body, node.axis, int(place)) for place in order[:SHOWN])
    rest = Number(float(values[order[SHOWN:]].sum()))
    return write(Sum((*largest, rest)), to) + to.more(count - SHOWN, node.kind)


def _letters(node: Expression) -> list[Expression]:
    """The leaves, without opening parts that have a letter of their own."""
    children = () if isinstance(node, Named) else node.children()
    return [leaf for child in children for leaf in _letters(child)] if children else [node]
