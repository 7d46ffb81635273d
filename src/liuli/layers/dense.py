"""A dense layer, x Wᵀ + b, that goes on with a text quickly: one vector at a time through large weights.

A language model that writes reads all its weights for every word, and does hardly more. There, on a CPU, `dense_kernel`
stands in for PyTorch's product; everywhere else, and where a record is made, it is PyTorch's.

Shapes: N features in, M out; x (…, N), W (M, N), b (M,), output (…, M)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from liuli.layers.compiled import compiled

LARGE = 1 << 18
"""Weights from which on it pays: smaller ones lie in the processor's caches."""


class Linear(nn.Linear):
    """`nn.Linear`, by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, N) to (…, M)."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: (…, M)."""
    if suits(x, weight):
        product: Tensor = torch.ops.liuli.product(weight, x.reshape(-1), bias)
        return product.view(*x.shape[:-1], len(weight))
    return functional.linear(x, weight, bias)


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether the kernel takes x: a single vector through large weights, with nothing to be learnt or looked at."""
    return (
        not torch.is_grad_enabled()
        and x.numel() == weight.size(1)
        and weight.numel() >= LARGE
        and x.device.type == weight.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and weight.is_contiguous()
        and not torch.is_autocast_enabled("cpu")
        and not torch._C._is_torch_function_mode_enabled()
        and compiled("dense_kernel")
    )


def product(weight: Tensor, x: Tensor, bias: Tensor | None) -> Tensor:
    """See `dense_kernel.product`."""
    from liuli.layers import dense_kernel

    y = x.new_empty(len(weight))
    added = x.new_zeros(len(weight)) if bias is None else bias
    kernel: Any = dense_kernel.product
    kernel(*(one.detach().contiguous().numpy() for one in (weight, x, added)), y.numpy())
    return y


library: Any = torch.library.Library("liuli", "FRAGMENT")  # type: ignore[no-untyped-call]
library.impl(library.define("product(Tensor W, Tensor x, Tensor? b) -> Tensor"), product, "CPU")
