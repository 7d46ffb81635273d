"""Walking an expression, and taking it at one place of an axis."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liuli.explaining.expression import Column, Expression, Named, Number, Operand, Symbol
from liuli.explaining.fold import Fold


def leaves(node: Expression) -> Iterator[Expression]:
    """Every leaf in the order of reading; the body of a Named part counts once, where it is first met."""
    seen: set[int] = set()

    def walk(one: Expression) -> Iterator[Expression]:
        if isinstance(one, Named):
            if id(one) in seen:
                return
            seen.add(id(one))
        below = one.children()
        if not below:
            yield one
        for child in below:
            yield from walk(child)

    return walk(node)


def varies(node: Expression, axis: int) -> bool:
    """Whether the value of `node` runs over `axis`, rather than being the same all along it."""
    match node:
        case Column():
            return axis < node.flats.ndim and node.flats.shape[axis] > 1
        case Number():
            return isinstance(node.number, np.ndarray) and axis < node.number.ndim and node.number.shape[axis] > 1
        case Fold() if node.axis == axis:
            return False
        case _:
            return any(varies(child, axis) for child in node.children())


def take(node: Expression, axis: int, position: int) -> Expression:
    """`node` at one place of `axis`: a column over that axis alone becomes an operand."""
    match node:
        case Column():
            if not varies(node, axis):
                return node if node.flats.size > 1 else Operand(node.source, int(node.flats.item()))
            flats = node.flats.take([position], axis)
            return Operand(node.source, int(flats.item())) if flats.size == 1 else Column(node.source, flats)
        case Number():
            if not varies(node, axis):
                return node
            numbers = node.number.take([position], axis)
            return Number(numbers.item()) if numbers.size == 1 else Number(numbers)
        case _:
            if not node.children() or not varies(node, axis):
                return node
            if isinstance(node, Named):
                symbol = Symbol(node.symbol.name, (str(position),))
                return Named(symbol, take(node.body, axis, position), node.detached)
            return node.rebuilt(tuple(take(child, axis, position) for child in node.children()))


def length(node: Expression, axis: int) -> int:
    """How many places `axis` has in `node` (1 where nothing runs over it)."""
    match node:
        case Column():
            return int(node.flats.shape[axis]) if axis < node.flats.ndim else 1
        case Number():
            array = isinstance(node.number, np.ndarray) and axis < node.number.ndim
            return int(node.number.shape[axis]) if array else 1
        case Fold() if node.axis == axis:
            return 1
        case _:
            return max((length(child, axis) for child in node.children()), default=1)
