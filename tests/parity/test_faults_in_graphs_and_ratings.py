"""A fault planted in GAT or in the recommender is found by its oracle, where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from liuli.layers.graphs import softmax_by_target
from tests.planted import compared


def forget_the_leak(model: nn.Module) -> None:
    layer = model.first

    def attention(projected: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        source, target = edges
        scores = (projected * layer.a_target).sum(-1)[target] + (projected * layer.a_source).sum(-1)[source]
        return softmax_by_target(scores, target, len(projected))

    layer.attention = attention


def turn_the_edges_round(model: nn.Module) -> None:
    forward = model.second.forward
    model.second.forward = lambda nodes, edges: forward(nodes, edges.flip(0)) + 0 * nodes.sum()


def normalise_by_source(model: nn.Module) -> None:
    attention = model.second.attention
    model.second.attention = lambda projected, edges: attention(projected, edges.flip(0))


def forget_the_bias(model: nn.Module) -> None:
    model.join.hidden.forward = lambda both: both @ model.join.hidden.weight.T


def silence_less(model: nn.Module) -> None:
    model.join.dropout.p = 0.3


@pytest.mark.parametrize(
    ("name", "plant", "first"),
    [
        ("gat", forget_the_leak, "first.silence"),
        ("gat", turn_the_edges_round, "second.silence"),
        ("gat", normalise_by_source, "second.silence"),
        ("recommender", forget_the_bias, "join.hidden"),
        ("recommender", silence_less, "join.dropout"),
    ],
)
def test_a_fault_is_found_where_it_is(name: str, plant: Callable[[nn.Module], None], first: str) -> None:
    found = next(one for one in compared(name, plant) if one.verdict != "OK")
    assert (found.name, found.verdict) == (first, "DIFF")
