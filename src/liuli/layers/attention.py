"""Attention: every query looks at all keys, and takes of their values in proportion to how well they answer it.

Vaswani et al., Attention is all you need (2017), sections 3.2 and 3.3. The arithmetic is written out and is what a
record holds. On a GPU, where nobody looks, a fused kernel of PyTorch computes the same without ever keeping the
weights (on a CPU it is no faster).

Shapes: B batch, h heads, T queries, S keys, d width of a head, D = h·d width, F width between the two layers of a
feed-forward network.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu, scaled_dot_product_attention

from liuli.layers.dense import Linear


class KeyValue(NamedTuple):
    """What a word offers to those that look at it, by head. A decoder keeps it, so that no word is computed twice."""

    key: Tensor  # (B, h, S, d)
    value: Tensor  # (B, h, S, d)


def attention_weights(query: Tensor, key: Tensor, allowed: Tensor | None = None) -> Tensor:
    """softmax(Q Kᵀ / √d) over the keys that a query may see (equation 1).

    Args:
        query: (B, h, T, d).
        key: (B, h, S, d).
        allowed: bool, (B, 1, T, S) or what widens to it; None: a query sees every key.

    Returns:
        (B, h, T, S). Each row sums to 1; that of a query that may see no key at all is zeros, not NaN.
    """
    scores = query @ key.mT / math.sqrt(query.size(-1))  # (B, h, T, S)
    if allowed is None:
        return scores.softmax(dim=-1)
    weights = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)  # (B, h, T, S)
    return weights.masked_fill(~allowed.any(-1, keepdim=True), 0.0)


def attention(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None = None, drop: float = 0.0) -> Tensor:
    """softmax(Q Kᵀ / √d) V (equation 1): (B, h, T, d).

    Args:
        query: (B, h, T, d).
        key: (B, h, S, d).
        value: (B, h, S, d).
        allowed: see `attention_weights`.
        drop: what share of the weights is dropped; 0 outside training.
    """
    if query.is_cuda and not torch._C._is_torch_function_mode_enabled():
        return scaled_dot_product_attention(query, key, value, allowed, drop)
    weights = attention_weights(query, key, allowed)  # (B, h, T, S)
    if drop:
        weights = dropout(weights, drop)
    return weights @ value  # (B, h, T, d)


def past_and_present(length: int, device: torch.device | None = None, past: int = 0) -> Tensor:
    """Which words may be seen where the future may not: bool (1, 1, T, past + T), each word and those before it.

    Args:
        length: T, how many words ask.
        device: where to make it.
        past: how many words came before them, all of which may be seen.
    """
    return torch.ones(length, past + length, dtype=torch.bool, device=device).tril(past)[None, None]


class MultiHeadAttention(nn.Module):
    """Attention h times beside one another, each in a space of its own of d = D / h dimensions (section 3.2.2).

    headᵢ = attention(X Wᵢ^Q, M Wᵢ^K, M Wᵢ^V), and the result is [head₁; …; head_h] W^O.

    Args:
        width: D, a multiple of the heads.
        heads: h.
        dropout: what share of the weights is dropped in training.

    Raises:
        ValueError: the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is no multiple of {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.query = Linear(width, width)
        self.key = Linear(width, width)
        self.value = Linear(width, width)
        self.output = Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor | None = None, allowed: Tensor | None = None) -> Tensor:
        """What the words `x` (B, T, D) find in `memory` (B, S, D), or in themselves: (B, T, D).

        `allowed` is as in `attention_weights`.
        """
        return self.attend(x, self.offers(x if memory is None else memory), allowed)

    def attend(self, x: Tensor, offered: KeyValue, allowed: Tensor | None = None) -> Tensor:
        """The same where keys and values are at hand."""
        drop = self.dropout if self.training else 0.0
        found = attention(self.by_head(self.query(x)), *offered, allowed, drop)  # (B, h, T, d)
        return self.output(found.transpose(1, 2).flatten(2))  # (B, T, D)

    def offers(self, memory: Tensor, past: KeyValue | None = None) -> KeyValue:
        """The keys and values of `memory` (B, S, D), after those of the words before it."""
        key, value = self.by_head(self.key(memory)), self.by_head(self.value(memory))  # (B, h, S, d) each
        if past is not None:
            key, value = torch.cat([past.key, key], dim=2), torch.cat([past.value, value], dim=2)
        return KeyValue(key, value)

    def weights(self, x: Tensor, memory: Tensor | None = None, allowed: Tensor | None = None) -> Tensor:
        """What each word of `x` looks at, for pictures: (B, h, T, S)."""
        offered = self.offers(x if memory is None else memory)
        return attention_weights(self.by_head(self.query(x)), offered.key, allowed)

    def by_head(self, x: Tensor) -> Tensor:
        """(B, T, D) as (B, h, T, d)."""
        return x.view(*x.shape[:2], self.heads, x.size(2) // self.heads).transpose(1, 2)  # T may be 0


class FeedForward(nn.Module):
    """max(0, x W₁ + b₁) W₂ + b₂, at every position alike (equation 2).

    Args:
        width: D.
        inner: F.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.inner = Linear(width, inner)
        self.outer = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        return self.outer(self.activation(self.inner(x)))  # (B, T, F) between

    def activation(self, x: Tensor) -> Tensor:
        """What bends the line; later papers take another."""
        return relu(x)
