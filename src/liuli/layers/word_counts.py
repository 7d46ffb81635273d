"""What word vectors make of how often each word occurs: noise, subsampling, and Huffman's tree.

Mikolov, Sutskever, Chen, Corrado & Dean, Distributed representations of words and phrases and their compositionality,
NeurIPS 2013, sections 2.1 to 2.3.

Shapes: V words, the most frequent first; L the length of the longest code.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
POWER = 0.75


class Noise(NamedTuple):
    """A distribution that one random number of 64 bits draws from exactly (Walker's alias method).

    The high half of the number chooses a word; its low half, whether that word stands or its alias.

    Attributes:
        keep: (V,) from 0 to 2³²: of the low halves, how many leave the word.
        alias: (V,) the other word.
    """

    keep: NDArray[np.uint64]
    alias: NDArray[np.int64]

    def words(self, randoms: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The words that random numbers of 64 bits stand for, in their shape."""
        half = np.uint64(32)
        chosen = ((randoms >> half) * np.uint64(len(self.keep))) >> half
        stands = (randoms & np.uint64(2**32 - 1)) < self.keep[chosen]
        return np.where(stands, chosen.astype(np.int64), self.alias[chosen])


def unigram_noise(counts: Counts, power: float = POWER) -> Noise:
    """P(w) = count(w)^power / Σ count^power (section 2.2)."""
    weights = counts.astype(np.float64) ** power
    shares = (weights * (len(weights) / weights.sum())).tolist()  # 1 on average
    alias = list(range(len(shares)))
    poor = [word for word, share in enumerate(shares) if share < 1]
    rich = [word for word, share in enumerate(shares) if share >= 1]
    while poor and rich:  # what lacks to 1 of the poor is filled from the rich
        word, giver = poor.pop(), rich[-1]
        alias[word] = giver
        shares[giver] -= 1 - shares[word]
        if shares[giver] < 1:
            poor.append(rich.pop())
    keep = np.minimum(np.array(shares) * 2.0**32, 2.0**32).astype(np.uint64)
    keep[poor + rich] = 2**32  # 1 but for rounding
    return Noise(keep, np.array(alias, dtype=np.int64))


def subsampling(counts: Counts, threshold: float) -> NDArray[np.float64]:
    """The probability that an occurrence of each word is kept, (V,): √(t / f) + t / f, where that is below 1.

    It is what the authors' program does; the paper's section 2.3 prints √(t / f). f is the word's share of the text.
    A threshold of 0 keeps all.
    """
    if threshold == 0:
        return np.ones(len(counts))
    rarity = threshold * counts.sum() / np.maximum(counts, 1)
    return np.minimum(np.sqrt(rarity) + rarity, 1.0)


class Tree(NamedTuple):
    """The way from the root to every word: at each inner node, left (0) or right (1).

    Attributes:
        nodes: (V, L) inner nodes from 0 to V − 2, the root first; 0 where the way has ended.
        turns: (V, L) 0 or 1.
        lengths: (V,) of each way.
    """

    nodes: NDArray[np.int64]
    turns: NDArray[np.int64]
    lengths: NDArray[np.int64]


def huffman(counts: Counts) -> Tree:
    """Huffman's tree: the two rarest are joined again and again, so that frequent words have short ways."""
    words = len(counts)
    heap = [(int(count), number) for number, count in enumerate(counts)]
    heapq.heapify(heap)
    parent, turn = [0] * (2 * words - 1), [0] * (2 * words - 1)
    for joined in range(words, 2 * words - 1):
        (low, left), (high, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[left] = parent[right] = joined
        turn[right] = 1
        heapq.heappush(heap, (low + high, joined))
    root, ways = 2 * words - 2, []
    for word in range(words):
        way, node = [], word
        while node != root:
            way.append((parent[node] - words, turn[node]))
            node = parent[node]
        ways.append(way[::-1])
    lengths = np.array([len(way) for way in ways], dtype=np.int64)
    table = np.zeros((words, max(1, int(lengths.max())), 2), dtype=np.int64)
    for word, way in enumerate(ways):
        if way:
            table[word, : len(way)] = way
    return Tree(np.ascontiguousarray(table[..., 0]), np.ascontiguousarray(table[..., 1]), lengths)
