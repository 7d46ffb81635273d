"""Any program of views and in-place writes is recorded as it happened, gradients too."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.overrides import TorchFunctionMode

import liuli
from liuli.tracing.functions import kind_of
from liuli.tracing.trees import tensors
from tests.traced_cases import Call


def cells(tensor: Tensor) -> set[int]:
    """Where each number of a tensor lies."""
    offsets = torch.zeros((), dtype=torch.int64)
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        offsets = offsets[..., None] + torch.arange(size) * stride
    return set((tensor.data_ptr() + offsets.flatten() * tensor.element_size()).tolist())


class Cloner(TorchFunctionMode):
    """Copies every result at once, and catches its gradient at the node that made it: slow, simple and right.

    A view that a write left alone has a new node afterwards: what comes by there is its gradient too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []
        self.alive: list[Tensor | None] = []
        self.nodes: set[tuple[int, Any]] = set()
        self.slopes: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        kind = kind_of(func)
        target = args[0] if args and isinstance(args[0], Tensor) else None
        version = target._version if target is not None else 0
        result = func(*args, **kwargs)
        if kind.silent:
            return result
        if target is not None and target._version != version:
            written = cells(target.detach()[args[1]] if kind.name == "setitem" else target)
            self.alive = [None if one is None or written & cells(one) else one for one in self.alive]
        for tensor in tensors(result) or ([args[0]] if kind.name == "setitem" else []):
            self.seen.append(tensor.detach().clone())
            self.alive.append(tensor)
        for place, one in enumerate(self.alive):
            if one is not None and one.grad_fn is not None and (place, one.grad_fn) not in self.nodes:
                self.nodes.add((place, one.grad_fn))
                one.grad_fn.register_prehook(partial(self.catch, place, one.output_nr))
        return result

    def catch(self, place: int, number: int, slopes: tuple[Tensor | None, ...]) -> None:
        slope = slopes[number]
        if slope is not None:
            self.slopes[place] = self.slopes[place] + slope if place in self.slopes else slope


STEPS = {
    "new": lambda pool, i, j: pool.append(pool[i] * 2 + 1),
    "row": lambda pool, i, j: pool.append(pool[i][:1].expand(2, 2) if pool[i].size(0) == 1 else pool[i][1:]),
    "turn": lambda pool, i, j: pool.append(pool[i].t() if pool[i].dim() == 2 else pool[i]),
    "flat": lambda pool, i, j: pool.append(pool[i].reshape(-1)[:2].view(1, 2)),
    "add_": lambda pool, i, j: pool[i].add_(pool[j].sum()),
    "mul_": lambda pool, i, j: pool[i].mul_(0.5),
    "relu_": lambda pool, i, j: F.relu(pool[i], inplace=True),
    "set": lambda pool, i, j: pool[i].__setitem__(0, pool[j].mean()),
    "set_column": lambda pool, i, j: pool[i].__setitem__((slice(None), 0), pool[j].max()),
    "copy_": lambda pool, i, j: pool[i].copy_(pool[j].mean() * torch.ones_like(pool[i])),
    "twice": lambda pool, i, j: pool.append(pool[i] + pool[j].sum()),
}  # fmt: skip
Program = list[tuple[str, int, int]]


def run_program(program: Program, x: Tensor) -> Tensor:
    pool = [x * 1, x + 1]
    for name, i, j in program:
        target = pool[i % len(pool)]
        # Memory that stands for several elements at once cannot be written to.
        if (name.endswith("_") or name.startswith("set")) and 0 in target.stride():
            continue
        STEPS[name](pool, i % len(pool), j % len(pool))
    return torch.stack([thing.sum() for thing in pool]).sum()


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 7), st.integers(0, 7)), max_size=10))
@settings(max_examples=150, deadline=None)
def test_any_program_of_views_and_writes_is_recorded_as_it_happened(program: Program) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 2, dtype=torch.float64)
    source = x.clone().requires_grad_()
    cloner = Cloner()
    with cloner:
        result = run_program(program, source.clone())
    module = Call(lambda x: run_program(program, x), {})
    try:
        result.backward()
    except RuntimeError:  # something that a derivative needs was written over: no gradients here, nor for us
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            liuli.trace(module, x)
        record = liuli.trace(module, x, gradients=False)
        cloner.slopes.clear()
    else:
        record = liuli.trace(module, x)
        torch.testing.assert_close(record.inputs[0].grad, source.grad)
    ours = [op for op in record.operations if op.name != "alias"]
    values = [record.value(address) for op in ours for address in op.outputs]
    theirs = cloner.seen[1:]  # the first is the clone of the source
    assert len(values) == len(theirs)
    for place, (value, expected) in enumerate(zip(values, theirs, strict=True), start=1):
        assert torch.equal(value.tensor, expected)
        if value.users and place in cloner.slopes and not any(user.name == "alias" for user in value.users):
            assert value.grad is not None
            torch.testing.assert_close(value.grad, cloner.slopes[place])
    for op in record.operations:
        for address in op.inputs:
            assert record.value(address).origin != "constant"
