"""Softmax and its relations: each number of a row against the sum over the row."""

from __future__ import annotations

import numpy as np

from liuli.explaining.derivative import Target
from liuli.explaining.explainer import REGISTRY, Flats, pick
from liuli.explaining.expression import Apply, Expression, Number, Operand, times
from liuli.explaining.families.rows import RowExplainer, along_dim


class Softmax(RowExplainer):
    """The share of each number's exponential. The largest number m is subtracted so that none overflows."""

    text = """
        y[i] = exp(x[i] - m)/S
        m = Max(k, x[k])
        S = Sum(k, exp(x[k] - m))
    """
    detached = ("m",)

    def local(self, output: int, flat: Flats, target: Target) -> Expression:
        """∂y_j/∂x_i = y_j·([j = i] − y_i)."""
        made = self.output(output)
        return times(pick(made, flat), same(flat, target) - Operand(made, target.flat))


def same(flat: Flats, target: Target) -> Expression:
    """1 at the place of the target, 0 elsewhere."""
    return Number(np.equal(flat, target.flat).astype(np.float64))


class LogSoftmax(RowExplainer):
    """The logarithm of softmax."""

    text = """
        y[i] = x[i] - m - log(S)
        m = Max(k, x[k])
        S = Sum(k, exp(x[k] - m))
    """
    detached = ("m",)

    def local(self, output: int, flat: Flats, target: Target) -> Expression:
        """∂y_j/∂x_i = [j = i] − exp(y_i)."""
        return same(flat, target) - Apply("exp", (Operand(self.output(output), target.flat),))


class Softmin(RowExplainer):
    """Softmax of the negated numbers."""

    text = """
        y[i] = exp(m - x[i])/S
        m = Min(k, x[k])
        S = Sum(k, exp(m - x[k]))
    """
    detached = ("m",)


class LogSumExp(RowExplainer):
    """The logarithm of the sum of exponentials: a smooth maximum."""

    text = """
        y = m + log(Sum(k, exp(x[k] - m)))
        m = Max(k, x[k])
    """
    detached = ("m",)
    reduces = True


REGISTRY["softmax"] = REGISTRY["_softmax"] = along_dim(Softmax, -1)
REGISTRY["log_softmax"] = REGISTRY["_log_softmax"] = along_dim(LogSoftmax, -1)
REGISTRY["softmin"] = along_dim(Softmin, -1)
REGISTRY["logsumexp"] = along_dim(LogSumExp)
