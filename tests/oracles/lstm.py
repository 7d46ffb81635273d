"""Long short-term memory in float64 loops, forward and back through time by hand.

i, f, o = σ(…), g = tanh(…) of W x + U h + b;   c′ = f c + i g;   h′ = o tanh(c′)
"""

from __future__ import annotations

from functools import partial

import numpy as np

from liuli.oracles import recurrent
from liuli.oracles.loops import Array
from liuli.oracles.recurrent import Cell, Kept, product, sigma


def forward(W: Array, U: Array, b: Array, x: Array, h: Array, c: Array) -> tuple[Array, Array, Kept]:
    """One step."""
    z_i, z_f, z_g, z_o = np.split(product(W, x) + product(U, h) + b, 4)
    i, f, g, o = sigma(z_i), sigma(z_f), np.tanh(z_g), sigma(z_o)
    new = f * c + i * g
    return o * np.tanh(new), new, {"i": i, "f": f, "g": g, "o": o, "before": c, "c": new}


def backward(kept: Kept, d_h: Array, d_c: Array) -> tuple[Array, Array, Array, Array]:
    """One step back: σ′ = σ (1 − σ), tanh′ = 1 − tanh²."""
    i, f, g, o = (kept[name] for name in "ifgo")
    shown = np.tanh(kept["c"])
    d_c = d_c + d_h * o * (1 - shown**2)
    d_z = np.concatenate(
        [
            d_c * g * i * (1 - i),
            d_c * kept["before"] * f * (1 - f),
            d_c * i * (1 - g**2),
            d_h * shown * o * (1 - o),
        ]
    )
    return d_z, d_z, np.zeros_like(d_h), d_c * f


values = partial(recurrent.values, Cell(forward, backward))
