"""Where training stands, and the ways in which it may end there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from liuli.errors import LiuliError


@dataclass
class Place:
    """Where training stands: all of it but tensors.

    Attributes:
        epoch: whole epochs done.
        step: steps done in the epoch under way.
        best_loss: lowest validation loss so far; infinite before the first.
        best_epoch: the epoch that gave it, counted from 1.
        seconds: spent on the whole epochs, over all sessions.
        epoch_seconds: spent on the epoch under way.
    """

    epoch: int = 0
    step: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0


class NotFinite(LiuliError):
    """The loss or the weights are no longer numbers.

    Attributes:
        step: how many steps of the whole training gave a finite loss.
        value: what the loss became.
    """

    def __init__(self, step: int, value: float) -> None:
        super().__init__(f"the loss became {value} after {step} steps")
        self.step = step
        self.value = value


def generators() -> dict[str, Tensor]:
    """The states of torch's global generators, from which dropout and augmentation draw: uint8."""
    states = {"generator.cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states["generator.cuda"] = torch.cuda.get_rng_state()
    return states


def set_generators(states: dict[str, Tensor]) -> None:
    """Put them back."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"])
