"""FrozenLake: over the ice to the goal, where one slips to a side two times out of three; four holes are in the way."""

from __future__ import annotations

from pathlib import Path

from liuli.data.dataset import Data, DataSet
from liuli.data.environments import numbered, of_gymnasium


def load(folder: Path | None) -> Data:
    """Gymnasium's map of 4 × 4 fields, slippery; 1 at the goal, else 0."""
    axes = {"row": numbered(4), "column": numbered(4)}
    actions = ("left", "down", "right", "up")
    return of_gymnasium("frozen-lake", "FrozenLake-v1", actions=actions, axes=axes, discount=0.99, limit=100)


DATA = DataSet(
    name="frozen-lake",
    title="Gymnasium's FrozenLake-v1",
    about="16 states (a field of 4×4), 4 actions, slippery, γ = 0.99",
    licence="MIT; Farama Foundation",
    homepage="https://gymnasium.farama.org/environments/toy_text/frozen_lake/",
    files=(),
    load=load,
    instead="racing",
)
