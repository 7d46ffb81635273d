# mypy: ignore-errors
"""Draws for dropout with the bits that PyTorch would draw, several times as fast, compiled by Numba.

PyTorch's stream is the Mersenne Twister's (Matsumoto & Nishimura, 1998), whose 624 words become the next 624 at one
blow; PyTorch asks for them one by one. Each draw takes two words, of which 53 bits are compared with the probability.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import njit
from torch import Tensor

WORDS, FAR = 624, 397
LEFT, NEXT, FIRST = 1, 2, 3
"""Where a state, as 64-bit numbers, tells what is left of the words (and one more), which is next, and the words."""

compiled = njit(nogil=True, cache=True)


@compiled
def mixed(word, after):
    """What two neighbours add to a word."""
    both = (word & np.uint32(0x80000000)) | (after & np.uint32(0x7FFFFFFF))
    return (both >> np.uint32(1)) ^ ((both & np.uint32(1)) * np.uint32(0x9908B0DF))


@compiled
def twist(words):
    """The next 624 words, in place: each from the one 397 places on, which may be a new one."""
    for k in range(WORDS - FAR):
        words[k] = words[k + FAR] ^ mixed(words[k], words[k + 1])
    for k in range(WORDS - FAR, WORDS - 1):
        words[k] = words[k + FAR - WORDS] ^ mixed(words[k], words[k + 1])
    words[WORDS - 1] = words[FAR - 1] ^ mixed(words[WORDS - 1], words[0])


@compiled
def temper(word):
    """The random number that a word stands for."""
    word ^= word >> np.uint32(11)
    word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
    word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
    return word ^ (word >> np.uint32(18))


@compiled
def draw(state, below, numbers):
    """Fill `numbers` with ones and zeros; a number is one where its 53 bits are less than `below`.

    Args:
        state: uint64, of the generator; changed in place.
        below: uint64.
        numbers: float32 or float64 (N,).
    """
    words = np.empty(WORDS, np.uint32)
    for k in range(WORDS):
        words[k] = state[FIRST + k]
    left, place = np.int64(state[LEFT] & np.uint64(0xFFFFFFFF)) - 1, np.int64(state[NEXT])
    drawn, done = np.empty(2 * len(numbers), np.uint32), 0
    while done < len(drawn):
        if left == 0:
            twist(words)
            left, place = WORDS, 0
        taken = min(left, len(drawn) - done)
        for k in range(taken):
            drawn[done + k] = temper(words[place + k])
        done, left, place = done + taken, left - taken, place + taken
    for n in range(len(numbers)):
        bits = (np.uint64(drawn[2 * n] & np.uint32(0x1FFFFF)) << np.uint64(32)) | np.uint64(drawn[2 * n + 1])
        numbers[n] = 1 if bits < below else 0
    for k in range(WORDS):
        state[FIRST + k] = words[k]
    state[LEFT] = (state[LEFT] & np.uint64(0xFFFFFFFF00000000)) | np.uint64(left + 1)
    state[NEXT] = np.uint64(place)


def bernoulli(numbers: Tensor, p: float = 0.5) -> Tensor:
    """What `numbers.bernoulli_(p)` does, with contiguous numbers on the CPU."""
    state = torch.default_generator.get_state()
    draw(state.numpy().view(np.uint64), np.uint64(math.ceil(p * 2.0**53)), numbers.view(-1).numpy())
    torch.default_generator.set_state(state)
    return numbers
