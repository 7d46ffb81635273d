"""Going on with a text: the next word drawn, again and again, from what a language model thinks likely.

    tempered:  p = softmax(z / temperature): below 1 the likely becomes likelier, at 0 the likeliest is certain
    top-k:     only the k likeliest words may be drawn (Fan, Lewis & Dauphin, 2018)
    top-p:     only the likeliest words that together reach the probability p (Holtzman et al., 2020, the nucleus)

Shapes: B texts, P words of a prompt, N words drawn, V words known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Continuing(Protocol):
    """A network that reads a text once and keeps what it needs of it."""

    context: int
    """Words that it can look back upon, the newest among them."""

    def step(self, tokens: Tensor, past: Any = None) -> tuple[Tensor, Any]:
        """Scores (B, V) of the word after `tokens` (B, T), which follow what `past` was kept of; and what to keep."""


@dataclass(frozen=True)
class Sampling:
    """How the next word is drawn.

    Attributes:
        temperature: 0 takes the likeliest.
        top_k: how many words may be drawn; 0: all.
        top_p: the probability that those which may be drawn reach together.
        seed: of the draws.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(f"{self}: expected a temperature and top_k of 0 or more, and top_p in (0, 1]")

    def probabilities(self, scores: Tensor) -> Tensor:
        """What each word is drawn with, from scores (logits) (B, V): (B, V), rows sum to 1."""
        scores = scores.double()
        if self.temperature == 0:
            return torch.zeros_like(scores).scatter(1, scores.argmax(1, keepdim=True), 1.0)
        # measured from the largest, so that a small temperature divides no large number
        tempered = (scores - scores.amax(1, keepdim=True)) / self.temperature
        words = scores.argsort(dim=1, descending=True, stable=True)  # (B, V); softmax rounds some to one
        likely = tempered.softmax(1).gather(1, words)  # (B, V)
        before = likely.cumsum(1) - likely  # what the likelier ones reach together
        allowed = (before < self.top_p) | (self.top_p == 1)  # a sum may be rounded above 1
        allowed[:, 0] = True
        if self.top_k:
            allowed[:, self.top_k :] = False
        kept = likely * allowed
        return torch.zeros_like(scores).scatter(1, words, kept / kept.sum(1, keepdim=True))

    def choose(self, scores: Tensor, generator: torch.Generator) -> Tensor:
        """The next word (B,), from scores (B, V)."""
        if self.temperature == 0:
            return scores.argmax(1)  # nothing to be drawn
        return drawn(self.probabilities(scores), generator)


def drawn(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """One word (B,) from each row of probabilities (B, V): where the cumulated probability passes a random number."""
    chance = torch.rand(len(probabilities), 1, generator=generator, dtype=torch.float64).to(probabilities.device)
    reached = probabilities.cumsum(1)  # (B, V)
    passed = (reached > chance * reached[:, -1:]) & (probabilities > 0)
    return passed.int().argmax(1)  # the first


@torch.no_grad()
def generate(model: Continuing, prompt: Tensor, length: int, sampling: Sampling) -> Tensor:
    """`length` words that follow each prompt (B, P): (B, N).

    Of a text that is longer than the network can look back, the last half of what it can is read anew.
    """
    generator = torch.Generator().manual_seed(sampling.seed)
    text = prompt
    fresh, past, known = prompt[:, -model.context :], None, 0
    for _ in range(length):
        if known + fresh.size(1) > model.context:
            fresh, past, known = text[:, -max(1, model.context // 2) :], None, 0
        scores, past = model.step(fresh, past)
        known += fresh.size(1)
        fresh = sampling.choose(scores, generator)[:, None].to(prompt)  # (B, 1)
        text = torch.cat([text, fresh], 1)
    return text[:, prompt.size(1) :]
