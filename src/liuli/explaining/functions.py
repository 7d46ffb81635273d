"""The named functions that a formula may use, computed in float64 on numbers or whole columns of them.

How each is differentiated stands in `derivative`, how it is written in `notation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Compute = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its name in formulas.

    Attributes:
        compute: from numbers or arrays to numbers or arrays.
        infix: the sign between two arguments, for what is written so: "<".
        smooth: whether it has a derivative that is not 0 nearly everywhere.
    """

    compute: Compute
    infix: str = ""
    smooth: bool = True


def by_torch(function: Callable[[torch.Tensor], torch.Tensor]) -> Compute:
    """A special function that NumPy lacks."""

    def compute(x: Any) -> Any:
        result = function(torch.as_tensor(x, dtype=torch.float64)).numpy()
        return result if result.ndim else np.float64(result)

    return compute


def truth(function: Compute) -> Compute:
    """A question, answered with 1 or 0."""
    return lambda *arguments: np.asarray(function(*arguments)).astype(np.float64)


def choose(*parts: Any) -> Any:
    """where(condition, yes, condition, yes, …, otherwise)."""
    result = parts[-1]
    for condition, yes in zip(parts[-3::-2], parts[-2::-2], strict=True):
        result = np.where(condition != 0, yes, result)
    return result


def integer(function: Compute) -> Compute:
    """An operation on the bits of whole numbers."""
    return lambda *arguments: function(*(np.asarray(one).astype(np.int64) for one in arguments)).astype(np.float64)


FUNCTIONS: dict[str, Function] = {
    "exp": Function(np.exp),
    "log": Function(np.log),
    "log1p": Function(np.log1p),
    "expm1": Function(np.expm1),
    "abs": Function(np.abs),
    "sin": Function(np.sin),
    "cos": Function(np.cos),
    "tan": Function(np.tan),
    "asin": Function(np.arcsin),
    "acos": Function(np.arccos),
    "atan": Function(np.arctan),
    "sinh": Function(np.sinh),
    "cosh": Function(np.cosh),
    "tanh": Function(np.tanh),
    "asinh": Function(np.arcsinh),
    "acosh": Function(np.arccosh),
    "atanh": Function(np.arctanh),
    "atan2": Function(np.arctan2),
    "erf": Function(by_torch(torch.special.erf)),
    "erfinv": Function(by_torch(torch.special.erfinv)),
    "lgamma": Function(by_torch(torch.special.gammaln)),
    "digamma": Function(by_torch(torch.special.digamma)),
    "trigamma": Function(by_torch(lambda x: torch.special.polygamma(1, x)), smooth=False),
    "i0": Function(by_torch(torch.special.i0)),
    "i1": Function(by_torch(torch.special.i1), smooth=False),
    "max": Function(np.maximum),
    "min": Function(np.minimum),
    "where": Function(choose),
    "mod": Function(np.mod),
    "fmod": Function(np.fmod),
    "sign": Function(np.sign, smooth=False),
    "floor": Function(np.floor, smooth=False),
    "ceil": Function(np.ceil, smooth=False),
    "trunc": Function(np.trunc, smooth=False),
    "round": Function(np.round, smooth=False),  # half to even, as PyTorch does
    "isnan": Function(truth(np.isnan), smooth=False),
    "isinf": Function(truth(np.isinf), smooth=False),
    "isfinite": Function(truth(np.isfinite), smooth=False),
    "not": Function(truth(np.logical_not), smooth=False),
    "lt": Function(truth(np.less), "<", smooth=False),
    "le": Function(truth(np.less_equal), "≤", smooth=False),
    "gt": Function(truth(np.greater), ">", smooth=False),
    "ge": Function(truth(np.greater_equal), "≥", smooth=False),
    "eq": Function(truth(np.equal), "=", smooth=False),
    "ne": Function(truth(np.not_equal), "≠", smooth=False),
    "and": Function(truth(np.logical_and), "and", smooth=False),
    "or": Function(truth(np.logical_or), "or", smooth=False),
    "xor": Function(truth(np.logical_xor), "xor", smooth=False),
    "bitand": Function(integer(np.bitwise_and), "&", smooth=False),
    "bitor": Function(integer(np.bitwise_or), "|", smooth=False),
    "bitxor": Function(integer(np.bitwise_xor), "⊕", smooth=False),
    "shiftleft": Function(integer(np.left_shift), "≪", smooth=False),
    "shiftright": Function(integer(np.right_shift), "≫", smooth=False),
}
