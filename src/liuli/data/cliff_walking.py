"""CliffWalking: along the edge to the goal; who steps off loses 100 and begins again (Sutton & Barto, example 6.6)."""

from __future__ import annotations

from pathlib import Path

from liuli.data.dataset import Data, DataSet
from liuli.data.environments import numbered, of_gymnasium


def load(folder: Path | None) -> Data:
    """Gymnasium's 4 × 12 fields, the cliff along the lower edge; −1 for every step."""
    axes = {"row": numbered(4), "column": numbered(12)}
    actions = ("up", "right", "down", "left")
    return of_gymnasium("cliff-walking", "CliffWalking-v1", actions=actions, axes=axes, discount=0.99, limit=200)


DATA = DataSet(
    name="cliff-walking",
    title="Gymnasium's CliffWalking-v1",
    about="48 states (a field of 4×12), 4 actions, γ = 0.99",
    licence="MIT; Farama Foundation",
    homepage="https://gymnasium.farama.org/environments/toy_text/cliff_walking/",
    files=(),
    load=load,
    instead="racing",
)
