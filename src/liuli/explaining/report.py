"""An explanation for the terminal: the formula, the numbers put in, the terms with the sum so far."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liuli.explaining.explanation import Explanation
from liuli.explaining.expression import MINUS_ONE, Expression, Named, Number, Operand, Product
from liuli.explaining.fold import Fold
from liuli.explaining.notation import TEXT, decimal
from liuli.explaining.terms import Terms, scalar
from liuli.explaining.writing import equals, write

PARTS = 6  # with letters of their own that are written out


def text(explanation: Explanation, terms: int) -> str:
    """See `Explanation.text`."""
    return "\n".join(lines(explanation, terms))


def lines(one: Explanation, terms: int) -> Iterator[str]:
    """The lines of the report."""
    place = f"{one.address}[{','.join(map(str, one.index))}]" if one.index else one.address
    shown = one.result if one.direction == "step" else one.captured
    relation = "→" if one.direction == "step" else "="
    yield f"{'∂L/∂' if one.direction == 'backward' else ''}{place} {relation} {decimal(shown)}"
    if one.operation:
        yield f"  by {made(one)}"
    if one.note:
        yield f"  {one.note}"
    if one.kind == "opaque":
        if one.inputs and one.direction == "forward":
            yield f"  from {', '.join(dict.fromkeys(one.inputs))}"
        if not one.uses:
            return
    if one.kind == "leaf" and isinstance(one.expression, Operand):
        return
    yield ""
    yield f"  {equals(one.formula.result, one.formula.body, TEXT)}"
    for symbol, body in one.formula.definitions:
        yield f"    where {equals(symbol, body, TEXT)}"
    yield ""
    yield from parts(one, terms)
    if one.direction == "backward":
        yield from through(one, terms)
    else:
        yield f"  = {write(one.expression, TEXT)}"
        yield from table(one.terms, terms, "  ")
    yield ""
    compared = f", captured {one.captured:.10g}, difference {abs(one.residual):.1e} at a scale of {decimal(one.scale)}"
    yield f"  recomputed in float64 {one.result:.10g}{'' if one.captured != one.captured else compared}"


def parts(one: Explanation, terms: int) -> Iterator[str]:
    """The parts that have a letter of their own; of many rows, those of the first few."""
    found = [(part, listed) for part, listed in one.where if np.size(part.value()) == 1]
    for part, listed in found[:PARTS]:
        sides = [write(part.symbol, TEXT), write(part.body, TEXT), decimal(scalar(part.body))]
        yield f"  {' = '.join(dict.fromkeys(sides))}"
        if len(listed) > 1:
            yield from table(listed, min(terms, 4), "    ")
    if len(found) > PARTS:
        letters = dict.fromkeys(write(part.symbol, TEXT) for part, _ in found[PARTS:])
        yield f"  … and {len(found) - PARTS} more parts, {' and '.join(letters)} of the other rows"


def made(one: Explanation) -> str:
    """What made the number: the operation, its module and its line."""
    operation = one.operation
    assert operation is not None
    line = operation.line
    where = f", {line.file}:{line.number}: {line.text}" if line else ""
    return f"{operation.name} in {operation.path or 'the module itself'}{where}"


def through(one: Explanation, terms: int) -> Iterator[str]:
    """A gradient, use by use."""
    for operation, expression in one.uses:
        found = Terms(expression)
        yield f"  through {operation.name} → {operation.outputs[0]}: {decimal(scalar(expression))}"
        yield from table(found, terms, "    ")


def table(terms: Terms, count: int, indent: str) -> Iterator[str]:
    """The terms with the sum so far; of a long sum the largest, and the rest as one."""
    folded = len(terms) > count
    places = terms.largest(count) if folded else range(len(terms))
    rows, so_far = [], 0.0
    for place in places:
        term = terms[place]
        so_far += term.value
        rows.append((decimal(term.value), decimal(so_far), factors(term.expression)))
    if folded:
        rest = float(terms.values.sum()) - so_far
        rows.append(
            (decimal(rest), decimal(so_far + rest), f"{len(terms) - count:,} more terms, each smaller than these")
        )
    wide = [max(len(row[column]) for row in [*rows, ("term", "sum so far", "")]) for column in (0, 1)]
    yield f"{indent}{'term':>{wide[0]}}  {'sum so far':>{wide[1]}}  made of"
    for value, sum_, what in rows:
        yield f"{indent}{value:>{wide[0]}}  {sum_:>{wide[1]}}  {what}"


def factors(term: Expression) -> str:
    """The factors of a term by their addresses: `−0.21 c1.weight[0,0,1,1] · 0.99 input[0][0,0,3,3]`."""
    parts = term.factors if isinstance(term, Product) else (term,)
    sign = "−" if parts[0] is MINUS_ONE else ""
    return sign + " · ".join(factor(part) for part in parts if part is not MINUS_ONE)


def factor(part: Expression) -> str:
    """One factor: its number, and where it comes from."""
    if isinstance(part, Operand):
        return f"{decimal(float(part.value()))} {part}"
    if isinstance(part, Fold):
        return f"{decimal(scalar(part))} (a sum)"
    if isinstance(part, Named):
        return f"{decimal(scalar(part))} {write(part, TEXT)}"
    if isinstance(part, Number):
        return decimal(scalar(part))
    places = list(dict.fromkeys(str(leaf) for leaf in operands_of(part)))
    written = f"({write(part, TEXT)})"
    return f"{written} from {', '.join(places)}" if 0 < len(places) < 4 else written


def operands_of(part: Expression) -> list[Operand]:
    """The operands in sight, not those inside parts with a letter of their own."""
    if isinstance(part, Operand):
        return [part]
    children = () if isinstance(part, Named) else part.children()
    return [leaf for child in children for leaf in operands_of(child)]
