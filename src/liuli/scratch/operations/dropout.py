"""Dropout: silence some numbers at random while training, so that no unit may lean on a single other one."""

from __future__ import annotations

import numpy as np

from liuli.scratch.tape import Tensor, record


def dropout(x: Tensor, probability: float, rng: np.random.Generator) -> Tensor:
    """y = m ⊙ x / (1 − p), mᵢ = 0 with probability p, else 1; ∂y/∂x = m / (1 − p).

    Dividing by 1 − p keeps the expected value: E[y] = x. So outside training nothing is to be done, and
    dropout is simply not called. (Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, 2014)

    Shapes: any, kept. Range: probability in [0, 1).
    """
    kept = rng.random(x.value.shape, np.float32) >= probability
    mask = kept.astype(x.value.dtype) / (1 - probability)
    return record("dropout", x.value * mask, (x, lambda upstream: upstream * mask))
