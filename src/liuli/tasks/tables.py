"""An environment whose states can be counted, as a table of what may come of each action: solved and played.

What is learnt is measured here by other means than it was learnt by: a policy's worth is the solution of
linear equations, and the best that there is comes from policy iteration with such solutions (Howard, 1960).

Shapes: S states, A actions, K outcomes of an action, N episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.data.dataset import Split

Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """What may come of each action; see `liuli.data.environments`.

    Attributes:
        follows: the states that may follow, int64 (S, A, K).
        probability: of each (S, A, K).
        reward: of each (S, A, K).
        discount: of what comes after each: γ, and 0 where the episode ends (S, A, K).
        start: probability of each state to be the first (S,).
    """

    follows: Array
    probability: Array
    reward: Array
    discount: Array
    start: Array

    @classmethod
    def of_split(cls, split: Split) -> Table:
        """From a data set's part, which holds all states."""
        rows = np.argsort(split.inputs)
        return cls(**{one.name: split.extra[one.name][rows] for one in fields(cls)})

    @classmethod
    def of_lists(cls, lists: Mapping[str, Sequence[Any]]) -> Table:
        """From what `lists` gave."""
        return cls(**{one.name: np.array(lists[one.name]) for one in fields(cls)})

    def lists(self) -> dict[str, list[Any]]:
        """JSON-ready."""
        return {one.name: getattr(self, one.name).tolist() for one in fields(self)}

    def lookahead(self, values: Array) -> Array:
        """What each action is worth (S, A) if a state is worth `values` (S,)."""
        worth: Array = np.sum(self.probability * (self.reward + self.discount * values[self.follows]), axis=2)
        return worth

    def worth(self, policy: Array) -> Array:
        """What each state is worth (S,) to one who acts by `policy` (S,): v = r + D v, solved."""
        states = np.arange(len(policy))
        follows, probability = self.follows[states, policy], self.probability[states, policy]  # (S, K)
        gain = np.sum(probability * self.reward[states, policy], axis=1)  # (S,)
        passing = np.zeros((len(policy), len(policy)))  # (S, S), discounted
        np.add.at(passing, (states[:, None], follows), probability * self.discount[states, policy])
        solved: Array = np.linalg.solve(np.eye(len(policy)) - passing, gain)
        return solved

    @cached_property
    def optimum(self) -> Array:
        """What each state is worth (S,) to one who acts as well as can be."""
        policy = np.zeros(len(self.start), np.int64)
        while True:
            values = self.worth(policy)
            worth = self.lookahead(values)
            held = np.take_along_axis(worth, policy[:, None], 1)[:, 0]
            better = worth.max(1) > held + 1e-12 * (1 + np.abs(held))  # not for a rounding error, which has no end
            if not better.any():
                return values
            policy = np.where(better, worth.argmax(1), policy)

    def gaps(self, policy: Array) -> Array:
        """How much less than the best action that of `policy` (S,) is worth in each state, both followed by the best.

        Returns:
            (S,), 0 where it is a best one.
        """
        best = self.lookahead(self.optimum)  # (S, A)
        gaps = best.max(1) - np.take_along_axis(best, policy[:, None], 1)[:, 0]
        return np.where(gaps > 1e-9 * (1 + np.abs(best).max(1)), gaps, 0.0)  # a rounding error is no gap

    def play(self, policy: Array, episodes: int, limit: int, seed: int) -> Array:
        """Rewards, undiscounted, of `episodes` episodes by `policy` (S,), each broken off after `limit` steps: (N,)."""
        random = np.random.Generator(np.random.PCG64(seed))
        states = random.choice(len(self.start), episodes, p=self.start)
        returns, going = np.zeros(episodes), np.ones(episodes, bool)
        for _ in range(limit):
            actions = policy[states]
            upto = self.probability[states, actions].cumsum(1)  # (N, K)
            drawn = (random.random((episodes, 1)) * upto[:, -1:] >= upto).sum(1)
            place = (states, actions, np.minimum(drawn, upto.shape[1] - 1))
            returns += going * self.reward[place]
            going = going & (self.discount[place] > 0)
            states = self.follows[place]
            if not going.any():
                break
        return returns
