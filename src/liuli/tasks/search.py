"""The likeliest translation, searched for word by word: greedily, or with a beam.

A network gives the probability of the next word, given those before. Trying all sentences is out of the question. A
beam keeps the best few beginnings: each is extended by every word, and of all these the best few are kept again. With
one, that is the greedy search: always the likeliest next word.

A sum of logarithms falls with every word, so that short sentences win; a score is divided by a length penalty
(Wu et al., 2016, section 7):

    score(Y) = log P(Y | X) / lp(Y),   lp(Y) = (5 + |Y|)^α / (5 + 1)^α

Shapes: B sentences, k hypotheses of each, V words, L the longest answer. What belongs to the hypotheses has B·k rows,
those of one sentence one after another.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from liuli.tasks.subwords import BEGIN, END, PADDING

State = Any
"""Tensors whose first dimension is that of the hypotheses, nested in tuples: a recurrent state, a key-value cache."""


class Decoder(Protocol):
    """A network that translates word by word."""

    def begin(self, source: Tensor) -> State:
        """What is known before the first word, for sentences (B, S)."""

    def step(self, word: Tensor, state: State) -> tuple[Tensor, State]:
        """Scores (logits) of the next word (B, V), after the word (B,); and the state after it."""


@torch.no_grad()
def search(model: Decoder, source: Tensor, longest: int, width: int = 1, penalty: float = 0.0) -> Tensor:
    """The best answer to each sentence that a beam finds.

    Every hypothesis, finished or not, competes for a place in the beam by its score; a finished one is not extended.
    The search ends where no hypothesis can come to beat the best finished one.

    Args:
        model: see `Decoder`.
        source: (B, S).
        longest: L, words of an answer with its END.
        width: k; 1 is the greedy search.
        penalty: α; 0 compares sentences by their probability alone.

    Returns:
        Words int64 (B, L): up to END, then PADDING; without END where the longest was reached.
    """
    sentences, device = len(source), source.device
    rows = torch.arange(sentences, device=device)[:, None]  # (B, 1)
    state = chosen(model.begin(source), rows.expand(-1, width).flatten())
    word = torch.full((sentences * width,), BEGIN, device=device)
    answers = torch.full((sentences, width, longest), PADDING, device=device)
    finished = torch.zeros(sentences, width, dtype=torch.bool, device=device)
    lengths = torch.zeros(sentences, width, device=device)
    total = torch.full((sentences, width), -torch.inf, device=device)  # log P
    total[:, 0] = 0.0  # at first there is but one beginning
    for place in range(longest):
        scores, state = model.step(word, state)
        logs = scores.log_softmax(1).view(sentences, width, -1)  # (B, k, V)
        words = logs.size(2)
        logs = logs.masked_fill(torch.arange(words, device=device) < END, -torch.inf)  # these are no answers
        stays = torch.full((words,), -torch.inf, device=device)
        stays[PADDING] = 0.0  # what is finished goes on with nothing
        logs = torch.where(finished[:, :, None], stays, logs)
        longer = lengths + ~finished  # (B, k)
        reached = total[:, :, None] + logs  # (B, k, V)
        candidates = reached / length_penalty(longer, penalty)[:, :, None]  # (B, k, V)
        best, places = candidates.flatten(1).topk(width, dim=1)  # (B, k)
        parent, next_word = places // words, places % words
        answers = answers[rows, parent]
        answers[:, :, place] = next_word
        lengths = longer[rows, parent]
        total = reached.flatten(1).gather(1, places)
        finished = finished[rows, parent] | (next_word == END)
        hope = torch.where(finished, -torch.inf, total).amax(1) / length_penalty(torch.tensor(float(longest)), penalty)
        if bool((torch.where(finished, best, -torch.inf).amax(1) > hope).all()):
            break
        state = chosen(state, (rows * width + parent).flatten())
        word = next_word.flatten()
    return answers[:, 0]


def length_penalty(length: Tensor, penalty: float) -> Tensor:
    """lp(Y) of sentences of so many words, END among them."""
    return ((5 + length) / 6) ** penalty


def chosen(state: State, rows: Tensor) -> State:
    """The state of the hypotheses that `rows` names, in that order."""
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    parts = (chosen(part, rows) for part in state)
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)  # a NamedTuple stays one
