"""Expressions as JSON: what a page computes with and writes as a formula.

A number is a JSON number ("inf", "-inf", "nan" as ["number", "inf"]), a letter a string ("x[k]"), anything else a list
that begins with what it is:

    ["+", …]  ["*", …]  ["/", a, b]  ["^", a, b]   arithmetic
    ["exp", a]  ["where", …]                       a function of `liuli.explaining.functions`
    ["fold", kind, variable, axis, body]           the sum, maximum, … over one axis of the letters in the body
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from liuli.explaining.expression import Apply, Expression, Named, Number, Power, Product, Quotient, Sum, Symbol
from liuli.explaining.fold import Fold
from liuli.explaining.formula import Formula, written
from liuli.files import Json

SIGNS = {Sum: "+", Product: "*", Quotient: "/", Power: "^"}

Leaf = Callable[[Expression], Json]


def number_json(value: Any) -> Json:
    """A number, also one that JSON has no word for."""
    number = float(value)
    if not isfinite(number):
        return ["number", str(number)]
    return int(number) if number == int(number) and abs(number) < 2**53 else number


def letter(node: Expression) -> Json:
    """A leaf of a formula in symbols."""
    if isinstance(node, Symbol | Named):
        return written(node if isinstance(node, Symbol) else node.symbol)
    raise TypeError(f"{type(node).__name__} stands in a formula of symbols")


def tree_json(node: Expression, leaf: Leaf = letter) -> Json:
    """`node` as JSON; `leaf` says how everything is written that is no arithmetic and no plain number."""
    match node:
        case Number() if not isinstance(node.number, np.ndarray):
            return number_json(node.number)
        case Apply():
            return [node.function, *(tree_json(child, leaf) for child in node.arguments)]
        case Fold():
            return ["fold", node.kind, node.variable, node.axis, tree_json(node.body, leaf)]
        case Sum() | Product() | Quotient() | Power():
            return [SIGNS[type(node)], *(tree_json(child, leaf) for child in node.children())]
        case _:
            return leaf(node)


def formula_json(formula: Formula) -> Json:
    """A formula with the lines that define its letters."""
    return {
        "result": written(formula.result) if isinstance(formula.result, Symbol) else "y",
        "body": tree_json(formula.body),
        "define": [[written(symbol), tree_json(body)] for symbol, body in formula.definitions],
    }
