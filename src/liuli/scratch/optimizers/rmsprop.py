"""RMSProp: AdaGrad that forgets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from liuli.scratch.optimizers.optimizer import Optimizer
from liuli.scratch.tape import Array, Tensor


class RMSProp(Optimizer):
    """s ← α s + (1 − α) g²,  w ← w − η g / (√s + ε).

    Instead of the sum of all squares, their running mean: √s is the root of the mean square of about the last
    1/(1 − α) gradients, and the rate does not die out. (Hinton, Neural networks for machine learning, lecture 6e, 2012)
    """

    memories = ("mean_square",)

    def __init__(
        self, parameters: Mapping[str, Tensor], learning_rate: float, alpha: float = 0.99, epsilon: float = 1e-8
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.alpha = alpha
        self.epsilon = epsilon

    def update(self, block: tuple[Array, ...], steps: int) -> None:
        """One step of the formula."""
        w, g, s, room = block
        np.multiply(g, g, out=room)
        room *= 1 - self.alpha
        s *= self.alpha  # s ← α s + (1 − α) g²
        s += room
        np.sqrt(s, out=room)
        room += self.epsilon
        np.divide(g, room, out=room)  # g / (√s + ε)
        room *= self.learning_rate
        w -= room
