"""The gated recurrent unit in float64 loops, forward and back through time by hand.

    r, z = σ(…) of W x + U h + b;   n = tanh(Wₙ x + r (Uₙ h) + bₙ);   h′ = (1 − z) n + z h

The reset gate acts after the product, as in Cho et al.'s first version, PyTorch and cuDNN; the printed version has
Uₙ (r h).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from liuli.oracles import recurrent
from liuli.oracles.loops import Array
from liuli.oracles.recurrent import Cell, Kept, product, sigma


def forward(W: Array, U: Array, b: Array, x: Array, h: Array, c: Array) -> tuple[Array, Array, Kept]:
    """One step."""
    of_input, of_state = np.split(product(W, x) + b, 3), np.split(product(U, h), 3)
    r, z = (sigma(of_input[gate] + of_state[gate]) for gate in (0, 1))
    n = np.tanh(of_input[2] + r * of_state[2])
    return (1 - z) * n + z * h, c, {"r": r, "z": z, "n": n, "of_state": of_state[2], "before": h}


def backward(kept: Kept, d_h: Array, d_c: Array) -> tuple[Array, Array, Array, Array]:
    """One step back: σ′ = σ (1 − σ), tanh′ = 1 − tanh²."""
    r, z, n = (kept[name] for name in "rzn")
    d_n = d_h * (1 - z) * (1 - n**2)
    d_z = d_h * (kept["before"] - n) * z * (1 - z)
    d_r = d_n * kept["of_state"] * r * (1 - r)
    return np.concatenate([d_r, d_z, d_n]), np.concatenate([d_r, d_z, d_n * r]), d_h * z, d_c


values = partial(recurrent.values, Cell(forward, backward))
