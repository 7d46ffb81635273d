"""How large the numbers are that a number is made of: the measure for how far rounding may have carried it off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.derivative import Part, derivative
from liuli.explaining.expression import Apply, Expression, Named, Number, Numbers, Power, Product, Quotient, Sum
from liuli.explaining.fold import Fold


def magnitude(node: Expression) -> tuple[Numbers, Numbers]:
    """The value of `node`, and the sum of the absolute values of what it is made of.

    For a sum of products of operands that is Σ|term|. A function of a computed number adds what the rounding of that
    number may do to it, |f′|·magnitude, so that `scale × unit of rounding` bounds the difference to a captured number.
    """
    with np.errstate(all="ignore"):
        return _magnitude(node, {})


def _magnitude(node: Expression, known: dict[int, tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
    match node:
        case Sum() if constant(node):
            value = node.value()
            return value, np.abs(value)
        case Sum():
            parts = [_magnitude(term, known) for term in node.terms]
            return sum(part[0] for part in parts), sum(part[1] for part in parts)
        case Fold() if node.kind == "sum":
            value, size = np.broadcast_arrays(*_magnitude(node.body, known))
            if value.ndim == 0:
                return value.reshape(1), size.reshape(1)
            return value.sum(node.axis, keepdims=True), size.sum(node.axis, keepdims=True)
        case Fold():
            size = np.asarray(_magnitude(node.body, known)[1])
            if node.kind == "product":
                return node.value(), size.reshape(size.shape or 1).prod(node.axis, keepdims=True)
            return node.value(), chosen(node, size)
        case Named():
            if id(node) not in known:
                known[id(node)] = _magnitude(node.body, known)
            return known[id(node)]
        case Product() | Quotient() | Power() | Apply():
            return composed(node, known)
        case _:
            value = node.value()
            return value, np.abs(value)


def composed(node: Expression, known: dict[int, tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
    """|f| + Σ |∂f/∂part| · magnitude(part) over the parts that were computed themselves."""
    parts = node.children()
    measured = [_magnitude(part, known) for part in parts]
    standing = tuple(Number(value if np.ndim(value) else float(value)) for value, _ in measured)
    still = node.rebuilt(standing)
    value = still.value()
    size = np.abs(value)
    for part, stand, (_, inner) in zip(parts, standing, measured, strict=True):
        if part.children():
            slope = derivative(still, Part(stand)).value()
            size = size + np.nan_to_num(np.abs(slope) * inner, nan=0.0)
    return value, size


def chosen(node: Fold, size: NDArray[np.float64]) -> Numbers:
    """Of a maximum, minimum or rank: the magnitude of the element that it is."""
    values = np.asarray(node.body.value())
    values, size = np.broadcast_arrays(values.reshape(values.shape or 1), size.reshape(size.shape or 1))
    if node.kind in ("max", "min"):
        best = (
            values.argmax(node.axis, keepdims=True) if node.kind == "max" else values.argmin(node.axis, keepdims=True)
        )
        return np.take_along_axis(size, best, node.axis)
    place = node.best(np.moveaxis(values, node.axis, 0).reshape(-1))
    return np.take(size, [place], axis=node.axis)


def constant(node: Expression) -> bool:
    """Whether `node` is made of constants of the formula alone, such as 1 − β."""
    children = node.children()
    return all(map(constant, children)) if children else isinstance(node, Number)
