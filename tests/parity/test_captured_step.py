"""A step recorded and replayed is the step itself: loss, gradients, draws, buffers, weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from liuli import catalog
from liuli.system import SGD, Recipe
from liuli.tasks.examples import Batch
from liuli.tasks.image_classification import ImageClassification
from liuli.tasks.task import Task
from liuli.training import captured, kernels
from liuli.training.captured import CapturedEngine
from liuli.training.engine import build
from liuli.training.recording import NotCapturable
from liuli.training.torch_engine import TorchEngine

PICTURES = ImageClassification(size=12, channels=3)
RECIPE = replace(catalog.find("mlp").recipe, batch_size=8)
DESCENT = replace(RECIPE, optimizer=SGD(lr=0.02, momentum=0.9))  # Adam's first steps are the signs of roundings


class Residual(nn.Module):
    """What later networks bring: batch normalisation, a sum, dropout, groups, layer normalisation, attention."""

    def __init__(self) -> None:
        super().__init__()
        self.turned = nn.Parameter(torch.rand(12, 12))  # its gradient comes transposed
        self.first = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 16, 3, padding=1, groups=4)
        self.uneven = nn.Conv2d(16, 20, 3, stride=2)
        self.query = nn.Linear(20, 60)
        self.layer_norm = nn.LayerNorm(20)
        self.output = nn.Linear(20, 10)
        self.register_buffer("seen", torch.zeros(10))

    def forward(self, pictures: Tensor) -> Tensor:
        hidden = self.norm(self.first(pictures * self.turned.t().contiguous())).relu()
        hidden = hidden + nn.functional.dropout2d(self.second(hidden), 0.3, self.training)
        hidden = nn.functional.max_pool2d(self.uneven(hidden), 2)
        tokens = hidden.flatten(2).mT
        query, key, value = self.query(tokens).chunk(3, dim=-1)
        weights = (query @ key.mT / 20**0.5).softmax(-1)
        pooled = self.layer_norm(nn.functional.gelu(weights @ value) + tokens).mean(1)
        scores: Tensor = self.output(nn.functional.dropout(pooled, 0.5, self.training))
        if self.training:
            self.seen += scores.detach().sum(0)
        return scores


def small(name: str) -> tuple[Callable[[], nn.Module], Task, int]:
    if name == "residual":
        return Residual, PICTURES, 8
    system = catalog.find(name)
    return system.build, system.task, system.recipe.batch_size


def pair(name: str, recipe: Recipe = RECIPE) -> tuple[TorchEngine, CapturedEngine]:
    """The same network in both engines."""
    make, task, _ = small(name)
    torch.manual_seed(0)
    network = make()
    return TorchEngine(copy.deepcopy(network), task, recipe), CapturedEngine(network, task, recipe)


def steps(engine: TorchEngine, name: str) -> list[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """What three steps gave, the last on a smaller batch, and their gradients."""
    _, task, size = small(name)
    torch.manual_seed(1)
    given = []
    for number, count in enumerate((size, size, size - 3)):
        sums = engine.train_step(task.draw(count, number), 0.02)
        given.append((sums, {key: value.clone() for key, value in engine.gradients().items()}))
    return given


def assert_close(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], share: float) -> None:
    """Equal but for `share` of each tensor's largest entry."""
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        allowed = share * float(value.abs().max())
        torch.testing.assert_close(
            found[name], value, rtol=0, atol=allowed, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("name", ["mlp", "lenet", "lenet-1998", "convnet", "residual"])
def test_a_replay_is_the_step(name: str) -> None:
    eager, replayed = pair(name, DESCENT)
    share = 2e-6
    for (sums, gradients), (other_sums, other_gradients) in zip(steps(eager, name), steps(replayed, name), strict=True):
        assert_close(gradients, other_gradients, share)
        share = 1e-4  # the weights are no longer the same
        assert sums["loss"].item() == pytest.approx(other_sums["loss"].item(), rel=1e-6)
        assert torch.equal(sums["accuracy"], other_sums["accuracy"])
    assert_close(eager.weights(), replayed.weights(), 1e-6)


@pytest.mark.parametrize("name", ["mlp", "lenet", "lenet-1998", "convnet", "residual"])
def test_with_the_same_kernels_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "choose", lambda graph: None)
    eager, replayed = pair(name)
    for (sums, gradients), (other_sums, other_gradients) in zip(steps(eager, name), steps(replayed, name), strict=True):
        assert_close(gradients, other_gradients, 0)
        assert_close(sums, other_sums, 0)
    assert_close(eager.weights(), replayed.weights(), 0)


@pytest.mark.parametrize("name", ["convnet", "residual"])
def test_looking_changes_nothing(name: str) -> None:
    _, engine = pair(name)
    _, task, size = small(name)
    before, state = copy.deepcopy(engine.weights()), torch.get_rng_state()
    engine.prepare(task.draw(size))
    assert_close(before, engine.weights(), 0)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ["convnet", "residual"])
def test_draws_are_new_in_every_replay_and_those_of_eager(name: str) -> None:
    eager, replayed = pair(name, replace(RECIPE, optimizer=SGD(lr=1e-9)))
    _, task, size = small(name)
    batch = task.draw(size)
    losses = []
    for engine in (eager, replayed):
        torch.manual_seed(5)
        losses.append([engine.train_step(batch, 1e-9)["loss"].item() for _ in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert len(set(losses[1])) == 3


def faulty(right: Callable[..., object]) -> Callable[..., object]:
    def wrong(*arguments: object) -> object:
        result = right(*arguments)
        return tuple(one if one is None else one * 1.1 for one in result)  # type: ignore[attr-defined]

    return wrong


def test_a_wrong_kernel_is_found_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of this file, and what stands between a user and a fault in it."""
    if not kernels.usable():
        pytest.skip("PyTorch was built without MKL or oneDNN")
    monkeypatch.setattr(kernels, "convolution_backward", faulty(kernels.convolution_backward))
    _, engine = pair("residual")
    with pytest.raises(NotCapturable, match="other gradients"):
        engine.prepare(PICTURES.draw(8))


class Scaled(nn.Module):
    """A network that does something before its one layer."""

    def __init__(self, change: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change
        self.layer = nn.Linear(3 * 12 * 12, 10)
        self.constant = torch.ones(3 * 12 * 12)  # no buffer
        self.unused = nn.Parameter(torch.ones(1))
        self.register_buffer("buffer", torch.ones(3 * 12 * 12))

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.layer(self.change(self, pictures.flatten(1)) * self.unused)
        return scores


def python_number(module: nn.Module, x: Tensor) -> Tensor:
    return x * x.mean().item()


def branch(module: nn.Module, x: Tensor) -> Tensor:
    return x if x.sum() > 0 else -x


def chosen(module: nn.Module, x: Tensor) -> Tensor:
    return x * x[x > 0.5].mean()


def by_numpy(module: nn.Module, x: Tensor) -> Tensor:
    return x * torch.from_numpy(x.detach().numpy().mean(0))


def constant_written(module: nn.Module, x: Tensor) -> Tensor:
    constant: Tensor = module.constant  # type: ignore[assignment]
    constant[:3] += x.detach()[0, :3]
    return x * constant


@pytest.mark.parametrize("change", [python_number, branch, chosen, by_numpy, constant_written])
def test_what_depends_on_values_is_not_captured(change: Callable[[nn.Module, Tensor], Tensor]) -> None:
    _, step = made(Scaled(change))
    assert step == "eager"


def test_a_parameter_without_gradient_is_not_captured() -> None:
    network = Scaled(lambda module, x: x)
    network.further = nn.Parameter(torch.ones(1))
    assert made(network)[1] == "eager"


def buffer_written(module: nn.Module, x: Tensor) -> Tensor:
    module.buffer.mul_(0.9).add_(x.detach().mean(0))  # type: ignore[operator,union-attr]
    return x * module.buffer  # type: ignore[operator]


def mask_written(module: nn.Module, x: Tensor) -> Tensor:
    mask = torch.zeros_like(x)
    mask[:, ::2] += x.detach()[:, ::2]
    return x * mask


@pytest.mark.parametrize("change", [buffer_written, mask_written])
def test_what_is_written_to_in_place_is_written_to_in_every_replay(
    change: Callable[[nn.Module, Tensor], Tensor],
) -> None:
    network = Scaled(change)
    eager = TorchEngine(copy.deepcopy(network), PICTURES, RECIPE)
    engine, step = made(network)
    assert step == "captured"
    for number in range(3):
        for one in (eager, engine):
            one.train_step(PICTURES.draw(8, number), 1e-3)
    assert_close(eager.weights(), engine.weights(), 1e-6)


def made(network: nn.Module) -> tuple[TorchEngine, str]:
    """What `build` makes of a network."""
    system = replace(catalog.find("mlp"), task=PICTURES)
    batch: Batch = PICTURES.draw(8)
    engine, step = build("torch", "auto", system, network, {}, RECIPE, None, batch)
    assert isinstance(engine, TorchEngine)
    return engine, step


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_either_engine_goes_on_from_the_other(kind: str) -> None:
    recipe = RECIPE if kind == "adam" else replace(RECIPE, optimizer=SGD(lr=0.1, momentum=0.9))
    engines = pair("mlp", recipe)
    _, task, _ = small("mlp")
    for first, second in (engines, engines[::-1]):
        first.train_step(task.draw(8), 1e-2)
        state = {name: value.clone() for name, value in first.state().items()}
        second.load_state(state)
        assert state.keys() == second.state().keys()
        for engine in engines:
            engine.train_step(task.draw(8, 1), 1e-2)
        assert_close(first.weights(), second.weights(), 1e-5)
