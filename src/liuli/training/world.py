"""The processes that train together: one, or as many as `torchrun` started."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from liuli.errors import LiuliError

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among `size`; process 0 alone writes and prints."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    kind: str = "cpu"

    @classmethod
    def here(cls, kind: str) -> World:
        """Read from the environment that `torchrun` sets; `kind` of device is "cpu" or "cuda"."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if not all(name in os.environ for name in names):
            return cls(kind=kind)
        rank, size, local_rank, local_size = (int(os.environ[name]) for name in names)
        return cls(rank, size, local_rank, local_size, kind)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """`values` added up over all processes."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def largest(self, values: Sequence[float]) -> list[float]:
        """The largest of each of `values` over all processes, so that all decide alike."""
        if self.size == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return found.tolist()

    def everyone(self, value: T) -> list[T]:
        """The `value` of every process, by rank."""
        if self.size == 1:
            return [value]
        box: list[T] = [value] * self.size
        dist.all_gather_object(box, value)
        return box

    def share(self, value: T) -> T:
        """The `value` of process 0, in every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def first_does(self, action: Callable[[], T]) -> T:
        """What `action` gives in process 0, in every process; where it fails there, every process raises that."""
        result: T | None = None
        failure: LiuliError | None = None
        if self.first:
            try:
                result = action()
            except LiuliError as error:
                failure = error
        result, failure = self.share((result, failure))
        if failure is not None:
            raise failure
        return cast(T, result)

    @property
    def device(self) -> torch.device:
        """This process's own."""
        return torch.device("cuda", self.local_rank) if self.kind == "cuda" else torch.device("cpu")
