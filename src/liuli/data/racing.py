"""Racing: a car that gains more when it drives fast, and may overheat.

The example by which Berkeley's course on artificial intelligence introduces Markov decision processes: a cool car
that drives fast is warm after it half of the time, and a warm one that drives fast is overheated, which is the end.
Driving slowly, a warm car cools down half of the time.
"""

from __future__ import annotations

from pathlib import Path

from liuli.data.dataset import Data, DataSet
from liuli.data.environments import Outcomes, of_outcomes

COOL, WARM, OVERHEATED = range(3)
SLOW, FAST = range(2)

OUTCOMES: Outcomes = {
    COOL: {SLOW: [(1.0, COOL, 1, False)], FAST: [(0.5, COOL, 2, False), (0.5, WARM, 2, False)]},
    WARM: {SLOW: [(0.5, COOL, 1, False), (0.5, WARM, 1, False)], FAST: [(1.0, OVERHEATED, -10, True)]},
    OVERHEATED: {SLOW: [(1.0, OVERHEATED, 0, True)], FAST: [(1.0, OVERHEATED, 0, True)]},
}


def load(folder: Path | None) -> Data:
    """Its three states, beginning cool."""
    axes = {"car": ["cool", "warm", "overheated"]}
    return of_outcomes("racing", OUTCOMES, (1, 0, 0), ("slow", "fast"), axes, discount=0.9, limit=100)


DATA = DataSet(
    name="racing",
    title="The racing car",
    about="3 states (cool, warm, overheated), 2 actions; going on for ever pays less, γ = 0.9",
    licence="none needed; D. Klein, P. Abbeel, Berkeley CS188",
    homepage="https://inst.eecs.berkeley.edu/~cs188/",
    files=(),
    load=load,
    instead="racing",
)
