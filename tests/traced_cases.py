"""A function of drawn tensors, traced: what the tests of truth are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from liuli.tracing import Record, trace


@dataclass
class Case:
    """A function, and the tensors that it is called with."""

    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    positive: bool = False  # the numbers are drawn from (0.1, 0.9)
    others: tuple[Any, ...] = ()  # further arguments, as they are
    settings: dict[str, Any] = field(default_factory=dict)

    def record(self, dtype: torch.dtype, seed: int) -> Record:
        """Trace one call, and back from a weighted sum of what it gives."""
        generator = torch.Generator().manual_seed(seed)

        def drawn(shape: tuple[int, ...]) -> Tensor:
            if self.positive:
                return torch.rand(shape, generator=generator, dtype=dtype) * 0.8 + 0.1
            return torch.randn(shape, generator=generator, dtype=dtype)

        def loss(output: Any) -> Tensor:
            outputs = output if isinstance(output, tuple | list) else (output,)
            weighed = [one for one in outputs if one.is_floating_point()]
            return sum(((one * torch.rand(one.shape, generator=generator, dtype=dtype)).sum() for one in weighed), zero)

        zero = torch.zeros((), dtype=dtype)
        torch.manual_seed(seed)
        return trace(Call(self.function, self.settings), *map(drawn, self.shapes), *self.others, loss=loss)


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any], settings: dict[str, Any]) -> None:
        super().__init__()
        self.function, self.settings = function, settings

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs, **self.settings)


Draw = Callable[[st.SearchStrategy[Any]], Any]
size = st.integers(1, 4)
shape = st.lists(size, min_size=1, max_size=3).map(tuple)


def reduced(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that is broadcast to `shape`."""
    kept = tuple(draw(st.sampled_from([one, 1])) for one in shape)
    return kept[draw(st.integers(0, len(shape) - 1)) :]


def index(shape: tuple[int, ...], limit: int) -> Tensor:
    return torch.randint(0, limit, shape, generator=torch.Generator().manual_seed(0))
