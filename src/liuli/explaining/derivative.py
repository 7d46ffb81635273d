"""Symbolic differentiation of an expression.

The derivative of a tree is a tree again, so that a gradient is explained by the very formula that explains the number.

Where a function has a corner, its formula says which side counts as the corner itself, the way PyTorch takes it
(ReLU: 0 at 0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import pi, sqrt

import numpy as np

from liuli.explaining.axes import length, take, varies
from liuli.explaining.expression import (
    MINUS_ONE,
    ONE,
    ZERO,
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
    times,
    total,
)
from liuli.explaining.fold import SHARED, Fold
from liuli.explaining.functions import FUNCTIONS

TWO, HALF = Number(2), Number(0.5)


def call(function: str, *arguments: Expression) -> Expression:
    """`function` applied to `arguments`."""
    return Apply(function, arguments)


def side(first: Expression, second: Expression) -> Expression:
    """The share of `first` in max(first, second) − PyTorch gives a tie half to each."""
    return call("where", call("gt", first, second), ONE, call("eq", first, second), HALF, ZERO)


# fmt: off
RULES: dict[str, Callable[..., tuple[Expression, ...]]] = {  # ∂f/∂(each argument)
    "exp":     lambda x: (call("exp", x),),
    "log":     lambda x: (Quotient(ONE, x),),
    "log1p":   lambda x: (Quotient(ONE, ONE + x),),
    "expm1":   lambda x: (call("exp", x),),
    "abs":     lambda x: (call("sign", x),),
    "sin":     lambda x: (call("cos", x),),
    "cos":     lambda x: (-call("sin", x),),
    "tan":     lambda x: (ONE + call("tan", x) ** 2,),
    "asin":    lambda x: (Quotient(ONE, (ONE - x**2) ** 0.5),),
    "acos":    lambda x: (-Quotient(ONE, (ONE - x**2) ** 0.5),),
    "atan":    lambda x: (Quotient(ONE, ONE + x**2),),
    "sinh":    lambda x: (call("cosh", x),),
    "cosh":    lambda x: (call("sinh", x),),
    "tanh":    lambda x: (ONE - call("tanh", x) ** 2,),
    "asinh":   lambda x: (Quotient(ONE, (x**2 + ONE) ** 0.5),),
    "acosh":   lambda x: (Quotient(ONE, (x**2 - ONE) ** 0.5),),
    "atanh":   lambda x: (Quotient(ONE, ONE - x**2),),
    "atan2":   lambda y, x: (Quotient(x, x**2 + y**2), -Quotient(y, x**2 + y**2)),
    "erf":     lambda x: (times(Number(2 / sqrt(pi)), call("exp", -(x**2))),),
    "erfinv":  lambda x: (times(Number(sqrt(pi) / 2), call("exp", call("erfinv", x) ** 2)),),
    "lgamma":  lambda x: (call("digamma", x),),
    "digamma": lambda x: (call("trigamma", x),),
    "i0":      lambda x: (call("i1", x),),
    "max":     lambda a, b: (side(a, b), side(b, a)),
    "min":     lambda a, b: (side(b, a), side(a, b)),
    "mod":     lambda a, b: (ONE, -call("floor", Quotient(a, b))),
    "fmod":    lambda a, b: (ONE, -call("trunc", Quotient(a, b))),
}
# fmt: on


class Target:
    """What to differentiate with respect to: one element of one value, wherever it stands in the tree."""

    def __init__(self, address: str, flat: int) -> None:
        self.address = address
        self.flat = flat
        self.known: dict[int, tuple[Expression, Expression]] = {}  # of Named parts; each kept alive with its answer

    def operand(self, node: Operand) -> Expression:
        """∂node/∂target."""
        same = node.flat == self.flat and node.source.address == self.address and not node.source.gradient
        return ONE if same else ZERO

    def column(self, node: Column) -> Expression:
        """1 where the target stands in the column, else 0."""
        if node.source.address != self.address or node.source.gradient:
            return ZERO
        hits = node.flats == self.flat
        return Number(hits.astype(np.float64)) if hits.any() else ZERO

    def named(self, node: Named) -> Expression:
        """The derivative of a part with a letter of its own, worked out once."""
        if node.detached:
            return ZERO
        if id(node) not in self.known:
            result = derivative(node.body, self)
            if result.children():
                result = Named(Symbol(f"∂{node.symbol.name}", node.symbol.subscripts), result)
            self.known[id(node)] = (node, result)
        return self.known[id(node)][1]


class Part(Target):
    """Differentiate with respect to one node of the tree, everything else held still."""

    def __init__(self, node: Expression) -> None:
        self.node = node

    def operand(self, node: Operand) -> Expression:
        return ZERO

    def column(self, node: Column) -> Expression:
        return ZERO

    def named(self, node: Named) -> Expression:
        return ZERO


def derivative(node: Expression, target: Target) -> Expression:
    """∂node/∂target; `ZERO` itself where node does not depend on it."""
    if isinstance(target, Part) and node is target.node:
        return ONE
    match node:
        case Operand():
            return target.operand(node)
        case Column():
            return target.column(node)
        case Named():
            return target.named(node)
        case Sum():
            return total([derivative(term, target) for term in node.terms])
        case Product():
            return total([times(d, *others) for d, others in each(node.factors, target)])
        case Quotient():
            above, below = derivative(node.above, target), derivative(node.below, target)
            first = ZERO if above is ZERO else Quotient(above, node.below)
            second = ZERO if below is ZERO else -Quotient(times(node.above, below), squared(node.below))
            return total([first, second])
        case Power():
            return power(node, target)
        case Apply():
            return apply(node, target)
        case Fold():
            return fold(node, target)
        case _:
            return ZERO


def each(factors: tuple[Expression, ...], target: Target) -> Iterator[tuple[Expression, list[Expression]]]:
    """The derivative of each factor that depends on the target, with the other factors."""
    for place, factor in enumerate(factors):
        change = derivative(factor, target)
        if change is not ZERO:
            yield change, [*factors[:place], *factors[place + 1 :]]


def squared(node: Expression) -> Expression:
    """node², where (√a)² is a."""
    root = isinstance(node, Power) and isinstance(node.exponent, Number) and np.all(node.exponent.number == 0.5)
    return node.base if isinstance(node, Power) and root else node**2


def power(node: Power, target: Target) -> Expression:
    """(bᵉ)′ = e·bᵉ⁻¹·b′ + bᵉ·log(b)·e′, and (√b)′ = b′ / 2√b."""
    base, exponent = derivative(node.base, target), derivative(node.exponent, target)
    first: Expression = ZERO
    second: Expression = ZERO
    if base is not ZERO:
        constant = node.exponent.number if isinstance(node.exponent, Number) else None
        if constant is None or isinstance(constant, np.ndarray):
            first = times(node.exponent, Power(node.base, total([node.exponent, MINUS_ONE])), base)
        elif constant == 0.5:
            first = Quotient(base, times(TWO, node))
        elif constant != 0:
            first = times(node.exponent, node.base ** (constant - 1), base)
    if exponent is not ZERO:
        change = times(node, call("log", node.base), exponent)
        second = call("where", call("eq", node.base, ZERO), ZERO, change)  # 0ᵉ does not change with e
    return total([first, second])


def apply(node: Apply, target: Target) -> Expression:
    """The chain rule, Σ ∂f/∂(argument) · (argument)′; a choice follows the branch that was taken."""
    if node.function == "where":
        return choice(node.arguments, target)
    if not FUNCTIONS[node.function].smooth:
        return ZERO
    changes = [derivative(argument, target) for argument in node.arguments]
    if all(change is ZERO for change in changes):
        return ZERO
    return total(
        [times(rule, change) for rule, change in zip(RULES[node.function](*node.arguments), changes, strict=True)]
    )


def choice(parts: tuple[Expression, ...], target: Target) -> Expression:
    """Of where(condition, yes, condition, yes, …, otherwise)."""
    *pairs, otherwise = parts
    if not any(varies(part, 0) or varies(part, 1) for part in parts):
        for condition, yes in zip(pairs[::2], pairs[1::2], strict=True):
            if np.asarray(condition.value()).item():
                return derivative(yes, target)
        return derivative(otherwise, target)
    changes = [derivative(yes, target) for yes in (*pairs[1::2], otherwise)]
    if all(change is ZERO for change in changes):
        return ZERO
    listed = [part for pair in zip(pairs[::2], changes[:-1], strict=True) for part in pair]
    return Apply("where", (*listed, changes[-1]))


def fold(node: Fold, target: Target) -> Expression:
    """Term by term. Where only a few places of the axis depend on the target, only those are written."""
    if node.kind in ("argmax", "argmin", "place"):
        return ZERO
    if node.kind in ("max", "min", "ranked"):
        return chosen(node, target)
    change = derivative(node.body, target)
    if node.kind == "product":
        return product(node, change)
    terms: list[Expression] = []
    for term in change.terms if isinstance(change, Sum) else (change,) if change is not ZERO else ():
        places = support(term, node.axis)
        if places is None:
            terms.append(Fold("sum", node.variable, term, node.axis))
        else:
            terms.extend(simplified(take(term, node.axis, place)) for place in sorted(places))
    return total(terms)


def product(node: Fold, change: Expression) -> Expression:
    """Π′ = Σ over the places that change, of the product of all the others."""
    count = length(node.body, node.axis)
    places = support(change, node.axis) if change is not ZERO else set()
    terms = []
    for place in range(count) if places is None else sorted(places):
        others = [take(node.body, node.axis, other) for other in range(count) if other != place]
        terms.append(times(simplified(take(change, node.axis, place)), *others))
    return total(terms)


def chosen(node: Fold, target: Target) -> Expression:
    """A maximum, minimum or rank moves with the element that it is, or with all equals in equal parts."""
    values = np.moveaxis(np.asarray(node.body.value()), node.axis, 0).reshape(-1)
    best = node.best(values)
    if node.winner != SHARED:
        return derivative(take(node.body, node.axis, best), target)
    equal = np.nonzero(values == values[best])[0].tolist()
    changes = total([derivative(take(node.body, node.axis, place), target) for place in equal])
    return changes if changes is ZERO or len(equal) == 1 else Quotient(changes, Number(len(equal)))


def support(node: Expression, axis: int) -> set[int] | None:
    """The places along `axis` outside which `node` is 0 for sure; None for: anywhere.

    Arrays of constants are what `Target.column` writes: 1 where the target stands.
    """
    match node:
        case Number() if varies(node, axis):
            return set(np.nonzero(node.number)[axis].tolist())
        case Product():
            known = [places for places in (support(factor, axis) for factor in node.factors) if places is not None]
            return set.intersection(*known) if known else None
        case Quotient():
            return support(node.above, axis)
        case Sum():
            found = [support(term, axis) for term in node.terms]
            return None if None in found else set().union(*(places for places in found if places))
        case _:
            return None


def simplified(node: Expression) -> Expression:
    """Without the factors 1 and the terms 0 that a place of an array of constants leaves behind."""
    match node:
        case Number() if not isinstance(node.number, np.ndarray):
            return ZERO if node.number == 0 else ONE if node.number == 1 else node
        case Product():
            return times(*map(simplified, node.factors))
        case Sum():
            return total([simplified(term) for term in node.terms])
        case Quotient():
            above = simplified(node.above)
            return ZERO if above is ZERO else Quotient(above, node.below)
        case _:
            return node
