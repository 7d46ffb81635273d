"""The search for the likeliest translation: held against trying everything, and against a plain greedy loop."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from liuli.tasks.search import search
from liuli.tasks.subwords import BEGIN, END, PADDING

WORDS = (END, END + 1, END + 2)  # what may be answered


class Kept(NamedTuple):
    """A state of its own type, as a key-value cache is."""

    said: Tensor
    source: Tensor


class Tiny:
    """Scores that follow from the source and from every word said so far, drawn from both."""

    def __init__(self, seed: int, ends: float = 0.0) -> None:
        self.seed, self.ends = seed, ends

    def begin(self, source: Tensor) -> tuple[Kept, tuple[Tensor, ...]]:
        return Kept(source.new_zeros(len(source), 0), source[:, 0]), (source.bool(),)

    def step(self, word: Tensor, state: tuple[Kept, tuple[Tensor, ...]]) -> tuple[Tensor, object]:
        (said, source), rest = state
        said = torch.cat([said, word[:, None]], 1)
        return torch.stack([self.scores(int(s), one.tolist()) for s, one in zip(source, said, strict=True)]), (
            Kept(said, source),
            rest,
        )

    def scores(self, source: int, said: list[int]) -> Tensor:
        generator = torch.Generator().manual_seed(hash((self.seed, source, *said)) % 2**31)
        scores = 2 * torch.randn(END + 3, generator=generator, dtype=torch.float64)
        scores[END] += self.ends
        return scores

    def log_probability(self, source: int, answer: tuple[int, ...]) -> float:
        said, total = [BEGIN], 0.0
        for word in answer:
            total += float(self.scores(source, said).log_softmax(0)[word])
            said.append(word)
        return total


def every_answer(longest: int) -> list[tuple[int, ...]]:
    """All that end, and those of the full length that do not."""
    open_ = [w for w in WORDS if w != END]
    ended = [(*words, END) for length in range(longest) for words in product(open_, repeat=length)]
    return [*ended, *product(open_, repeat=longest)]


def trimmed(row: Tensor) -> tuple[int, ...]:
    return tuple(number for number in row.tolist() if number != PADDING)


@given(seed=st.integers(0, 10**6), longest=st.integers(1, 4), penalty=st.sampled_from([0.0, 0.6, 1.0, 2.0]))
@settings(max_examples=25, deadline=None)
def test_a_wide_beam_finds_what_trying_everything_finds(seed: int, longest: int, penalty: float) -> None:
    model, sources = Tiny(seed), torch.tensor([[1], [2], [3]])
    found = search(model, sources, longest, width=40, penalty=penalty)
    for source, row in zip(sources[:, 0].tolist(), found, strict=True):
        best = max(
            every_answer(longest),
            key=lambda one: model.log_probability(source, one) / ((5 + len(one)) / 6) ** penalty,
        )
        assert trimmed(row) == best


@given(seed=st.integers(0, 10**6), penalty=st.sampled_from([0.0, 1.0]), ends=st.sampled_from([-2.0, 0.0, 3.0]))
@settings(max_examples=25, deadline=None)
def test_width_one_is_the_greedy_search(seed: int, penalty: float, ends: float) -> None:
    model, longest = Tiny(seed, ends), 6
    for row, source in zip(search(model, torch.tensor([[5], [6]]), longest, penalty=penalty), (5, 6), strict=True):
        said = [BEGIN]
        while len(said) <= longest and said[-1] != END:
            said.append(max(WORDS, key=lambda word: model.scores(source, said)[word]))
        assert trimmed(row) == tuple(said[1:])


@pytest.mark.parametrize("width", [1, 2, 3])
def test_sentences_do_not_influence_one_another(width: int) -> None:
    model, sources = Tiny(1, ends=-2.0), torch.arange(1, 9)[:, None]
    together = search(model, sources, 7, width, 0.6)
    assert len({trimmed(row) for row in together}) > 4
    for source, row in zip(sources, together, strict=True):
        assert torch.equal(search(model, source[None], 7, width, 0.6)[0], row)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_what_is_finished_is_not_extended(width: int) -> None:
    found = search(Tiny(3, ends=1.0), torch.arange(1, 30)[:, None], 8, width)
    for row in found.tolist():
        after = row[row.index(END) + 1 :] if END in row else []
        assert set(after) <= {PADDING}
        assert not {PADDING, BEGIN} & set(row[: len(row) - len(after)])
    assert any(END in row[:3] for row in found.tolist())


def test_a_wider_beam_finds_no_worse_a_score_on_the_whole() -> None:
    model, sources = Tiny(7), torch.arange(1, 40)[:, None]
    totals = []
    for width in (1, 3, 9):
        found = search(model, sources, 5, width)
        totals.append(sum(model.log_probability(int(s), trimmed(row)) for s, row in zip(sources, found, strict=True)))
    assert totals[0] < totals[1] <= totals[2]


def test_a_larger_penalty_gives_longer_answers() -> None:
    model, sources = Tiny(2), torch.arange(1, 60)[:, None]
    lengths = [int((search(model, sources, 8, 4, penalty) != PADDING).sum()) for penalty in (0.0, 1.0, 3.0)]
    assert lengths[0] < lengths[1] < lengths[2]
