"""A number that is set in a pass: every value and gradient is that of a network in which it really was another."""

from __future__ import annotations

import copy
from collections import OrderedDict, UserDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.explaining import explain
from liuli.explaining.explain import bench
from liuli.lab.instances import explained
from liuli.models.vision.lenet import LeNet
from liuli.tracing import Record
from liuli.tracing.retrace import Beginning

LABEL = torch.tensor([3])


def cross_entropy(scores: Tensor) -> Tensor:
    return F.cross_entropy(scores, LABEL)


def set_in(tensor: Tensor, place: int, number: float) -> Tensor:
    """As a reader would write it: a copy in which one number is another; it depends on nothing."""
    found = tensor.clone().view(-1)
    found[place] = number
    return found.view(tensor.shape)


def made(module: nn.Module, *args: Any, loss: Any, edits: dict[str, dict[int, float]]) -> tuple[Record, Record]:
    """The record of a module, and that with numbers set; what the module holds is then what it was before."""
    beginning = Beginning.of(module, *args, loss=loss)
    record = beginning.trace()
    held = copy.deepcopy(module.state_dict())
    with beginning.restored(record, edits) as again:
        other = again.trace()
    assert all(torch.equal(one, held[name]) for name, one in module.state_dict().items())
    assert [one.grad for one in module.parameters()] == [None] * len(list(module.parameters()))
    return record, other


class Hooked(nn.Module):
    """LeNet, with one number of what its first convolution gives set by a hook of PyTorch's own."""

    def __init__(self, network: LeNet, place: int, number: float) -> None:
        super().__init__()
        self.network = network
        network.c1.register_forward_hook(lambda _, __, output: set_in(output, place, number))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def lenet() -> tuple[LeNet, Tensor]:
    torch.manual_seed(0)
    return LeNet().eval(), torch.rand(1, 1, 32, 32)


def same(record: Record, truth: Record, pairs: dict[str, str]) -> None:
    """Values and gradients of `record` at the keys are those of `truth` at the values of `pairs`."""
    for one, two in pairs.items():
        assert torch.equal(record.value(one).tensor, truth.value(two).tensor), one
        a, b = record.value(one).grad, truth.value(two).grad
        assert (a is None) == (b is None), one
        assert a is None or torch.allclose(a, b, rtol=1e-5, atol=1e-8), one


@dataclass(frozen=True)
class Batch:
    """An input that holds others, as a program of one's own has it."""

    x: Tensor
    more: Any = ()


class Reads(nn.Module):
    def __init__(self, take: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.take = take

    def forward(self, given: Any) -> Tensor:
        return (self.take(given) * 3).sum()


@pytest.mark.parametrize(
    ("hold", "take"),
    [
        (lambda x: {"x": x}, lambda given: given["x"]),
        (lambda x: OrderedDict(more=[1], x=x), lambda given: given["x"]),
        (lambda x: UserDict(x=x, name="a word"), lambda given: given["x"]),
        (Batch, lambda given: given.x),
        (lambda x: [Batch(torch.ones(1), more=OrderedDict(x=x))], lambda given: given[0].more["x"]),
    ],
)
def test_a_number_of_an_input_within_what_holds_it(
    hold: Callable[[Tensor], Any], take: Callable[[Any], Tensor]
) -> None:
    x = torch.arange(4.0)
    given = hold(x)
    beginning = Beginning.of(Reads(take), given)
    record = beginning.trace()
    (value,) = [one for one in record.inputs if one.shape == x.shape]
    assert value.grad is not None
    assert value.grad.tolist() == [3.0] * 4
    with beginning.restored(record, {value.address: {2: 7.0}}) as again:
        other = again.trace()
    assert other.value(value.address).tensor.tolist() == [0, 1, 7, 3]
    assert other.outputs[0].tensor.item() == 3 * (0 + 1 + 7 + 3)
    assert x.tolist() == [0, 1, 2, 3]


def test_what_torch_compile_wraps_is_set_and_put_back() -> None:
    torch.manual_seed(0)
    inside = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    module, x = torch.compile(inside), torch.randn(4, 2)
    beginning = Beginning.of(module, x)
    record = beginning.trace()
    held = copy.deepcopy(inside.state_dict())
    with beginning.restored(record, {"0.weight": {1: 5.0}}) as again:
        other = again.trace()
    assert all(torch.equal(one, held[name]) for name, one in inside.state_dict().items())
    assert other.value("0.weight").tensor.view(-1)[1] == 5.0
    kept = next(one for one in other.buffers if one.address == "1.running_mean")
    assert kept.tensor.tolist() == [0.0, 0.0, 0.0]  # the pass began where the first one did


def test_a_pixel() -> None:
    network, picture = lenet()
    _, other = made(network, picture, loss=cross_entropy, edits={"input[0]": {40: 3.0, 41: -1.0}})
    changed = set_in(set_in(picture, 40, 3.0), 41, -1.0)
    truth = Beginning.of(network, changed, loss=cross_entropy).trace()
    same(other, truth, {value.address: value.address for value in truth.values()})


def test_a_weight_of_a_convolution() -> None:
    network, picture = lenet()
    _, other = made(network, picture, loss=cross_entropy, edits={"c1.weight": {3: 1.5}})
    with torch.no_grad():
        network.c1.weight.view(-1)[3] = 1.5
    truth = Beginning.of(network, picture, loss=cross_entropy).trace()
    same(other, truth, {value.address: value.address for value in truth.values()})


def test_what_a_convolution_gave() -> None:
    network, picture = lenet()
    record, other = made(network, picture, loss=cross_entropy, edits={"%0": {5: 2.0}})
    truth = Beginning.of(Hooked(copy.deepcopy(network), 5, 2.0), picture, loss=cross_entropy).trace()
    last = truth.outputs[0]
    assert torch.equal(other.outputs[0].tensor, last.tensor)
    names = [f"{layer}.{kind}" for layer in ("c1", "c3", "c5", "f6", "output") for kind in ("weight", "bias")]
    same(other, truth, {"input[0]": "input[0]", **{name: f"network.{name}" for name in names}})
    assert other.value("%0").tensor.view(-1)[5] == 2.0
    assert torch.equal(other.value("%0.was").tensor, record.value("%0").tensor)
    assert float(other.value("%0.was").grad.view(-1)[5]) == 0.0  # type: ignore[union-attr]
    assert [one.outputs for one in other.operations if one.name != "edit"][1:] == [
        one.outputs for one in record.operations
    ][1:]
    (edit,) = (one for one in other.operations if one.name == "edit")
    assert (edit.index, edit.path, edit.inputs, edit.outputs) == (1, "c1", ("%0.was",), ("%0",))


def test_several_edits_stand_together() -> None:
    network, picture = lenet()
    edits = {"%0": {5: 2.0}, "%2": {7: -1.0}, "output.bias": {3: 4.0}, "input[0]": {500: 2.0}}
    _, other = made(network, picture, loss=cross_entropy, edits=edits)
    with torch.no_grad():
        network.output.bias[3] = 4.0
    hooked = Hooked(network, 5, 2.0)
    x = set_in(picture, 500, 2.0)
    c1 = F.max_pool2d(network.c1(x).relu(), 2)
    assert other.value("%2").tensor.view(-1)[7] == -1.0
    c3 = F.max_pool2d(network.c3(set_in(c1, 7, -1.0)).relu(), 2)
    scores = network.output(network.f6(network.c5(c3.flatten(1)).relu()).relu())
    assert torch.allclose(other.outputs[0].tensor, scores, atol=1e-6)
    assert hooked.network is network


class Reader(nn.Module):
    """Words through an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.lstm = nn.LSTM(4, 3, batch_first=True)
        self.dense = nn.Linear(3, 4)

    def forward(self, words: Tensor) -> Tensor:
        states, _ = self.lstm(self.words(words))
        return self.dense(states[:, -1])


def by_hand(reader: Reader, words: Tensor, step: int, place: int, number: float) -> Tensor:
    """The same with one number of the hidden state after `step` set."""
    lstm, x = reader.lstm, reader.words(words)
    hidden = memory = torch.zeros(1, 3)
    for t in range(words.size(1)):
        rows = x[:, t] @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + hidden @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
        i, f, g, o = rows.chunk(4, -1)
        memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * memory.tanh()
        if t == step:
            hidden = set_in(hidden, place, number)
    scores: Tensor = reader.dense(hidden)
    return scores


def test_a_hidden_state_inside_an_lstm() -> None:
    torch.manual_seed(1)
    reader, words = Reader().eval(), torch.tensor([[1, 5, 2, 7]])
    record = Beginning.of(reader, words, loss=cross_entropy).trace()
    states = [one for one in record.values() if one.shape == (1, 3) and one.producer and one.producer.name == "mul"]
    hidden = [one for one in states if any(user.name == "stack" for user in one.users)][1]
    _, other = made(reader, words, loss=cross_entropy, edits={hidden.address: {2: 0.75}})
    truth = by_hand(reader, words, 1, 2, 0.75)
    assert torch.allclose(other.outputs[0].tensor, truth, atol=1e-6)
    slopes = torch.autograd.grad(cross_entropy(truth), [reader.words.weight, reader.lstm.weight_hh_l0])
    for name, slope in zip(("words.weight", "lstm.weight_hh_l0"), slopes, strict=True):
        assert torch.allclose(other.value(name).grad, slope, atol=1e-7)  # type: ignore[arg-type]


class Attentive(nn.Module):
    """One layer of PyTorch's own attention."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.attention(x, x, x, need_weights=False)[0].mean(1)
        return found


def test_an_attention_probability() -> None:
    torch.manual_seed(2)
    module, x = Attentive().eval(), torch.randn(1, 3, 4)
    record = Beginning.of(module, x, loss=cross_entropy).trace()
    (weights,) = record.find(operation="softmax")
    _, other = made(module, x, loss=cross_entropy, edits={weights.address: {4: 0.9}})
    own = module.attention
    q, k, v = (
        part.view(1, 3, 2, 2).transpose(1, 2) for part in F.linear(x, own.in_proj_weight, own.in_proj_bias).chunk(3, -1)
    )
    paid = set_in((q @ k.mT / 2**0.5).softmax(-1), 4, 0.9)
    truth = own.out_proj((paid @ v).transpose(1, 2).reshape(1, 3, 4)).mean(1)
    assert torch.allclose(other.outputs[0].tensor, truth, atol=1e-6)
    (slope,) = torch.autograd.grad(cross_entropy(truth), [own.in_proj_weight])
    assert torch.allclose(other.value("attention.in_proj_weight").grad, slope, atol=1e-7)  # type: ignore[arg-type]


class Chain(nn.Module):
    """Operations one after another, some of which write in place."""

    def __init__(self, *steps: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 4)
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        x = self.dense(x)
        for step in self.steps:
            x = step(x)
        return x


def halved(x: Tensor) -> Tensor:
    x[:, 1:3] *= 0.5
    return x


def first_of_split(x: Tensor) -> Tensor:
    one, two = x.split(2, -1)
    return torch.cat([two, one * 2], -1)


def largest(x: Tensor) -> Tensor:
    return x * x.max(-1, keepdim=True).values


@pytest.mark.parametrize(
    "step",
    [torch.relu_, torch.sigmoid_, halved, first_of_split, largest, lambda x: x.add_(1.0).mul_(2.0), torch.cumsum],
)
def test_every_number_of_every_value_on_the_way(step: Callable[..., Tensor]) -> None:
    """What stands in the way of a value being set: writes in place, views, several outputs. Against finite steps."""
    torch.manual_seed(3)
    steps = (lambda x: step(x, -1), torch.tanh) if step is torch.cumsum else (step, torch.tanh)
    module, x = Chain(*steps).double().eval(), torch.randn(1, 4, dtype=torch.float64)
    record = Beginning.of(module, x, loss=cross_entropy).trace()
    tried = 0
    for value in record.values():
        if value.origin != "operation" or value.producer is None or value.producer.name == "alias":
            continue
        _, other = made(module, x, loss=cross_entropy, edits={value.address: {0: 0.3}})
        at = float(other.value(value.address).tensor.view(-1)[0])
        if value.dtype.is_floating_point:
            assert at == pytest.approx(0.3)
        tried += 1
        _, more = made(module, x, loss=cross_entropy, edits={value.address: {0: 0.3 + 1e-6}})
        grad = other.value(value.address).grad
        if grad is None or value.producer.path == "(loss)" or not value.dtype.is_floating_point:
            continue
        rise = float(more.loss.tensor - other.loss.tensor) / 1e-6  # type: ignore[union-attr]
        assert rise == pytest.approx(float(grad.view(-1)[0]), rel=1e-4, abs=1e-8), value.address
    assert tried >= 4


def test_dropout_draws_the_same_and_running_statistics_are_put_back() -> None:
    torch.manual_seed(4)
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4)).train()
    x, loss = torch.randn(6, 4), lambda scores: scores.square().sum()
    beginning = Beginning.of(module, x, loss=loss)
    record = beginning.trace()
    state, random = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    module.eval()
    with beginning.restored(record, {"%0": {0: float(record.value("%0").tensor[0, 0])}}) as again:
        other = again.trace()
    assert not module.training
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(one, state[name]) for name, one in module.state_dict().items())
    assert torch.equal(other.outputs[0].tensor, record.outputs[0].tensor)
    assert torch.equal(other.value("0.weight").tensor, record.value("0.weight").tensor)


def test_the_numbers_of_an_edited_record_explain_themselves() -> None:
    network, picture = lenet()
    _, other = made(network, picture, loss=cross_entropy, edits={"%0": {5: 2.0}, "%1": {5: 0.25}})
    assert explained(bench(other), "%0", 5, "forward") == {"captured": 2, "parts": []}
    (beside,) = explained(bench(other), "%0", 6, "forward")["parts"]
    assert other.operations[beside["operation"]].name == "conv2d"
    for value in other.values():
        if value.producer is None or value.producer.path == "(loss)":
            continue
        for flat in {0, 5, len(value.tensor.view(-1)) - 1}:
            index = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat % value.tensor.numel()), value.shape))
            for direction in ("forward", "backward"):
                one = explain(other, value, index, direction)
                assert abs(one.residual) <= 1e-5 * max(one.scale, abs(one.captured), 1e-6), (value.address, direction)


def test_what_is_never_come_to_is_said() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * 2).exp() if bool(x.sum() > 0) else x * 3

    beginning = Beginning.of(Branch(), torch.ones(2), loss=torch.sum)
    record = beginning.trace()
    with (
        pytest.raises(UserError, match="never comes to this value"),
        beginning.restored(record, {"input[0]": {0: -9.0}, "%4": {0: 1.0}}) as again,
    ):
        again.trace()
