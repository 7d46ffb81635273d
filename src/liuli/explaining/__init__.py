"""From a record: how any number came to be, forward and backward.

record = liuli.trace(module, image, loss=...)
explanation = record.explain("%3", (0, 5, 2, 2))
print(explanation.text())
explanation.operands[0].address, explanation.residual, explanation.to_json()
"""

from liuli.explaining.coverage import Coverage, coverage
from liuli.explaining.explain import explain, explain_gradient, unit
from liuli.explaining.explanation import Explanation
from liuli.explaining.expression import Expression, Operand
from liuli.explaining.provenance import Provenance, provenance
from liuli.explaining.step import explain_step
from liuli.explaining.table import OperandTable, operand_table
from liuli.explaining.terms import Term
from liuli.explaining.whatif import Difference, compare, whatif

__all__ = [
    "Coverage",
    "Difference",
    "Explanation",
    "Expression",
    "Operand",
    "OperandTable",
    "Provenance",
    "Term",
    "compare",
    "coverage",
    "explain",
    "explain_gradient",
    "explain_step",
    "operand_table",
    "provenance",
    "unit",
    "whatif",
]
