"""How one number came to be, as JSON: the formula, and for each letter the elements that stand for it.

This is what a page asks for where it cannot work it out from a template, and what a notebook asks for always.

    {"operation": 7, "formula": {…}, "letters": {"x[k]": {"address": "%6", "shape": [4], "flats": […], "values": […]},
                                                 "n":    {"number": 4}}}
"""

from __future__ import annotations

from collections import Counter
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, NotExplained, Workbench
from liuli.explaining.expression import Column, Expression, Named, Number, Operand, Source
from liuli.explaining.formula import Formula, written
from liuli.files import Json
from liuli.lab.templates import bound
from liuli.lab.trees import formula_json, number_json, tree_json
from liuli.tracing.parts import Operation, Value

MOST = 1 << 18  # operands of one number


def explained(bench: Workbench, address: str, flat: int, direction: str) -> Json:
    """How element `flat` of the value at `address` came to be ("forward"), or its gradient ("backward")."""
    value = bench.record.value(address)
    parts = forward(bench, value, flat) if direction == "forward" else backward(bench, value, flat)
    return {**captured(bench, value, flat, direction), "parts": [shown(one) for one in parts]}


def captured(bench: Workbench, value: Value, flat: int, direction: str) -> dict[str, Json]:
    """The number as the network had it; of a complex one the magnitude, and its two halves."""
    if value.dtype.is_complex:
        tensor = value.tensor if direction == "forward" else value.grad
        if tensor is None:
            return {"captured": None}
        number = complex(tensor.reshape(-1)[flat].item())
        return {"captured": number_json(abs(number)), "halves": [number_json(number.real), number_json(number.imag)]}
    source = bench.source(value.address) if direction == "forward" else bench.gradient(value.address)
    return {"captured": None if source is None else number_json(source.array[flat])}


def shown(part: Json) -> Json:
    """The part, or why not, where it has more operands than a page can hold."""
    count = sum(len(letter.get("flats", ())) for letter in part.get("letters", {}).values())
    return part if count <= MOST else {"operation": part["operation"], "reason": too_many(count)}


def too_many(count: int) -> str:
    """Why a page does not show what a number is made of."""
    return f"it is made of {count:,} numbers; a page shows {MOST:,} at most"


def forward(bench: Workbench, value: Value, flat: int) -> list[Json]:
    """The operation that made it, with its operands; nothing for an input or a parameter."""
    operation = value.producer
    if operation is None or value.address not in operation.outputs:
        return []
    if operation.name == "edit":  # a number that was set comes from nowhere; the others are as they were before it
        before = bench.record.value(operation.inputs[0])
        return [] if flat in operation.arguments["numbers"] else forward(bench, before, flat)
    output = operation.outputs.index(value.address)
    try:
        explainer = bench.explainer(operation)
        return [] if explainer.leaf else [part(explainer, output, flat)]
    except NotExplained as error:
        return [{"operation": operation.index, "reason": str(error)}]


def backward(bench: Workbench, value: Value, flat: int) -> list[Json]:
    """Every operation that used the number, with what came back from it."""
    if not reached(bench, value):
        return []
    return [one for operation in value.users for one in returned(bench, operation, value.address, flat)]


def reached(bench: Workbench, value: Value) -> bool:
    """Whether a gradient came back to it."""
    return (value.grad if value.dtype.is_complex else bench.gradient(value.address)) is not None


def returned(bench: Workbench, operation: Operation, address: str, flat: int) -> list[Json]:
    """What comes back from one operation."""
    if not any(reached(bench, bench.record.value(output)) for output in operation.outputs):
        return []
    try:
        expression = bench.returned(operation, address, flat)
    except NotExplained as error:
        return [{"operation": operation.index, "reason": str(error)}]
    if isinstance(expression, Number):
        return []
    return [{"operation": operation.index, **plain(expression, "∂L/∂x")}]


def part(explainer: Explainer, output: int, flat: int) -> Json:
    """One number of an operation, by the letters of its formula where the explainer has them."""
    found = {"operation": explainer.operation.index}
    formula, expression = explainer.explained(output, flat)
    letters = lettered(explainer, formula, expression, output, flat)
    if letters is not None:
        return {**found, "formula": formula_json(formula), "letters": letters}
    return {**found, **plain(expression, formula_json(formula)["result"])}


def lettered(explainer: Explainer, formula: Formula, expression: Expression, output: int, flat: int) -> Json:
    """What stands for the letters of `formula`; None where the expression is not of that form."""
    body = formula_json(formula)["body"]
    if isinstance(body, str) and isinstance(expression, Operand):
        return {body: letter(expression)}
    try:
        environment = explainer.environment(output, flat)
    except NotImplementedError:
        return None
    if not np.array_equal(formula.bind(environment).value(), expression.value(), equal_nan=True):
        return None
    return {name: letter(one) for name, one in bound(formula, environment).items()}


def plain(expression: Expression, result: str) -> Json:
    """An expression whose operands have no letters yet: a, b, c, …"""
    letters: dict[str, Json] = {}
    define: dict[str, Json] = {}
    names: dict[object, str] = {}
    defined: dict[int, str] = {}
    counts: Counter[str] = Counter()

    def leaf(node: Expression) -> Json:
        if isinstance(node, Named):
            return defined[id(node)]
        if isinstance(node, Operand):
            key: object = (node.source.address, node.source.gradient, node.flat)
        elif isinstance(node, Column):
            key = (node.source.address, node.source.gradient, node.flats.tobytes(), node.flats.shape)
        else:
            key = id(node)
        if key not in names:
            names[key] = name = fresh(len(names))
            letters[name] = letter(node)
        return names[key]

    def collect(node: Expression) -> None:
        for child in node.children():
            collect(child)
        if isinstance(node, Named) and id(node) not in defined:
            body = tree_json(node.body, leaf)
            name = written(node.symbol)
            counts[name] += 1
            defined[id(node)] = f"{name}_{counts[name]}" if counts[name] > 1 else name  # the means of several rows
            define[defined[id(node)]] = body

    collect(expression)
    body = tree_json(expression, leaf)
    formula = {"result": result, "body": body, "define": [list(pair) for pair in define.items()]}
    return {"formula": formula, "letters": letters}


def fresh(count: int) -> str:
    """a, b, …, z, a1, b1, …"""
    round, place = divmod(count, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(round) if round else "")


def letter(node: Expression) -> Json:
    """What stands for a letter."""
    match node:
        case Operand():
            return elements(node.source, np.array([node.flat]), ())
        case Column():
            return elements(node.source, node.flats, node.flats.shape)
        case Number() if isinstance(node.number, np.ndarray):
            return {"shape": node.number.shape, "values": [number_json(one) for one in node.number.ravel()]}
        case Number():
            return {"number": number_json(node.number)}
        case _:
            raise NotExplained(f"a letter that stands for a {type(node).__name__}")


def elements(source: Source, flats: NDArray[np.int64], shape: tuple[int, ...]) -> Json:
    """Elements of one value.

    Raises:
        NotExplained: they are more than a page can hold.
    """
    flats = flats.ravel()
    if flats.size > MOST:  # found out before a million numbers are written for nothing
        raise NotExplained(too_many(flats.size))
    return {
        "address": source.address,
        "gradient": source.gradient,
        "shape": shape,
        "flats": flats.tolist(),
        "values": [number_json(one) for one in source.array[flats]],
    }
