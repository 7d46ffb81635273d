"""Recurrent layers: read gate by gate they give what the kernel gives, and what PyTorch's own modules give."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import liuli.layers
from liuli import catalog, checking
from liuli.layers import compiled, recurrence
from liuli.layers.recurrent import Recurrent, State
from liuli.models.sequence.gru import GRULayer
from liuli.models.sequence.lstm import LSTM, LSTMLayer
from liuli.models.sequence.rnn import RNN, ElmanLayer
from liuli.tasks.text_classification import TextClassification
from liuli.tracing import trace
from liuli.training.captured import CapturedEngine
from liuli.training.recording import record

LAYERS = {ElmanLayer: nn.RNN, LSTMLayer: nn.LSTM, GRULayer: nn.GRU}
every_layer = pytest.mark.parametrize("kind", LAYERS, ids=lambda one: one.__name__)


class Looking(TorchFunctionMode):
    """Somebody looks, and changes nothing."""

    def __torch_function__(self, function: object, types: object, args: object = (), kwargs: object = None) -> object:
        return function(*args, **(kwargs or {}))


def passes(layer: Recurrent, x: Tensor, begin: State | None = None) -> list[Tensor]:
    """The states, and the gradients by input, begin and weights of a sum that weighs each state differently."""
    given = [one.detach().requires_grad_() for one in (x, *(begin or ()))]
    states = layer(given[0], tuple(given[1:]) or None)
    weighed = (states * torch.linspace(-1, 1, states.numel(), dtype=x.dtype).view_as(states)).sum()
    return [states.detach(), *torch.autograd.grad(weighed, [*given, *layer.parameters()])]


def by_gates(layer: Recurrent, x: Tensor, begin: State | None = None) -> list[Tensor]:
    """The same as it can be read."""
    with Looking():
        return passes(layer, x, begin)


def drawn_begin(layer: Recurrent, x: Tensor) -> State:
    """A state to begin with."""
    return tuple(torch.randn_like(part) for part in layer.zeros(x))


@pytest.mark.parametrize("own", [True, False], ids=["own kernel", "PyTorch's kernel"])
@every_layer
@given(
    batch=st.integers(1, 20),
    steps=st.integers(1, 9),
    width=st.integers(1, 6),
    units=st.integers(1, 6),
    new=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_gate_by_gate_equals_the_kernel(
    own: bool, kind: type[Recurrent], batch: int, steps: int, width: int, units: int, new: bool
) -> None:
    torch.manual_seed(steps)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        layer, x = kind(width, units).to(dtype), torch.randn(batch, steps, width, dtype=dtype)
        begin = None if new else drawn_begin(layer, x)
        with pytest.MonkeyPatch.context() as patch:
            if not own:
                patch.setitem(recurrence.FEW, layer.kernel, 0)
            assert by_own(layer(x)) == own
            by_kernel = passes(layer, x, begin)
        for one, other in zip(by_kernel, by_gates(layer, x, begin), strict=True):
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance * batch)


def by_own(states: Tensor) -> bool:
    """Whether liuli's own kernel gave them."""
    return type(states.grad_fn).__name__ == "RecurrenceBackward"


@every_layer
def test_own_derivatives_are_difference_quotients(kind: type[Recurrent]) -> None:
    layer, x = kind(2, 3).double(), torch.randn(2, 3, 2, dtype=torch.float64)
    own = (layer.weight_input, layer.weight_state, layer.bias)
    given = [one.detach().requires_grad_() for one in (x, *own, *drawn_begin(layer, x))]

    def states(x: Tensor, *rest: Tensor) -> Tensor:
        return recurrence.Recurrence.apply(layer.kernel, x, *rest)

    assert torch.autograd.gradcheck(states, given)
    assert torch.autograd.gradgradcheck(states, given)


def test_own_exponential_and_tanh_are_as_exact_as_float32() -> None:
    x = torch.cat([torch.linspace(-30, 30, 50_001), torch.linspace(-1e-3, 1e-3, 1001), torch.tensor([-200.0, 200.0])])
    elman, gru = ElmanLayer(1, 1), GRULayer(1, 1)
    with torch.no_grad():
        for layer in (elman, gru):
            for weight in layer.parameters():
                weight.zero_()
        elman.weight_input.fill_(1)  # h = tanh x
        gru.weight_input[1] = 1  # the candidate is 0, the state was 1: h = σ(x)
    found = elman(x.view(-1, 1, 1)), gru(x.view(-1, 1, 1), (torch.ones(len(x), 1),))
    for one, exact in zip(found, (x.double().tanh(), x.double().sigmoid()), strict=True):
        ulp = torch.from_numpy(np.spacing(exact.abs().float().numpy())).double().clamp(min=1e-38)
        assert by_own(one)
        assert float(((one.detach().flatten().double() - exact).abs() / ulp).max()) < 4


@every_layer
def test_own_kernel_hands_on_what_is_no_number(kind: type[Recurrent]) -> None:
    layer, x = kind(2, 3), torch.randn(6, 4, 2)
    x[0, 1, 0], x[1, 2, 1], x[2, 0, 0] = math.nan, math.inf, -math.inf
    found, expected = layer(x).detach(), by_gates(layer, x)[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5, equal_nan=True)
    assert found[0, 1:].isnan().all()
    assert not found[3:].isnan().any()


def test_own_kernel_is_taken_where_it_is_the_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 3, 4)
    assert by_own(LSTMLayer(4, 32)(x))
    assert not by_own(LSTMLayer(4, 33)(x))
    assert not recurrence.suits("lstm", x.bfloat16(), 5)
    assert not recurrence.suits("lstm", x.to("meta"), 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert not recurrence.suits("lstm", x, 5)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "liuli.layers.recurrent_kernel", raising=False)
    monkeypatch.delattr(liuli.layers, "recurrent_kernel", raising=False)
    monkeypatch.setattr(compiled, "found", compiled.found.__wrapped__)
    assert not by_own(LSTMLayer(4, 5)(x))


@every_layer
def test_transforms_see_the_cells(kind: type[Recurrent]) -> None:
    layer, x, along = kind(2, 3).double(), *torch.randn(2, 4, 5, 2, dtype=torch.float64)
    _, slope = torch.func.jvp(layer, (x,), (along,))
    quotient = (layer(x + 1e-6 * along) - layer(x - 1e-6 * along)) / 2e-6
    torch.testing.assert_close(slope, quotient, rtol=1e-6, atol=1e-8)

    def loss(weights: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(layer, weights, (one[None],)).square().sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(dict(layer.named_parameters()), x)
    for name, weight in layer.named_parameters():
        (whole,) = torch.autograd.grad(layer(x).square().sum(), weight)
        torch.testing.assert_close(each[name].sum(0), whole)


@every_layer
def test_a_compiler_sees_the_cells(kind: type[Recurrent]) -> None:
    layer, x = kind(3, 5), torch.randn(2, 4, 3)
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="eager")(x), layer(x))


@every_layer
def test_equals_pytorchs_module(kind: type[Recurrent]) -> None:
    layer, theirs = kind(5, 4).double(), LAYERS[kind](5, 4, batch_first=True).double()
    with torch.no_grad():
        layer.bias.normal_()
        for name, value in (("ih", layer.weight_input), ("hh", layer.weight_state)):
            theirs.get_parameter(f"weight_{name}_l0").copy_(value)
        theirs.bias_ih_l0.copy_(layer.bias)
        theirs.bias_hh_l0.zero_()
    x = torch.randn(3, 6, 5, dtype=torch.float64)
    with Looking():
        torch.testing.assert_close(layer(x), theirs(x)[0], rtol=1e-12, atol=1e-12)


def test_the_reset_gate_acts_after_the_product() -> None:
    layer = GRULayer(1, 2).double()
    h, x = torch.tensor([[0.3, -0.7]], dtype=torch.float64), torch.tensor([[0.5]], dtype=torch.float64)
    W, U, b = layer.weight_input, layer.weight_state, layer.bias
    r, z = (torch.sigmoid(W[i : i + 2] @ x[0] + U[i : i + 2] @ h[0] + b[i : i + 2]) for i in (0, 2))
    n = torch.tanh(W[4:] @ x[0] + r * (U[4:] @ h[0]) + b[4:])
    printed = torch.tanh(W[4:] @ x[0] + U[4:] @ (r * h[0]) + b[4:])
    assert not torch.allclose(n, printed), "the two conventions differ here"
    torch.testing.assert_close(layer.cell(x, (h,))[0][0], (1 - z) * n + z * h[0])


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_record_holds_the_gates(name: str) -> None:
    system = catalog.find(name)
    record = trace(system.build().eval(), system.task.draw(1)[0], gradients=False)
    names = {value.name for value in record.values()}
    assert not any(operation.name in ("lstm", "gru", "rnn_tanh") for operation in record.operations)
    assert [one.name for one in record.opened] in ([], [f"{name.upper().replace('RNN', 'Elman')}Layer"])
    assert record.residual < 1e-6
    assert {"lstm": "forget_gate", "gru": "reset_gate", "rnn": "h"}[name] in names


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_the_step_is_captured(name: str) -> None:
    system = catalog.find(name)
    engine = CapturedEngine(system.build(), system.task, system.recipe)
    batch = system.task.draw(8)
    engine.prepare(batch)  # raises where a replay differs
    assert engine.replay(batch)[0]["loss"] > 0
    assert all(replay != engine.compute for replay in engine.replays.values())
    graph = record(engine.compute, batch, [])
    assert sum(node.target == torch.ops.liuli.recurrence.default for node in graph.nodes) == 1
    assert sum(node.target == torch.ops.liuli.recurrence_backward.default for node in graph.nodes) == 1


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_padding_changes_nothing(name: str) -> None:
    system = catalog.find(name)
    torch.manual_seed(0)
    network = system.build().double().eval()
    words, labels = system.task.draw(4)
    padded = nn.functional.pad(words, (0, 5))
    for batch in ((padded, labels), system.task.cut((padded, labels), 8)):
        network.zero_grad()
        outcome = system.task.outcome(network, batch)
        outcome.loss.backward()
        gradients = [one.grad.clone() for one in network.parameters()]
        network.zero_grad()
        expected = system.task.outcome(network, (words, labels))
        expected.loss.backward()
        torch.testing.assert_close(outcome.output, expected.output)
        for gradient, parameter in zip(gradients, network.parameters(), strict=True):
            torch.testing.assert_close(gradient, parameter.grad)
    assert not network.embedding.weight.grad[0].any()


def test_parameters_are_as_printed() -> None:
    network = LSTM(vocabulary=7297)
    count = {name: sum(one.numel() for one in child.parameters()) for name, child in network.named_children()}
    assert count == {"embedding": 145_960, "dropout": 0, "recurrent": 2_160, "output": 16}
    assert sum(count.values()) == 148_136


def test_weights_are_shared_over_time() -> None:
    T, D, M, K = 100, 10, 15, 1
    network = RNN(width=D, units=M)
    weights = [network.recurrent.weight_input, network.recurrent.weight_state, network.output.weight]
    assert sum(one.numel() for one in weights) == M * D + M * M + M * K == 390
    assert nn.Linear(T * D, T * M, bias=False).weight.numel() == 1_500_000


def test_more_than_two_classes_have_an_output_each() -> None:
    task, network = TextClassification(), LSTM(classes=4)
    words, _ = task.draw(3)
    assert task.respond(network, (words,)).shape == (3, 4)


class Halved(LSTMLayer):
    """Shows half of what it remembers."""

    def by_kernel(self, x: Tensor, state: State) -> Tensor:
        return super().by_kernel(x, state) / 2


class Late(GRULayer):
    """Reads every word one step late."""

    def by_kernel(self, x: Tensor, state: State) -> Tensor:
        return super().by_kernel(x.roll(1, 1), state)


@pytest.mark.parametrize(("name", "layer"), [("lstm", Halved), ("gru", Late)])
def test_a_fault_is_found_where_it_is(name: str, layer: type[Recurrent]) -> None:
    system = catalog.find(name)
    tampered = type("Tampered", (RNN,), {"layer": layer})
    comparisons = checking.compare(replace(system, model=tampered), checking.oracle(name))
    assert next(one.name for one in comparisons if one.verdict != "OK") == "recurrent"


def test_a_wrong_rate_of_dropout_is_found() -> None:
    tampered = replace(catalog.find("rnn"), model=lambda: RNN(dropout=0.4))
    comparisons = checking.compare(tampered, checking.oracle("rnn"))
    wrong = next(one for one in comparisons if one.verdict != "OK")
    assert (wrong.name, wrong.dropout) == ("dropout", True)


def test_the_simple_network_hands_its_state_on_before_it_has_learnt() -> None:
    layer, state = ElmanLayer(3, 4), torch.tensor([[0.1, -0.2, 0.3, -0.4]])
    assert torch.equal(layer.cell(torch.zeros(1, 3), (state,))[0], state.tanh())
