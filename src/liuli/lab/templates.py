"""How every number of an operation came to be, in a form small enough for a file.

A template is the formula of an operation with a rule for each letter: which element of which value stands for it, for
any element of the output. The rules are those of the explainers themselves (`liuli.explaining.families`), given on as
data. What has no rule is explained number by number (`instances`), where there are few enough.

    {"kind": "relation", …}  sums of products: linear layers, convolutions
    {"kind": "window", …}    pools
    {"kind": "rows", …}      softmax, normalizations, reductions
    {"kind": "each", …}      number by number: activations, arithmetic; and what only moves numbers
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, NotExplained, Workbench
from liuli.explaining.expression import Column, Expression, Named, Number, Operand
from liuli.explaining.families.edited import Edited
from liuli.explaining.families.elementwise import row_major
from liuli.explaining.families.gathering import Gathered
from liuli.explaining.families.linear import Contraction
from liuli.explaining.families.moving import Embedding, Moved, Overwritten, padding_row
from liuli.explaining.families.normalization import Normalization
from liuli.explaining.families.pooling import MeanPool, Pool
from liuli.explaining.families.rows import RowExplainer
from liuli.explaining.formula import Environment, Formula, written
from liuli.files import Json
from liuli.lab.packing import Pack
from liuli.lab.slopes import NoSlope, slopes, symbols
from liuli.lab.trees import formula_json, number_json
from liuli.tracing.parts import Operation

T = TypeVar("T")

LARGEST = 2**22  # elements of an output for which a table is made


class NoTemplate(Exception):
    """The operation is of a form that is explained number by number only."""


def template(operation: Operation, output: int, bench: Workbench, pack: Pack) -> Json:
    """The template of one output of an operation.

    Raises:
        NoTemplate: it has none.
    """
    try:
        explainer = bench.explainer(operation)
    except NotExplained as error:
        raise NoTemplate from error
    if prod(operation.shapes[output]) > LARGEST:
        raise NoTemplate
    kind = type(explainer)
    if isinstance(explainer, Contraction) and output == 0:
        return relation(explainer)
    if isinstance(explainer, Pool) and output == 0 and kind in (Pool, MeanPool):
        return window(explainer, pack)
    plain = kind.environment is RowExplainer.environment or (kind is Normalization and output == 0)
    if isinstance(explainer, RowExplainer) and explainer.vector and plain:
        return rows(explainer, output, pack)
    others = Edited | Gathered | Overwritten
    if isinstance(explainer, Moved) and not isinstance(explainer, others) and explainer.moves(output):
        return moved(explainer, output, pack)
    if explainer.vector and not isinstance(explainer, RowExplainer):
        return each(explainer, output, pack)
    raise NoTemplate


def relation(explainer: Contraction) -> Json:
    """Indices and links as they stand in the explainer's `Relation`."""
    own = explainer.relation
    letters: dict[str, Json] = {name: {"address": source.address} for name, source in explainer.operands.items()}
    absent = {letter for letter, factor in explainer.factors.items() if factor is None}
    for letter, factor in explainer.factors.items():
        if isinstance(factor, Number):
            letters[letter] = {"number": number_json(factor.number)}
    if explainer.added is not None:
        source, shape = explainer.added
        letters["b"] = {"address": source.address, "added": shape}
    else:
        absent.add("b")
    return {
        "kind": "relation",
        "formula": formula_json(explainer.formula(0).without(frozenset(absent))),
        "letters": letters,
        "sizes": own.sizes,
        "tensors": {name: list(indices) for name, indices in own.tensors.items()},
        "links": [[one.big, one.small, one.tap, one.stride, one.dilation, one.padding] for one in own.links],
    }


def window(explainer: Pool, pack: Pack) -> Json:
    """The windows of each dimension by their places, as they stand in the explainer's spans."""
    count = prod(explainer.shape())
    symbol = f"x[{','.join('uvw'[: len(explainer.spans)])}]"
    first = explainer.environment(0, 0)
    letters: dict[str, Json] = {symbol: {"address": explainer.x.address}}
    if "p" in first:
        letters["p"] = constant(first["p"])
    places = prod(explainer.counts)
    divided = [explainer.divided(flat, explainer.window(flat)) for flat in range(places)]
    letters["n"] = {"rows": pack.add(np.tile(np.array(divided, np.float64), count // places))}
    return {
        "kind": "window",
        **sloped(explainer, 0, letters),
        "spans": [[span.tolist() for span in spans] for spans in explainer.spans],
        "sizes": explainer.sizes,
    }


def rows(explainer: RowExplainer, output: int, pack: Pack) -> Json:
    """Rows of one operand, with what belongs to a whole row and what to the element itself."""
    letters: dict[str, Json] = {}
    running = {"address": explainer.x.address, "running": True}
    settings = [explainer.settings(row) for row in range(explainer.rows.count)]
    for name in settings[0]:
        several = [one[name] for one in settings]
        letters[name] = by_row(several, pack)
    for name in ("x[k]", "x[j]"):
        letters.setdefault(name, running)
    if not explainer.reduces:
        own = explainer.own(output, np.arange(prod(explainer.shape(output))))
        letters |= {name: by_element(part, explainer.shape(output), pack) for name, part in own.items()}
    return {
        "kind": "rows",
        **sloped(explainer, output, letters),
        "shape": explainer.rows.shape,
        "dims": explainer.rows.dims,
        "reduces": explainer.reduces,
    }


def each(explainer: Explainer, output: int, pack: Pack) -> Json:
    """One element of each operand for an element of the output."""
    shape = explainer.shape(output)
    if "fold" in str(formula_json(explainer.formula(output))):
        raise NoTemplate
    environment = explainer.environment(output, np.arange(prod(shape)))
    letters = {name: by_element(part, shape, pack) for name, part in environment.items()}
    return {"kind": "each", **sloped(explainer, output, letters)}


def moved(explainer: Moved, output: int, pack: Pack) -> Json:
    """Where each number came from."""
    which, place = explainer.origins[output]
    formula = explainer.formula(output)
    body = formula_json(formula)["body"]
    rule: dict[str, Json] = {"addresses": explainer.addresses, **table(place, explainer.shape(output), pack)}
    if len(explainer.addresses) > 1:
        rule["which"] = pack.add(which.astype(np.int32))
    if (which < 0).any():
        rule["fill"] = number_json(explainer.constant)
    if isinstance(explainer, Embedding):
        rows, width = explainer.need("weight").shape
        padding = padding_row(explainer, rows)
        if padding is not None:  # it learns nothing
            rule["still"] = [padding * width, (padding + 1) * width]
    slope = [{"letter": body, "slope": 1}]
    return {"kind": "each", "formula": formula_json(formula), "slopes": slope, "letters": {body: rule}}


# Letters.


def constant(part: Expression | None) -> Json:
    """A letter that stands for one number throughout; None for one that is left out."""
    if part is None:
        return None
    if not isinstance(part, Number) or isinstance(part.number, np.ndarray):
        raise NoTemplate
    return {"number": number_json(part.number)}


def by_element(part: Expression | None, shape: tuple[int, ...], pack: Pack) -> Json:
    """A letter that stands for one element of an operand, another for each element of the output."""
    if isinstance(part, Column):
        return {"address": part.source.address, **table(part.flats, shape, pack)}
    if isinstance(part, Operand):
        return {"address": part.source.address, **table(np.array([part.flat]), (1,), pack)}
    return constant(part)


def by_row(parts: list[Expression | None], pack: Pack) -> Json:
    """A letter that stands for one number or operand, another for each row."""
    first = parts[0]
    if isinstance(first, Operand):
        flats = [part.flat for part in parts if isinstance(part, Operand) and part.source is first.source]
        if len(flats) != len(parts):
            raise NoTemplate
        return {"address": first.source.address, "row": pack.add(np.array(flats, np.int32))}
    values = [constant(part) for part in parts]
    if all(value == values[0] for value in values):
        return values[0]
    return {"rows": pack.add(np.array([part.number for part in parts if isinstance(part, Number)], np.float64))}


def table(flats: NDArray[np.int64], shape: tuple[int, ...], pack: Pack) -> dict[str, Json]:
    """Where each element of the output finds its operand: a step for each dimension, else all of them one by one."""
    steps = affine(flats, shape)
    return {"steps": steps} if steps is not None else {"table": pack.add(flats.astype(np.int32))}


def affine(flats: NDArray[np.int64], shape: tuple[int, ...]) -> list[int] | None:
    """[start, step along the first dimension, …], where that gives all of `flats`; else None."""
    if flats.size == 0:
        return None
    own = row_major(shape)
    steps = [int(flats[step] - flats[0]) if size > 1 else 0 for size, step in zip(shape, own, strict=True)]
    found: Any = int(flats[0])
    for place, (size, step) in enumerate(zip(shape, steps, strict=True)):
        found = found + (np.arange(size) * step).reshape([-1 if i == place else 1 for i in range(len(shape))])
    return [int(flats[0]), *steps] if np.array_equal(np.ravel(found), flats) else None


# Formulas.


def sloped(explainer: Explainer, output: int, letters: dict[str, Json]) -> dict[str, Json]:
    """The formula of an operation, its slopes, and its letters without those that are left out."""
    formula = explainer.formula(output).without(frozenset(name for name, rule in letters.items() if rule is None))
    used = set(map(written, symbols(formula)))
    operands = {name for name in used if {"address", "addresses"} & (resolved(letters, name) or {}).keys()}
    try:
        found = slopes(formula, explainer.detached, operands)
    except NoSlope as error:
        raise NoTemplate from error
    given = {name: rule for name, rule in used_by(formula, letters).items() if rule}
    return {"formula": formula_json(formula), "slopes": found, "letters": given}


def used_by(formula: Formula, letters: Mapping[str, T]) -> dict[str, T]:
    """The letters that stand in `formula`, and what says which element a maximum chose ("winner k")."""
    used = set(map(written, symbols(formula)))
    used |= {name.partition("[")[0] for name in used}
    return {name: one for name, one in letters.items() if name in used or " " in name}


def resolved(letters: Mapping[str, T], name: str) -> T | None:
    """What a symbol stands for: looked up as it is written, else by its letter."""
    return letters[name] if name in letters else letters.get(name.partition("[")[0])


def bound(formula: Formula, environment: Environment) -> dict[str, Expression]:
    """The letters of a formula that stand for something and are defined by no line of it."""
    given = used_by(formula, environment)
    return {name: part for name, part in given.items() if part is not None and not isinstance(part, Named)}
