"""How one number of an operation changes with each of its operands, as formulas that hold for every number of it.

`y = (x[i] − μ)/√(σ² + ε)` changes with a number of the row in three ways: as x[i] itself, through μ, and through σ².
Each way is a formula of its own, a *slope*; a gradient is the sum over them. Where a letter runs over the axis of a
sum, its slope is that of one place: such a letter is written ["at", "x[k]"], to tell it from one that a sum runs over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from liuli.explaining.derivative import Part, derivative
from liuli.explaining.expression import (
    ONE,
    ZERO,
    Apply,
    Expression,
    Named,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    times,
    total,
)
from liuli.explaining.fold import Fold
from liuli.explaining.formula import Formula, written
from liuli.explaining.functions import FUNCTIONS
from liuli.files import Json
from liuli.lab.trees import letter, tree_json


class NoSlope(Exception):
    """The formula is of a form that is differentiated number by number only."""


@dataclass(slots=True, eq=False)
class Chosen(Expression):
    """1 at the place that a maximum or minimum took, else 0 (or a part, where equals share)."""

    fold: Fold


def slopes(formula: Formula, detached: tuple[str, ...], operands: set[str]) -> list[Json]:
    """The slopes of a formula: [{"letter": "x[k]", "slope": tree}], for the letters in `operands`.

    Raises:
        NoSlope: there is none in this form.
    """
    unknown = {written(one): one for one in symbols(formula)}
    known: dict[str, Expression | None] = dict(unknown)
    body = formula.bind({**known, **formula.define(known, detached)})
    found: dict[str, list[Expression]] = {}
    for name, slope in every(body):
        if name in operands and slope is not ZERO:
            found.setdefault(name, []).append(slope)
    return [{"letter": name, "slope": placed(total(several))} for name, several in found.items()]


def symbols(formula: Formula) -> Iterator[Symbol]:
    """Every letter of the formula."""

    def walk(node: Expression) -> Iterator[Symbol]:
        if isinstance(node, Symbol):
            yield node
        for child in node.children():
            yield from walk(child)

    for body in (formula.body, *(body for _, body in formula.definitions)):
        yield from walk(body)


def every(node: Expression) -> Iterator[tuple[str, Expression]]:
    """Each letter on which `node` depends with the slope along one way to it."""
    for name, slope in direct(node):
        yield name, slope
    for part in {id(one): one for one in named(node)}.values():
        if part.detached:
            continue
        outer = through(node, part)
        for name, inner in every(part.body):
            yield name, times(outer, inner)


def direct(node: Expression) -> Iterator[tuple[str, Expression]]:
    """The ways that pass no letter defined on a line of its own; in a sum, at one place of it."""
    match node:
        case Symbol():
            yield written(node), ONE
        case Named():
            return
        case Fold():
            for name, slope in direct(node.body):
                yield name, slope if node.kind == "sum" else times(Chosen(of_extreme(node)), slope)
        case _:
            for place, child in enumerate(node.children()):
                ways = list(direct(child))
                if ways:
                    outer = local(node, place)
                    yield from ((name, times(outer, slope)) for name, slope in ways if outer is not ZERO)


def of_extreme(node: Fold) -> Fold:
    """`node`, if it is a maximum or minimum."""
    if node.kind not in ("max", "min"):
        raise NoSlope
    return node


def named(node: Expression) -> Iterator[Named]:
    """The letters defined on lines of their own in `node`, not those within them."""
    if isinstance(node, Named):
        yield node
        return
    for child in node.children():
        yield from named(child)


def through(node: Expression, part: Named) -> Expression:
    """∂node/∂part, everything else held still."""
    match node:
        case Named():
            return ONE if node is part else ZERO
        case Fold():
            inner = through(node.body, part)
            if inner is not ZERO and node.kind != "sum":
                raise NoSlope
            return inner if inner is ZERO else Fold("sum", node.variable, inner, node.axis)
        case _:
            terms = []
            for place, child in enumerate(node.children()):
                inner = through(child, part)
                if inner is not ZERO:
                    terms.append(times(local(node, place), inner))
            return total(terms)


def local(node: Expression, place: int) -> Expression:
    """∂node/∂(its child at `place`), in terms of its children."""
    children = node.children()
    if isinstance(node, Sum):
        return ONE
    if isinstance(node, Product):
        return times(*children[:place], *children[place + 1 :])
    if isinstance(node, Apply):
        if node.function == "where":
            return branch(node, place)
        if not FUNCTIONS[node.function].smooth:
            return ZERO
    if isinstance(node, Power) and place == 1 and isinstance(node.exponent, Number):
        return ZERO
    standing = tuple(child if isinstance(child, Number) else Symbol(f"({i})") for i, child in enumerate(children))
    change = derivative(node.rebuilt(standing), Part(standing[place]))
    return put_back(change, {f"({i})": child for i, child in enumerate(children)})


def branch(node: Apply, place: int) -> Expression:
    """Of where(condition, yes, …, otherwise): 1 where this branch was taken."""
    last = len(node.arguments) - 1
    if place % 2 == 0 and place != last:
        return ZERO
    values = [
        ONE if i == place else argument if i % 2 == 0 and i != last else ZERO
        for i, argument in enumerate(node.arguments)
    ]
    return Apply("where", tuple(values))


def put_back(node: Expression, known: dict[str, Expression]) -> Expression:
    """`node` with the stand-ins replaced by what they stand for."""
    if isinstance(node, Symbol):
        return known.get(node.name, node)
    return node.rebuilt(tuple(put_back(child, known) for child in node.children())) if node.children() else node


def placed(node: Expression, inside: bool = False) -> Json:
    """As JSON, with the letters outside sums marked ["at", letter]."""
    match node:
        case Symbol():
            return letter(node) if inside else ["at", letter(node)]
        case Chosen():
            fold = node.fold
            return ["chosen", fold.kind, fold.variable, fold.axis, placed(fold.body, True)]
        case Fold():
            return ["fold", node.kind, node.variable, node.axis, placed(node.body, True)]
        case Named() | Number():
            return tree_json(node)
        case Apply():
            return [node.function, *(placed(child, inside) for child in node.arguments)]
        case _:
            stand = tuple(Symbol(str(i)) for i in range(len(node.children())))
            shape = tree_json(node.rebuilt(stand))
            return [shape[0], *(placed(child, inside) for child in node.children())]
