"""The next word drawn: distributions computed by hand, their edges, and that a seed decides."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from liuli.tasks.sampling import Sampling, drawn, generate

CHANCES = torch.tensor([[0.1, 0.4, 0.2, 0.3]], dtype=torch.float64)
SCORES = CHANCES.log() + 7.0  # a constant changes nothing


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, [0.01 / 0.30, 0.16 / 0.30, 0.04 / 0.30, 0.09 / 0.30]),
        ({"temperature": 2.0}, [one**0.5 / sum(p**0.5 for p in (0.1, 0.4, 0.2, 0.3)) for one in (0.1, 0.4, 0.2, 0.3)]),
        ({"temperature": 0.0}, [0, 1, 0, 0]),
        ({"temperature": 1e-9}, [0, 1, 0, 0]),
        ({"temperature": 1e-320}, [0, 1, 0, 0]),
        ({"temperature": 1e9}, [0.25, 0.25, 0.25, 0.25]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 1e-12}, [0, 1, 0, 0]),
        ({"top_p": 0.39}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.85}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_k": 3, "top_p": 0.6}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 1, "top_p": 0.9, "temperature": 3.0}, [0, 1, 0, 0]),
    ],
)
def test_probabilities_are_those_computed_by_hand(settings: dict[str, Any], expected: list[float]) -> None:
    found = Sampling(**settings).probabilities(SCORES)
    assert found[0].tolist() == pytest.approx(expected, abs=1e-8)
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-12)


def test_of_equals_the_first_is_taken_and_top_k_keeps_exactly_k() -> None:
    equal = torch.zeros(1, 5)
    assert Sampling(temperature=0).probabilities(equal).tolist() == [[1, 0, 0, 0, 0]]
    assert Sampling(top_k=2).probabilities(equal).tolist() == [[0.5, 0.5, 0, 0, 0]]


def test_forbidden_words_are_never_drawn() -> None:
    scores = torch.tensor([[0.0, -math.inf, 0.0]])
    assert Sampling().probabilities(scores).tolist() == [[0.5, 0.0, 0.5]]


@settings(max_examples=50, deadline=None)
@given(
    scores=st.lists(st.floats(-50, 50), min_size=2, max_size=30),
    temperature=st.floats(0, 5),
    top_k=st.integers(0, 40),
    top_p=st.floats(1e-6, 1),
)
@example(scores=[-2.6e-129, 0.0], temperature=1.0, top_k=0, top_p=0.5)  # one probability, but not one score
def test_the_likeliest_may_always_be_drawn(scores: list[float], temperature: float, top_k: int, top_p: float) -> None:
    table = torch.tensor([scores], dtype=torch.float64)
    found = Sampling(temperature, top_k, top_p).probabilities(table)[0]
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-9)
    assert found[int(table.argmax())] > 0
    assert (found >= 0).all()
    if top_k:
        assert int((found > 0).sum()) <= top_k


def test_draws_come_as_often_as_they_should() -> None:
    generator = torch.Generator().manual_seed(0)
    found = drawn(CHANCES.expand(20_000, -1), generator)
    shares = torch.bincount(found, minlength=4) / 20_000
    assert shares.tolist() == pytest.approx(CHANCES[0].tolist(), abs=0.012)
    assert set(drawn(torch.tensor([[0.0, 1.0, 0.0]] * 500).double(), generator).tolist()) == {1}


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_what_is_no_way_to_draw_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a temperature and top_k of 0 or more, and top_p in"):
        Sampling(**wrong)


class Counting:
    """Says that the word after w is w + 1; notes what it is given."""

    context = 6

    def __init__(self) -> None:
        self.given: list[list[int]] = []

    def step(self, tokens: Tensor, past: int | None = None) -> tuple[Tensor, int]:
        self.given.append(tokens[0].tolist())
        seen = (past or 0) + tokens.size(1)
        assert seen <= self.context, "more than it can look back upon"
        scores = torch.zeros(len(tokens), 100)
        scores[torch.arange(len(tokens)), (tokens[:, -1] + 1) % 100] = 5.0
        return scores, seen


def test_no_word_is_read_twice_until_the_network_can_look_back_no_further() -> None:
    network = Counting()
    found = generate(network, torch.tensor([[1, 2, 3]]), 8, Sampling(temperature=0))
    assert found.tolist() == [[4, 5, 6, 7, 8, 9, 10, 11]]
    assert network.given == [[1, 2, 3], [4], [5], [6], [5, 6, 7], [8], [9], [10]]


def test_a_prompt_that_is_too_long_is_read_from_where_it_fits() -> None:
    network = Counting()
    assert generate(network, torch.arange(10)[None], 2, Sampling(temperature=0)).tolist() == [[10, 11]]
    assert network.given == [[4, 5, 6, 7, 8, 9], [8, 9, 10]]


def test_the_seed_decides() -> None:
    prompt = torch.tensor([[1, 2], [3, 4]])
    one, same, other = (generate(Counting(), prompt, 12, Sampling(10.0, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == (2, 12)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    generate(Counting(), prompt, 3, Sampling(10.0))
    assert torch.equal(torch.get_rng_state(), before), "the global dice lie as they lay"
