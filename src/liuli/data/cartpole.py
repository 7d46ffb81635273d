"""CartPole: a pole on a cart, to be kept upright by pushes; the first states of its episodes, as Gymnasium draws them.

What follows the first state depends on the pushes alone. The seeds of the test part are others than those that
training begins its episodes with.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, Split
from liuli.data.environments import gymnasium

TRAIN, TEST, VALIDATION = range(1_000), range(1_000_000, 1_000_100), range(2_000_000, 2_000_100)
"""Seeds of the episodes."""


def load(folder: Path | None) -> Data:
    """1,000 first states to begin training episodes with, and 100 of the episodes that are measured."""
    world = gymnasium("cartpole").make("CartPole-v1").unwrapped
    parts = []
    for seeds in (TRAIN, TEST, VALIDATION):
        states = []
        for seed in seeds:
            world.reset(seed=seed)
            states.append(world.state)  # (4,) float64: what is observed is rounded to float32
        parts.append(Split(np.array(states), np.array(seeds)))
    digest = hashlib.sha256(b"".join(part.inputs.tobytes() for part in parts)).hexdigest()
    details = {"measured": ["position", "speed", "angle", "turning"], "discount": 0.99}
    facts = Facts("cartpole", "CartPole-v1", digest, "environment", "", (4,), (), details)
    return Data(facts, *parts)


DATA = DataSet(
    name="cartpole",
    title="Gymnasium's CartPole-v1",
    about="first states of 1,000 + 100 episodes; 4 measurements, 2 actions, at most 500 steps, γ = 0.99",
    licence="MIT; Farama Foundation",
    homepage="https://gymnasium.farama.org/environments/classic_control/cart_pole/",
    files=(),
    load=load,
    instead="racing",
)
