"""LeNet-5 as it is read today, as `liuli.models.vision.lenet`, by hand.

    convolution: z[o,i,j] = b[o] + Σ_c Σ_u Σ_v W[o,c,u,v] · x[c, i+u, j+v]
    pooling:     s[c,i,j] = max of the 2 × 2 window at (2i, 2j)

Paper: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998, section II.B.

Shapes:
    B  batch, K classes, pictures (B, 1, 32, 32): the 28 × 28 of MNIST with a rim of 2
"""

from __future__ import annotations

import numpy as np

from liuli.scratch.networks.network import Network
from liuli.scratch.operations import max_pool, relu, reshape
from liuli.scratch.tape import Array, Tensor


class LeNet(Network):
    """C1 S2 C3 S4 C5 F6 and the output; returns scores. Layers carry the paper's names."""

    def __init__(self, rng: np.random.Generator, classes: int = 10) -> None:
        super().__init__(rng, classes)
        self.add_layer("c1", (6, 1, 5, 5), rng)
        self.add_layer("c3", (16, 6, 5, 5), rng)
        self.add_layer("c5", (120, 16 * 5 * 5), rng)
        self.add_layer("f6", (84, 120), rng)
        self.add_layer("output", (classes, 84), rng)

    def __call__(self, pictures: Array, training: bool = False) -> Tensor:
        """Shapes: pictures (B, 1, 32, 32) → (B, K)."""
        x = Tensor(pictures, constant=True)  # (B, 1, 32, 32)
        c1 = relu(self.convolution("c1", x))  # (B, 6, 28, 28)
        s2 = max_pool(c1, 2)  # (B, 6, 14, 14)
        c3 = relu(self.convolution("c3", s2))  # (B, 16, 10, 10)
        s4 = max_pool(c3, 2)  # (B, 16, 5, 5)
        features = reshape(s4, (len(pictures), -1))  # (B, 400)
        c5 = relu(self.dense("c5", features))  # (B, 120)
        f6 = relu(self.dense("f6", c5))  # (B, 84)
        return self.dense("output", f6)  # (B, K)
