"""AdaGrad: a rate of its own for each number, which falls as it learns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from liuli.scratch.optimizers.optimizer import Optimizer
from liuli.scratch.tape import Array, Tensor


class AdaGrad(Optimizer):
    """s ← s + g²,  w ← w − η g / (√s + ε).

    A number that has often had a large gradient takes small steps; one that seldom had any (a rare word's)
    takes large ones. As s only grows, every rate goes to 0 in the end.
    (Duchi, Hazan & Singer, Adaptive subgradient methods, 2011)
    """

    memories = ("squares",)

    def __init__(self, parameters: Mapping[str, Tensor], learning_rate: float, epsilon: float = 1e-10) -> None:
        super().__init__(parameters, learning_rate)
        self.epsilon = epsilon

    def update(self, block: tuple[Array, ...], steps: int) -> None:
        """One step of the formula."""
        w, g, s, room = block
        s += np.multiply(g, g, out=room)  # s ← s + g²
        np.sqrt(s, out=room)
        room += self.epsilon
        np.divide(g, room, out=room)  # g / (√s + ε)
        room *= self.learning_rate
        w -= room
