"""ResNet-20 with parameter-free shortcuts (option A), forward and backward by hand in float64 NumPy.

A batch norm is written from its definition. The identity hands on its very input, so that under its name stands the
gradient of that input, by all its users.

Shapes: B batch, K classes; pictures (B, 3, H, W), stages (B, 16, H, W), (B, 32, H/2, W/2), (B, 64, H/4, W/4), scores
(B, K). A gradient by a value is called d_ and the value's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.convolutions import Pass, relu
from liuli.oracles.loops import Array, cross_entropy

STAGES = (16, 32, 64)
BLOCKS = 3
EPSILON = 1e-5


class ResidualPass(Pass):
    """One pass through the network.

    Args:
        weights: every parameter and buffer by its PyTorch name.
        training: whether batch norm takes the means and variances of the batch, not the averages it has kept.
    """

    def __init__(self, weights: dict[str, Array], training: bool) -> None:
        super().__init__(weights)
        self.training = training

    def norm(self, name: str, z: Array) -> Array:
        """γ (z − μ) / √(σ² + ε) + β, for each map."""
        if self.training:
            mean = z.mean((0, 2, 3))
            variance = ((z - each_map(mean)) ** 2).mean((0, 2, 3))
        else:
            mean, variance = self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"]
        self.seen[f"{name} deviation"] = deviation = each_map(np.sqrt(variance + EPSILON))
        self.seen[name] = normed = (z - each_map(mean)) / deviation
        return self.keep(
            name, each_map(self.weights[f"{name}.weight"]) * normed + each_map(self.weights[f"{name}.bias"])
        )

    def back_through_norm(self, name: str, dy: Array) -> Array:
        """The gradient by z, from that by the normed; the batch's mean and variance depend on every z."""
        normed = self.seen[name]
        self.keep(f"gradient of {name}", dy)
        self.keep(f"gradient of {name}.weight", (dy * normed).sum((0, 2, 3)))
        self.keep(f"gradient of {name}.bias", dy.sum((0, 2, 3)))
        d_normed = dy * each_map(self.weights[f"{name}.weight"])
        if self.training:
            along = each_map((d_normed * normed).mean((0, 2, 3)))
            d_normed = d_normed - each_map(d_normed.mean((0, 2, 3))) - normed * along
        return d_normed / self.seen[f"{name} deviation"]

    def block(self, name: str, x: Array, stride: int) -> Array:
        """ReLU(F(x) + shortcut(x))."""
        inner = relu(self.norm(f"{name}.bn1", self.convolution(f"{name}.conv1", x, stride)))
        residual = self.norm(f"{name}.bn2", self.convolution(f"{name}.conv2", inner))
        shortcut = self.keep(f"{name}.shortcut", x if stride == 1 else padded(x, residual.shape[1]))
        return self.keep(name, relu(residual + shortcut))

    def back_through_block(self, name: str, dy: Array, stride: int) -> Array:
        """The gradient by the block's input, from that by its output."""
        self.keep(f"gradient of {name}", dy)
        d_sum = dy * (self.values[name] > 0)
        d_inner = self.back_through_convolution(f"{name}.conv2", self.back_through_norm(f"{name}.bn2", d_sum))
        d_inner = d_inner * (self.values[f"{name}.bn1"] > 0)
        dx = self.back_through_convolution(f"{name}.conv1", self.back_through_norm(f"{name}.bn1", d_inner), stride)
        if stride == 1:
            dx = dx + d_sum
            self.keep(f"gradient of {name}.shortcut", dx)
        else:
            self.keep(f"gradient of {name}.shortcut", d_sum)
            lacking = d_sum.shape[1] - dx.shape[1]
            dx[:, :, ::2, ::2] += d_sum[:, lacking // 2 : lacking // 2 + dx.shape[1]]
        return dx


def values(
    weights: dict[str, Array], pictures: Array, labels: NDArray[np.int64], training: bool = False
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    run = ResidualPass(weights, training)
    x = relu(run.norm("bn1", run.convolution("conv1", pictures)))
    blocks = [(stage, block) for stage in range(1, len(STAGES) + 1) for block in range(BLOCKS)]
    for stage, block in blocks:
        x = run.block(f"layer{stage}.{block}", x, stride_of(stage, block))
        run.keep(f"layer{stage}", x)
    features = x.mean((2, 3))
    scores = run.keep("fc", features @ weights["fc.weight"].T + weights["fc.bias"])
    run.keep("forward", scores)
    loss, d_scores = cross_entropy(scores, labels)
    run.keep("loss", loss)

    for name in ("fc", "forward"):
        run.keep(f"gradient of {name}", d_scores)
    run.keep("gradient of fc.weight", d_scores.T @ features)
    run.keep("gradient of fc.bias", d_scores.sum(0))
    pixels = x.shape[2] * x.shape[3]
    dx = np.broadcast_to((d_scores @ weights["fc.weight"])[:, :, None, None] / pixels, x.shape)
    for stage, block in reversed(blocks):
        if block == BLOCKS - 1:
            run.keep(f"gradient of layer{stage}", dx)
        dx = run.back_through_block(f"layer{stage}.{block}", dx, stride_of(stage, block))
    run.back_through_convolution("conv1", run.back_through_norm("bn1", dx * (run.values["bn1"] > 0)))
    return run.values


def stride_of(stage: int, block: int) -> int:
    """2 where a stage after the first begins."""
    return 2 if stage > 1 and block == 0 else 1


def padded(x: Array, maps: int) -> Array:
    """Every second pixel, between maps of zeros."""
    lacking = maps - x.shape[1]
    before = np.zeros((len(x), lacking // 2, *x[0, 0, ::2, ::2].shape))
    after = np.zeros((len(x), lacking - lacking // 2, *before.shape[2:]))
    return np.concatenate([before, x[:, :, ::2, ::2], after], axis=1)


def each_map(values: Array) -> Array:
    """(C,) as (1, C, 1, 1)."""
    return values[None, :, None, None]
