"""Arithmetic along the edges of a graph.

Shapes: B graphs of N nodes and E edges; M = B·N nodes and A = B·E edges where they are taken as one graph. An edge is a
column (source, target): its target learns from its source.
"""

from __future__ import annotations

import torch
from torch import Tensor


def as_one(features: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Several graphs as one that falls apart into them.

    Args:
        features: (B, N, F).
        edges: int64 (B, 2, E), nodes of each graph numbered from 0.

    Returns:
        Features (M, F) and edges (2, A), nodes numbered through.
    """
    count, size = features.shape[:2]
    first = torch.arange(count, device=edges.device).view(-1, 1, 1) * size  # (B, 1, 1)
    return features.flatten(0, 1), (edges + first).transpose(0, 1).flatten(1)


def softmax_by_target(scores: Tensor, target: Tensor, nodes: int) -> Tensor:
    """exp(sₑ) / Σ exp(sₑ′) over all edges e′ that have the same target as e.

    Args:
        scores: (A, h), one for each edge and head.
        target: int64 (A,), a node.
        nodes: how many there are.

    Returns:
        Weights (A, h); those of the edges into one node sum to 1.
    """
    each = target.unsqueeze(1).expand_as(scores)  # (A, h)
    largest = scores.new_zeros(nodes, scores.size(1)).scatter_reduce(
        0, each, scores.detach(), "amax", include_self=False
    )  # (M, h), so that no exponential is beyond range
    exponentials = (scores - largest.index_select(0, target)).exp()  # (A, h)
    sums = torch.zeros_like(largest).index_add(0, target, exponentials)  # (M, h)
    return exponentials / sums.index_select(0, target)
