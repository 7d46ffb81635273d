"""What is counted while training: values that stay on the device until they are asked for, and time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from liuli.training.world import World


class Ledger:
    """Every step's loss and tallies of one epoch, kept as tensors so that no step waits for the device.

    A mean is taken over all steps at once when it is asked for, so that it does not depend on when
    anyone looked, and a resumed epoch gives the same bits.
    """

    def __init__(self, folded: Mapping[str, Tensor] | None = None) -> None:
        self.folded: dict[str, Tensor] = dict(folded or {})  # (steps so far,) each
        self.pending: dict[str, list[Tensor]] = {}

    def add(self, sums: Mapping[str, Tensor]) -> None:
        """Keep what one step gave."""
        for name, value in sums.items():
            self.pending.setdefault(name, []).append(value)

    def fold(self) -> dict[str, Tensor]:
        """Stack what was added since the last time, (steps,) each; return it."""
        fresh = {name: torch.stack(values) for name, values in self.pending.items()}
        self.pending = {}
        for name, values in fresh.items():
            self.folded[name] = torch.cat([self.folded[name], values]) if name in self.folded else values
        return fresh

    def means(self, examples: list[int], world: World) -> dict[str, float]:
        """Means over all examples of all processes.

        Args:
            examples: of this process at each step; 0 where what it computed only filled the place.
        """
        self.fold()
        device = next(iter(self.folded.values())).device if self.folded else torch.device("cpu")
        count = torch.tensor(examples, dtype=torch.float64, device=device)
        sums = {"examples": count.sum()}
        for name, values in self.folded.items():
            sums[name] = (values.double() * (count if name == "loss" else count > 0)).sum()
        totals = dict(zip(sums, world.sum(torch.stack(list(sums.values()))).tolist(), strict=True))
        total = totals.pop("examples")
        return {name: value / total for name, value in totals.items()}


class Budget:
    """Lets a thing be done only so often that it takes at most `share` of the time."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.ready = 0.0

    def allows(self) -> bool:
        """Whether it may be done again now."""
        return time.monotonic() >= self.ready

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Time what is done in the block."""
        begin = time.monotonic()
        yield
        now = time.monotonic()
        self.ready = now + (now - begin) / self.share
