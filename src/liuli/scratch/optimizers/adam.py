"""Adam: momentum for the direction, RMSProp for the length of the step; and AdamW, whose weights decay apart."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from liuli.scratch.optimizers.optimizer import Optimizer
from liuli.scratch.tape import Array, Tensor


class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba, 2015, algorithm 1).

        M ← β₁ M + g                     a sum of the gradients, in which the older ones weigh less
        V ← β₂ V + g²                    the same of their squares
        w ← w − η m̂ / (√v̂ + ε)           with m̂ = M / (1 + β₁ + … + β₁ᵗ⁻¹) and v̂ = V / (1 + β₂ + … + β₂ᵗ⁻¹)

    After t steps, the newest gradient stands in M with the weight 1 and the oldest with β₁ᵗ⁻¹, so that m̂ is the
    weighted mean of all gradients so far, and v̂ of their squares. While the gradient keeps its sign, m̂/√v̂ is near
    ±1 and every number moves by about η, however small its gradient.

    The paper keeps m = (1 − β₁) M and v = (1 − β₂) V, and divides by 1 − β₁ᵗ and 1 − β₂ᵗ. By the sum of the geometric
    series, 1 + β + … + βᵗ⁻¹ = (1 − βᵗ)/(1 − β), it is the same; the sums want fewer multiplications.

    A weight decay λ adds λ w to the gradient: the slope of the penalty λ/2·‖w‖².
    """

    memories = ("gradients", "squares")

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        learning_rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weight_decay = weight_decay

    def update(self, block: tuple[Array, ...], steps: int) -> None:
        """One step of the formula."""
        w, g, *others = block
        self.adapt((w, g + self.weight_decay * w if self.weight_decay else g, *others), steps)

    def adapt(self, block: tuple[Array, ...], steps: int) -> None:
        """The step by what is remembered of the gradient."""
        weights_of_mean = (1 - self.beta1**steps) / (1 - self.beta1)  # 1 + β₁ + … + β₁ᵗ⁻¹
        weights_of_square = (1 - self.beta2**steps) / (1 - self.beta2)
        root = math.sqrt(weights_of_square)
        w, g, m, v, room = block
        m *= self.beta1  # M ← β₁ M + g
        m += g
        v *= self.beta2  # V ← β₂ V + g²
        v += np.multiply(g, g, out=room)
        np.sqrt(v, out=room)  # √V + √n₂ ε, which is √n₂ (√v̂ + ε)
        room += root * self.epsilon
        np.divide(m, room, out=room)
        room *= self.learning_rate * root / weights_of_mean  # η m̂ / (√v̂ + ε)
        w -= room


class AdamW(Adam):
    """Adam whose weight decay is no part of the gradient: first w ← w − η λ w, then Adam's step.

    Were λ w added to the gradient, Adam would divide it by √v̂ too, and the largest weights would be held back
    the least. (Loshchilov & Hutter, Decoupled weight decay regularization, 2019, algorithm 2)
    """

    def update(self, block: tuple[Array, ...], steps: int) -> None:
        """One step of the formula."""
        w = block[0]
        w *= 1 - self.learning_rate * self.weight_decay
        self.adapt(block, steps)
