"""The multilayer perceptron, as `liuli.models.vision.mlp`, by hand.

    a⁰ = x,   aˡ = σ(Wˡ aˡ⁻¹ + bˡ),   σ(z) = 1 / (1 + e⁻ᶻ),   p = softmax(W⁴ a³ + b⁴)

Paper: Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature 323, 1986.

Shapes:
    B  batch, 28 × 28 pixels = 784 inputs, three hidden widths 256, 128, 64, K classes
"""

from __future__ import annotations

import math

import numpy as np

from liuli.scratch.networks.network import Network
from liuli.scratch.operations import sigmoid
from liuli.scratch.tape import Array, Tensor


class MLP(Network):
    """Dense layers with sigmoids between them; returns scores, whose softmax is the answer."""

    def __init__(self, rng: np.random.Generator, classes: int = 10) -> None:
        super().__init__(rng, classes)
        self.add_layer("hidden1", (256, 28 * 28), rng)
        self.add_layer("hidden2", (128, 256), rng)
        self.add_layer("hidden3", (64, 128), rng)
        self.add_layer("output", (classes, 64), rng)

    def add_layer(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        """Draw the first weights evenly from ±√(6 / (inputs + outputs)); biases begin at 0.

        Then neither the values going forward nor the gradients going back shrink from layer to layer, which
        sigmoids, nowhere steeper than ¼, need most (Glorot & Bengio, 2010, equation 16).

        Shapes: `shape` of the weight: (out, in).
        """
        bound = math.sqrt(6 / sum(shape))
        self.parameters[f"{name}.weight"] = Tensor(rng.uniform(-bound, bound, shape).astype(np.float32))
        self.parameters[f"{name}.bias"] = Tensor(np.zeros(shape[0], np.float32))

    def __call__(self, pictures: Array, training: bool = False) -> Tensor:
        """Shapes: pictures (B, 1, 28, 28) → (B, K)."""
        pixels = Tensor(pictures.reshape(len(pictures), -1), constant=True)  # (B, 784)
        a1 = sigmoid(self.dense("hidden1", pixels))  # (B, 256)
        a2 = sigmoid(self.dense("hidden2", a1))  # (B, 128)
        a3 = sigmoid(self.dense("hidden3", a2))  # (B, 64)
        return self.dense("output", a3)  # (B, K)
