"""Environments as data: in which states one may be, what may be done there, and what may come of it.

An environment whose states can be counted is a table: for every state and action the outcomes that there are, each
with its probability, the state that follows, the reward, and the discount of all that comes after: γ, and 0 where the
episode ends. It has no training and test part of its own: planning is given the whole table, and one who learns by
trial and error meets it only by acting. What is held out are the draws, so that every part is the same table.

Shapes: S states, A actions, K outcomes of an action at most (those that fill the place have probability 0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liuli.data.dataset import Data, Facts, Split
from liuli.errors import UserError

Outcomes = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]
"""By state, by action: (probability, state that follows, reward, whether the episode ends), as Gymnasium has it."""


def gymnasium(name: str) -> Any:
    """The library, for the data set called `name`.

    Raises:
        UserError: it is not installed.
    """
    try:
        import gymnasium
    except ModuleNotFoundError as error:
        raise UserError(
            f"{name}: needs gymnasium, which is not installed; pip install 'liuli[decisions]', or use --data racing"
        ) from error
    return gymnasium


def of_gymnasium(name: str, id: str, **facts: Any) -> Data:
    """The table of one of Gymnasium's environments; `facts` as in `of_outcomes`."""
    world = gymnasium(name).make(id).unwrapped
    return of_outcomes(name, world.P, world.initial_state_distrib, variant=id, **facts)


def of_outcomes(
    name: str,
    outcomes: Outcomes,
    start: Sequence[float],
    actions: tuple[str, ...],
    axes: Mapping[str, Sequence[str]],
    discount: float,
    limit: int,
    variant: str = "",
) -> Data:
    """An environment's table as data.

    Args:
        start: probability of each state to be the first (S,).
        actions: A names.
        axes: what a state is made of, and the names along it, slowest first: {"row": ["0", …], "column": […]}.
        discount: γ.
        limit: steps after which an episode is broken off.
    """
    states = len(outcomes)
    most = max(len(found) for of_state in outcomes.values() for found in of_state.values())
    shape = (states, len(actions), most)
    follows = np.zeros(shape, np.int64)
    probability, reward, discounts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    last = {int(one[1]) for of_state in outcomes.values() for found in of_state.values() for one in found if one[3]}
    for state, of_state in outcomes.items():
        for action, found in of_state.items():
            for place, (share, after, gain, ends) in enumerate(found):
                follows[state, action, place] = after
                probability[state, action, place] = share
                if state not in last:  # nothing comes after the end
                    reward[state, action, place] = gain
                    discounts[state, action, place] = 0 if ends else discount
    extra = {
        "follows": follows,
        "probability": probability,
        "reward": reward,
        "discount": discounts,
        "start": np.asarray(start, np.float64),
    }
    digest = hashlib.sha256(b"".join(array.tobytes() for array in extra.values())).hexdigest()
    details = {"axes": {key: list(names) for key, names in axes.items()}, "limit": limit, "discount": discount}
    facts = Facts(name, variant, digest, "environment", "", (), actions, details)
    table = Split(np.arange(states), np.isin(np.arange(states), list(last)).astype(np.int64), extra)
    return Data(facts, table, table, table)


def numbered(count: int) -> list[str]:
    """ "0", "1", … as names along an axis."""
    return [str(number) for number in range(count)]
