"""The structure of a whole operation at once, where it is regular: which operands make which output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explain import bench
from liuli.explaining.explainer import NotExplained
from liuli.explaining.formula import Formula
from liuli.tracing.parts import Operation


@dataclass(frozen=True, eq=False)
class OperandTable:
    """For a dense layer, a product, a convolution or a pool: the operands of every element of the output.

    Attributes:
        formula: whose letters the tables are named by.
        addresses: of the value that each letter stands for.
        places: by letter (outputs, terms): the row-major place of the operand in that value, −1 where a term lies in
            the padding and is left out; of a bias (outputs, 1).
    """

    formula: Formula
    addresses: dict[str, str]
    places: dict[str, NDArray[np.int64]]


def operand_table(operation: Operation, output: int = 0) -> OperandTable | None:
    """The operands of all elements of an output; None for an operation whose structure is not regular.

    Shapes: outputs in row-major order.
    """
    try:
        explainer = bench(operation.record).explainer(operation)
        found = explainer.table(output)
    except NotExplained:
        return None
    if found is None:
        return None
    formula, _ = explainer.explained(output, 0)
    return OperandTable(
        formula,
        {letter: source.address for letter, (source, _) in found.items()},
        {letter: places for letter, (_, places) in found.items()},
    )
