"""Pairs of spans, as BERT reads them: [CLS] first [SEP] second [SEP], and the places that are masked in them.

A "sentence" is here what Devlin et al. (2019) mean by it, a span of running text. It ends where a sentence does, where
one ends in its last third, else where the room does. A piece that may not be masked (a special one, an unknown word)
is held as the negative of its number.

Shapes:
    B  pairs, T pieces of a pair, H pieces of a second span at most, M places that may be masked, V pieces there are
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor

from liuli.tasks.pieces import PADDING

SHARE = 0.15  # of the pieces are masked
MASKED, SWAPPED = 0.8, 0.1  # of these become [MASK], or another piece; what is left stays as it is
KEPT = -1
NOWHERE = 0  # where [CLS] stands, which is never masked


def spans(text: Sequence[int], longest: int, stops: frozenset[int]) -> Iterator[list[int]]:
    """A text in an even number of spans of at most `longest` pieces, each pair of which follows on the other.

    Args:
        text: the numbers of its pieces.
        longest: pieces of a span.
        stops: those pieces that end a sentence.
    """
    found, begin = [], 0
    while begin < len(text):
        end = min(begin + longest, len(text))
        if end < len(text):
            ends = (place for place in range(end, begin + 2 * longest // 3, -1) if text[place - 1] in stops)
            end = next(ends, end)
        found.append(list(text[begin:end]))
        begin = end
    if len(found) % 2:
        last = found.pop()
        found += [last[: len(last) // 2], last[len(last) // 2 :]]
    yield from found


def table(rows: Sequence[Sequence[int]], width: int) -> Tensor:
    """Rows of numbers, int32 (N, T), filled up with `PADDING`."""
    filled = torch.full((len(rows), width), PADDING, dtype=torch.int32)
    for line, row in zip(filled, rows, strict=True):
        line[: len(row)] = torch.tensor(row, dtype=torch.int32)
    return filled


def composed(first: Tensor, words: Tensor, second: Tensor, strange: Tensor) -> Tensor:
    """The pairs that are read: where `strange`, with another second span than the text has, (B, T).

    Args:
        first: how many pieces the first span has, with [CLS] and [SEP], (B,).
        words: the pairs as they stand in the text, (B, T).
        second: another second span for each, with [SEP], (B, H).
        strange: 1 where that is to be taken, (B,).
    """
    place = torch.arange(words.size(1), device=words.device) - first[:, None]  # (B, T), in the second span
    within = place < second.size(1)
    other = second.gather(1, place.clamp(0, second.size(1) - 1)).where(within, PADDING)  # (B, T)
    return other.where((place >= 0) & (strange[:, None] == 1), words)


def belongs(first: Tensor, words: Tensor) -> Tensor:
    """Which pieces are of the second span: 1 there, else 0, (B, T)."""
    place = torch.arange(words.size(1), device=words.device)
    return ((place >= first[:, None]) & (words != PADDING)).int()


def drawn_places(words: Tensor, most: int, generator: Generator | None = None) -> Tensor:
    """Places to be masked, 15 % of the pieces of (B, T) that may be, at least one: int64 (B, M), in no order.

    Where there are fewer than M, `NOWHERE` stands instead.
    """
    free = words > 0  # (B, T)
    score = torch.rand(free.shape, generator=generator, device=free.device).masked_fill(~free, -1.0)  # (B, T)
    places = score.topk(most, 1).indices  # (B, M)
    wanted = (free.sum(1, keepdim=True) * SHARE).round().clamp(1, most)  # (B, 1)
    chosen = (torch.arange(most, device=free.device) < wanted) & free.gather(1, places)
    return torch.where(chosen, places, NOWHERE)


def drawn_blanks(count: int, most: int, blank: int, pieces: int, generator: Generator) -> Tensor:
    """What is put into the place of a piece that is masked: int32 (N, M).

    Eight times of ten [MASK], once a piece drawn evenly from all, once nothing: `KEPT`.
    """
    dice = torch.rand(count, most, generator=generator)
    others = torch.randint(pieces, (count, most), generator=generator)
    blanks = torch.where(dice < MASKED, blank, torch.where(dice < MASKED + SWAPPED, others, KEPT))
    return blanks.int()
