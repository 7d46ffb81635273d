"""A computation recorded and replayed, with the kernels that it is then given, is the computation itself."""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from liuli.training import kernels
from liuli.training.draws import bernoulli
from liuli.training.recording import NotCapturable, aten, compiled, forget, record

shapes = st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(5, 12), st.integers(5, 12))
windows = st.sampled_from([(2, 2, 0), (3, 2, 1), (3, 3, 0), (2, 1, 1)])


@settings(max_examples=40, deadline=None)
@given(shapes, windows, st.integers(0, 1000))
def test_max_pool2d_is_the_same_and_takes_the_same_among_equals(
    shape: tuple[int, int, int, int], window: tuple[int, int, int], seed: int
) -> None:
    if not kernels.usable():
        pytest.skip("PyTorch was built without MKL or oneDNN")
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(shape, generator=generator).relu()  # many are equal
    given = [[one, one] for one in window]
    given[1] = [] if window[0] == window[1] else given[1]
    maxima, places = aten.max_pool2d_with_indices(pictures, *given)
    gradient = torch.randn(maxima.shape, generator=generator)
    expected = aten.max_pool2d_with_indices_backward(gradient, pictures, *given, [1, 1], False, places)
    with torch.inference_mode():
        other_maxima, kept = kernels.max_pool2d(pictures, *given)
        found = kernels.max_pool2d_backward(gradient, pictures, *given, [1, 1], False, kept)
    assert torch.equal(maxima, other_maxima)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)  # windows that overlap add in another order
    assert (maxima.stride(), expected.stride()) == (other_maxima.stride(), found.stride())


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(1, 40), st.integers(1, 2), st.booleans(), st.booleans())
def test_convolution_backward_is_the_same(
    shape: tuple[int, int, int, int], maps: int, stride: int, wants_pictures: bool, wants_bias: bool
) -> None:
    generator = torch.Generator().manual_seed(sum(shape))
    pictures, weights = (torch.randn(one, generator=generator) for one in (shape, (maps, shape[1], 3, 3)))
    output = torch.conv2d(pictures, weights, stride=stride, padding=1)
    gradient = torch.randn(output.shape, generator=generator)
    settings = ([maps], [stride] * 2, [1, 1], [1, 1], False, [0, 0], 1, [wants_pictures, True, wants_bias])
    expected = aten.convolution_backward(gradient, pictures, weights, *settings)
    found = kernels.convolution_backward(gradient, pictures, weights, *settings)
    for wanted, one, other in zip(settings[-1], expected, found, strict=True):
        assert (other is None) == (not wanted)
        if wanted:
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)
            assert one.stride() == other.stride()


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh", None])
def test_products_are_the_same(activation: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.usable():
        pytest.skip("PyTorch was built without MKL or oneDNN")
    monkeypatch.setattr(kernels, "PRODUCT", 1)
    inputs, weights, bias = torch.randn(7, 30), torch.randn(20, 30), torch.randn(20)

    def function(x: Tensor) -> list[Tensor]:
        hidden = torch.addmm(bias, x, weights.t())
        hidden = hidden if activation is None else getattr(hidden, activation)()
        return [hidden, hidden.t() @ x]

    graph = record(function, [inputs], [])
    kernels.choose(graph)
    targets = {node.target for node in graph.nodes}
    assert not targets & {aten.mm.default, aten.addmm.default, *kernels.ACTIVATIONS}
    for one, other in zip(function(inputs), compiled(graph)(inputs), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)
        assert one.stride() == other.stride()


@given(seed=st.integers(0, 2**32 - 1), before=st.integers(0, 700), count=st.integers(1, 2000), p=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_draws_are_of_the_mersenne_twister_and_leave_it_where_it_then_stands(
    seed: int, before: int, count: int, p: float
) -> None:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        bernoulli(torch.empty(before), 0.5)
        found = bernoulli(torch.empty(count), p)
        after = torch.rand(4, dtype=torch.float64)
    words = np.random.RandomState(seed).randint(0, 2**32, 2 * (before + count + 4), np.uint32).astype(np.uint64)
    uniform = torch.from_numpy((words[::2] << 32 | words[1::2]) % 2**53 / 2**53)
    assert torch.equal(found, (uniform[before:-4] < p).float())
    assert torch.equal(after, uniform[-4:])


@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_dropout_in_a_replay_has_pytorchs_bits(rate: float) -> None:
    def function(x: Tensor) -> list[Tensor]:
        return [nn.functional.dropout(x, rate), nn.functional.dropout(x[:10], rate), torch.rand(2)]

    x = torch.randn(kernels.DRAWN)
    graph = record(function, [x], [])
    kernels.choose(graph)
    targets = [node.target for node in graph.nodes]
    known = kernels.usable() and kernels.draws_are_known()  # not on Intel's processors
    assert targets.count(bernoulli) == known
    assert targets.count(aten.bernoulli_.float) == 2 - known
    drawn = []
    for one in (function, compiled(graph)):
        torch.manual_seed(3)
        drawn.append([*one(x), torch.get_rng_state()])
    assert all(map(torch.equal, *drawn))


def test_nothing_from_outside_is_written_to_but_what_may_be() -> None:
    outside = torch.zeros(3)

    def function(x: Tensor) -> list[Tensor]:
        outside.view(3)[:2].mul_(x)
        return [x + 1]

    record(function, [torch.ones(2)], [outside])
    with pytest.raises(NotCapturable, match="writes"):
        record(function, [torch.ones(2)], [])


def test_a_draw_that_nobody_uses_is_made() -> None:
    def function(x: Tensor) -> list[Tensor]:
        torch.rand_like(x)
        return [x + torch.rand_like(x)]

    inputs = torch.ones(4)
    replay = compiled(record(function, [inputs], []))
    drawn = []
    for one in (function, replay, function):
        torch.manual_seed(3)
        drawn.append(one(inputs)[0])
    assert torch.equal(drawn[0], drawn[2])
    assert torch.equal(drawn[0], drawn[1])


def test_what_nobody_uses_is_not_computed() -> None:
    def function(x: Tensor) -> list[Tensor]:
        _ = x.exp()
        return [x.t().t().detach() * 2]

    graph = record(function, [torch.randn(3, 4)], [])
    assert [node.target for node in graph.nodes if node.op == "call_function"] == [aten.mul.Tensor]


@pytest.mark.parametrize("refused", [False, True])
def test_a_recorded_step_lets_go_of_its_values(refused: bool) -> None:
    values: list[weakref.ref[Tensor]] = []

    def step(numbers: Tensor) -> list[Tensor]:
        value = numbers.exp().detach()  # twice: what is swept out of the graph holds values too
        values.append(weakref.ref(value))
        if refused:
            value.sum().item()
        return [value * 2]

    gc.disable()
    try:
        with suppress(NotCapturable):
            graph = record(step, [torch.ones(3)], [])
            forget(graph)
        assert refused == ("graph" not in locals())
        assert [value() for value in values] == [None]
    finally:
        gc.enable()
