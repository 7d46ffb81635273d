"""Taxi: fetch a passenger at one of four places of a small town and bring him to another (Dietterich, 2000)."""

from __future__ import annotations

from pathlib import Path

from liuli.data.dataset import Data, DataSet
from liuli.data.environments import numbered, of_gymnasium

PLACES = ["red", "green", "yellow", "blue"]


def load(folder: Path | None) -> Data:
    """Gymnasium's town of 5 × 5; −1 for every step, −10 for a wrong stop, 20 at the end."""
    axes = {"row": numbered(5), "column": numbered(5), "passenger": [*PLACES, "taxi"], "destination": PLACES}
    actions = ("south", "north", "east", "west", "pick up", "drop off")
    return of_gymnasium("taxi", "Taxi-v4", actions=actions, axes=axes, discount=0.99, limit=200)


DATA = DataSet(
    name="taxi",
    title="Gymnasium's Taxi-v4",
    about="500 states (taxi on a field of 5×5, passenger, destination), 6 actions, γ = 0.99",
    licence="MIT; Farama Foundation",
    homepage="https://gymnasium.farama.org/environments/toy_text/taxi/",
    files=(),
    load=load,
    instead="racing",
)
