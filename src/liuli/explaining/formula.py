"""Formulas as they are typed: `y[i] = exp(x[i] - m) / Sum(j, exp(x[j] - m))`, with a line for every letter defined.

A formula is read once into a tree of symbols. Putting operands in the place of its symbols gives the expression of
one number, so that what is shown in symbols and what is computed cannot differ.

In the text, `x**2` is a power, `sqrt(…)` a root, `where(c, a, b)` a choice; `Sum(k, …)`, `Prod`, `Max`, `Min`,
`Argmax` and `Argmin` run over a variable; `Ranked(k, …)` is the element of some rank and `Place` where it is (the
environment says "rank k", and "winner k" where the operation chose among equals). A symbol is looked up as it is
written, subscripts and all (`x[j]`), else by its letter (`x`). One that is given None is left out of the formula, so
that a bias that is not there is not shown.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

from liuli.explaining.expression import (
    MINUS_ONE,
    ZERO,
    Apply,
    Expression,
    Named,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    times,
    total,
)
from liuli.explaining.fold import Fold
from liuli.explaining.functions import FUNCTIONS

Environment: TypeAlias = Mapping[str, "Expression | None"]

FOLD_NAMES = {
    "Sum": "sum",
    "Prod": "product",
    "Max": "max",
    "Min": "min",
    "Argmax": "argmax",
    "Argmin": "argmin",
    "Ranked": "ranked",
    "Place": "place",
}
COMPARISONS = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
BITS = {
    ast.BitAnd: "bitand",
    ast.BitOr: "bitor",
    ast.BitXor: "bitxor",
    ast.LShift: "shiftleft",
    ast.RShift: "shiftright",
}


class Formula:
    """A formula in symbols: what it defines, and the lines that define its letters.

    Attributes:
        result: the left side of the first line.
        body: its right side.
        definitions: the letters of the further lines, in order, each with its right side.
    """

    def __init__(
        self, result: Expression, body: Expression, definitions: tuple[tuple[Symbol, Expression], ...]
    ) -> None:
        self.result = result
        self.body = body
        self.definitions = definitions
        self._reduced: dict[tuple[frozenset[str], frozenset[str]], Formula] = {}

    def without(self, absent: frozenset[str], zero: frozenset[str] = frozenset()) -> Formula:
        """The formula with the symbols in `absent` left out, and with every product that has one in `zero`."""
        key = (absent, zero)
        if key not in self._reduced:
            self._reduced[key] = self._without(absent, zero) if absent or zero else self
        return self._reduced[key]

    def suited(self, environment: Environment) -> Formula:
        """The formula with only the symbols that the environment has something for."""
        absent = frozenset(letter for letter, one in environment.items() if one is None)
        return self.without(absent, frozenset(letter for letter, one in environment.items() if one is ZERO))

    def shortened(self) -> Formula:
        """The formula without the lines that only give a letter another name: h = g."""
        known: dict[str, Expression | None] = {}
        kept = []
        for symbol, body in self.definitions:
            body = substituted(body, known) or Number(0)
            if isinstance(body, Symbol):
                known[written(symbol)] = body
            else:
                kept.append((symbol, body))
        return Formula(self.result, substituted(self.body, known) or Number(0), tuple(kept)) if known else self

    def _without(self, absent: frozenset[str], zero: frozenset[str]) -> Formula:
        environment: Environment = {**dict.fromkeys(absent), **dict.fromkeys(zero, ZERO)}
        definitions = [(symbol, substituted(body, environment)) for symbol, body in self.definitions]
        body = substituted(self.body, environment)
        kept = tuple((symbol, one) for symbol, one in definitions if one is not None)
        return Formula(self.result, body if body is not None else Number(0), kept)

    def define(self, environment: Environment, detached: tuple[str, ...] = ()) -> dict[str, Expression | None]:
        """The defined letters with operands put in, each able to be used by many numbers (the mean of a row).

        A line may use the letters of the lines above it. `detached`: see `Named`.
        """
        known = dict(environment)
        for symbol, body in self.definitions:
            bound = substituted(body, known)
            known[written(symbol)] = None if bound is None else Named(symbol, bound, symbol.name in detached)
        return {written(symbol): known[written(symbol)] for symbol, _ in self.definitions}

    def bind(self, environment: Environment) -> Expression:
        """The expression with operands, and the letters that `define` gave, in the place of symbols."""
        return substituted(self.body, environment) or Number(0)


@cache
def formula(text: str, axes: str = "") -> Formula:
    """Read a formula; `axes` lists the variables of sums in sums, the outermost first (else all run over axis 0)."""
    lines = [line.strip() for line in text.strip().splitlines()]
    order = {variable: axis for axis, variable in enumerate(axes.split())}
    parsed = [equation(line, order) for line in lines]
    return Formula(*parsed[0], tuple(parsed[1:]))


def equation(line: str, order: dict[str, int]) -> tuple[Symbol, Expression]:
    """Both sides of one line."""
    statement = ast.parse(line).body[0]
    assert isinstance(statement, ast.Assign), line
    left = read(statement.targets[0], order)
    assert isinstance(left, Symbol), line
    return left, read(statement.value, order)


def read(node: ast.expr, order: dict[str, int]) -> Expression:
    """One node of Python's syntax as a node of ours."""
    match node:
        case ast.Name():
            return Symbol(node.id)
        case ast.Constant():
            assert isinstance(node.value, int | float)
            return Number(node.value)
        case ast.Subscript():
            assert isinstance(node.value, ast.Name)
            places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return Symbol(
                node.value.id, tuple(ast.unparse(place).replace(" ", "").replace("*", "") for place in places)
            )
        case ast.UnaryOp(op=ast.USub()):
            return times(MINUS_ONE, read(node.operand, order))
        case ast.BinOp():
            return read_operator(node, order)
        case ast.Compare():
            return Apply(COMPARISONS[type(node.ops[0])], (read(node.left, order), read(node.comparators[0], order)))
        case ast.BoolOp():
            name = "and" if isinstance(node.op, ast.And) else "or"
            return Apply(name, tuple(read(value, order) for value in node.values))
        case ast.Call():
            return read_call(node, order)
        case _:
            raise ValueError(ast.unparse(node))


def read_operator(node: ast.BinOp, order: dict[str, int]) -> Expression:
    """a + b, a − b, a·b, a/b, aᵇ, and the operations on bits."""
    left, right = read(node.left, order), read(node.right, order)
    match node.op:
        case ast.Add():
            return total([left, right])
        case ast.Sub():
            return total([left, times(MINUS_ONE, right)])
        case ast.Mult():
            return times(left, right)
        case ast.Div():
            return Quotient(left, right)
        case ast.Pow():
            return Power(left, right)
        case _:
            return Apply(BITS[type(node.op)], (left, right))


def read_call(node: ast.Call, order: dict[str, int]) -> Expression:
    """A sum over a variable, or a function."""
    assert isinstance(node.func, ast.Name)
    name = node.func.id
    if name in FOLD_NAMES:
        variable = ast.unparse(node.args[0]).strip("()").replace(" ", "")
        return Fold(FOLD_NAMES[name], variable, read(node.args[1], order), order.get(variable, 0))
    arguments = tuple(read(argument, order) for argument in node.args)
    if name == "sqrt":
        return Power(arguments[0], Number(0.5))
    assert name in FUNCTIONS, name
    return Apply(name, arguments)


def written(symbol: Symbol) -> str:
    """The symbol as it stands in the text of a formula: `x[i,j]`."""
    return f"{symbol.name}[{','.join(symbol.subscripts)}]" if symbol.subscripts else symbol.name


def substituted(node: Expression, known: Environment) -> Expression | None:
    """`node` with its symbols replaced; None where all of it was left out."""
    match node:
        case Symbol():
            key = written(node)
            return known[key] if key in known else known.get(node.name, node)
        case Sum():
            terms = [bound for term in node.terms if (bound := substituted(term, known)) is not None]
            return total(terms) if terms else None
        case Product():
            factors = [bound for factor in node.factors if (bound := substituted(factor, known)) is not None]
            return times(*factors) if any(factor is not MINUS_ONE for factor in factors) else None
        case Fold():
            body = substituted(node.body, known)
            if body is None:
                return None
            winner, rank = (known.get(f"{which} {node.variable}") for which in ("winner", "rank"))
            chosen = int(winner.number) if isinstance(winner, Number) else None
            return Fold(
                node.kind, node.variable, body, node.axis, chosen, int(rank.number) if isinstance(rank, Number) else 0
            )
        case Quotient():
            above, below = substituted(node.above, known), substituted(node.below, known)
            return above if below is None else None if above is None else Quotient(above, below)
        case _:
            children = [bound for child in node.children() if (bound := substituted(child, known)) is not None]
            return node.rebuilt(tuple(children)) if len(children) == len(node.children()) else None
