"""Gradient descent, and its two ways of gathering speed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from liuli.scratch.optimizers.optimizer import Optimizer
from liuli.scratch.tape import Array, Tensor


class SGD(Optimizer):
    """w ← w − η d, with the direction d by the settings; η is the learning rate.

        neither            d = g                     (gradient descent; over batches, *stochastic*)
        momentum μ         v ← μ v + g,  d = v       (Polyak, 1964: a ball that rolls, and is slowed down)
        and Nesterov       v ← μ v + g,  d = g + μ v (Nesterov, 1983: the slope where the ball will be)

    A weight decay λ adds λ w to the gradient: the slope of the penalty λ/2·‖w‖².
    """

    memories = ("velocity",)

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay

    def update(self, block: tuple[Array, ...], steps: int) -> None:
        """One step of the formula."""
        w, g, v, room = block
        direction = g
        if self.weight_decay:
            direction = np.add(g, self.weight_decay * w, out=room)
        v *= self.momentum  # v ← μ v + g
        v += direction
        direction = direction + self.momentum * v if self.nesterov else v
        w -= np.multiply(direction, self.learning_rate, out=room)
