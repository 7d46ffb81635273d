"""Elman's network in float64 loops, forward and back through time by hand: h′ = tanh(W x + U h + b)."""

from __future__ import annotations

from functools import partial

import numpy as np

from liuli.oracles import recurrent
from liuli.oracles.loops import Array
from liuli.oracles.recurrent import Cell, Kept, product


def forward(W: Array, U: Array, b: Array, x: Array, h: Array, c: Array) -> tuple[Array, Array, Kept]:
    """One step."""
    h = np.tanh(product(W, x) + product(U, h) + b)
    return h, c, {"h": h}


def backward(kept: Kept, d_h: Array, d_c: Array) -> tuple[Array, Array, Array, Array]:
    """One step back: tanh′ = 1 − tanh²."""
    d_z = d_h * (1 - kept["h"] ** 2)
    return d_z, d_z, np.zeros_like(d_h), d_c


values = partial(recurrent.values, Cell(forward, backward))
