"""The dense layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

import numpy as np

from liuli.scratch.tape import Tensor, record


def dense(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Y = X Wᵀ + b.

    Row o of W holds what output o makes of each input: yᵦₒ = Σᵢ xᵦᵢ Wₒᵢ + bₒ. With G = ∂L/∂Y:

        ∂L/∂X = G W         xᵦᵢ is used in every output o of its example, multiplied by Wₒᵢ
        ∂L/∂W = Gᵀ X        Wₒᵢ is used in every example β, multiplied by xᵦᵢ
        ∂L/∂b = Σᵦ Gᵦ       bₒ is used in every example, as it is

    It could be written `x @ transpose(weight, (1, 0)) + bias`. As one operation it takes one line on the tape,
    and the gradient of the weights, the largest array of all, is computed right where it is kept. Both products of
    X and W are taken the other way around, as (W Xᵀ)ᵀ and (Wᵀ Gᵀ)ᵀ: a library of matrix products is faster when
    the first factor is the larger one.

    Shapes: x (B, in), weight (out, in), bias (out) → (B, out)
    """
    y = (weight.value @ x.value.T).T  # ((out, in) @ (in, B))ᵀ → (B, out)
    y += bias.value
    return record(
        "dense",
        y,
        (x, lambda upstream: (weight.value.T @ upstream.T).T),  # ((in, out) @ (out, B))ᵀ → (B, in)
        (weight, lambda upstream: np.matmul(upstream.T, x.value, out=weight.place_for_gradient())),  # (out, in)
        (bias, lambda upstream: upstream.sum(axis=0)),  # (out)
    )
