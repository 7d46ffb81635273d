"""A loss that is no longer a number: found, explained by step and layer, and nothing good is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liuli import catalog
from liuli.data import store
from liuli.data.order import Batches, hold_out
from liuli.models.vision.lenet import LeNet
from liuli.runs import Run
from liuli.system import Recipe
from liuli.tasks.examples import Outcome
from liuli.tasks.image_classification import ImageClassification
from liuli.training.hunt import first_bad
from liuli.training.torch_engine import TorchEngine
from tests.training_child import Job, run

WILD: dict[str, object] = {"epochs": 3, "lr": 1e18, "validation": 0.0}


def watched(recipe: Recipe) -> tuple[int, str]:
    """Train with every layer looked at in every step: the first step and layer whose output is not finite."""
    task = ImageClassification(size=32, channels=1)
    data = store.load("digits")
    tensors = task.tensors(hold_out(data.train, recipe.validation, recipe.seed)[0], data.facts)
    torch.manual_seed(recipe.seed)
    network = LeNet()
    engine = TorchEngine(network, task, recipe)
    found: list[str] = []

    def look(name: str, output: Tensor) -> None:
        if not output.isfinite().all():
            found.append(name)

    for name, layer in network.named_children():
        layer.register_forward_hook(lambda _, __, output, name=name: look(name, output))
    batches = Batches(tensors, recipe.batch_size, recipe.seed)
    for step, batch in enumerate(batches.epoch(0)):
        rate = recipe.optimizer.lr * recipe.schedule.factor(step / (recipe.epochs * batches.steps))
        engine.train_step(batch, rate)
        if found:
            return step + 1, found[0]
    raise AssertionError("nothing went wrong")


@pytest.mark.parametrize("often", [True, False], ids=["from the step before", "from the beginning"])
def test_step_and_layer_are_those_that_watching_every_step_would_find(tmp_path: Path, often: bool) -> None:
    folder = tmp_path / "run"
    end = run(Job(folder, "lenet", WILD, every_step=often))
    step, layer = watched(catalog.find("lenet").with_settings({key: str(value) for key, value in WILD.items()})[0])
    assert step > 2, "the fault is to come from training"
    assert end.code == 2
    assert f"the loss became nan at step {step} of epoch 1" in end.sentence
    assert f"the output of layer '{layer}'" in end.sentence
    assert f"the last good weights are kept in {folder}/model.safetensors" in end.sentence
    kept = Run.open(folder)
    assert kept.state == "failed"
    assert all(bool(value.isfinite().all()) for value in kept.network().state_dict().values())
    assert run(Job(folder)).code == 2


def test_the_best_weights_stay(tmp_path: Path) -> None:
    """One epoch goes well, then the rate is raised in the file, as no user should."""
    folder, well = tmp_path / "run", tmp_path / "well"
    settings: dict[str, object] = {"epochs": 2}
    assert run(Job(well, "lenet", settings | {"epochs": 1})).code == 0
    assert run(Job(folder, "lenet", settings, fault=("metrics", 1), act="interrupt")).code == 130
    record = json.loads((folder / "run.json").read_text())
    record["recipe"]["lr"] = 1e18
    (folder / "run.json").write_text(json.dumps(record))
    kept = (folder / "model.safetensors").read_bytes()
    end = run(Job(folder))
    assert end.code == 2
    assert "the best weights, of epoch 1, are kept" in end.sentence
    assert (folder / "model.safetensors").read_bytes() == kept


class Network(nn.Module):
    """Three layers, and a formula of which part may be not finite forward or backward."""

    def __init__(self, middle: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(4, 4), middle, nn.Linear(4, 2)
        nn.init.constant_(self.first.weight, 0.0)
        nn.init.constant_(self.first.bias, 0.0)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.middle(self.first(x))) * self.scale


class Root(nn.Module):
    """√x: at 0 it is 0, and its slope is infinite."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt()


class Inverse(nn.Module):
    """1/x: at 0 it is infinite."""

    def forward(self, x: Tensor) -> Tensor:
        return 1 / x


class Sum(ImageClassification):
    def outcome(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Outcome:
        output = model(batch[0])
        return Outcome(output.sum(), output)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Network(nn.Identity()), None),
        (Network(Inverse()), "the output of layer 'middle'"),
        (Network(Root()), "the gradient that reaches layer 'first'"),
        (Network(nn.Identity(), float("inf")), "the loss"),
    ],
    ids=["nothing", "forward", "backward", "loss"],
)
def test_what_is_not_finite_first(network: Network, expected: str | None) -> None:
    assert first_bad(network, Sum(size=28, channels=1), (torch.ones(2, 4),)) == expected
