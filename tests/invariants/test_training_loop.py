"""What the loop does and when, seen with an engine that only pretends to learn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from liuli import catalog
from liuli.data.order import Batches
from liuli.runs import Run
from liuli.system import Cosine, Recipe
from liuli.tasks.examples import Batch, Outcome
from liuli.training.loop import Training
from liuli.training.place import NotFinite
from liuli.training.world import World

SYSTEM = catalog.find("mlp")
EXAMPLES = 50


class Actor:
    """An engine whose one weight counts its steps, and whose validation losses are written beforehand."""

    device = torch.device("cpu")

    def __init__(self, losses: list[float], train_losses: Mapping[int, float] | None = None) -> None:
        self.losses = losses
        self.train_losses = train_losses or {}
        self.count = torch.zeros(1)
        self.rates: list[float] = []
        self.sizes: list[int] = []
        self.evaluations = 0
        self.shown: dict[str, NDArray[np.uint8]] = {}

    def train_step(self, batch: Batch, rate: float, weight: float = 1.0) -> dict[str, Tensor]:
        loss = self.train_losses.get(len(self.rates), 1.0)
        self.count += 1
        self.rates.append(rate)
        self.sizes.append(len(batch[0]))
        return {"loss": torch.tensor(loss), "accuracy": torch.tensor(len(batch[0]) // 2)}

    def evaluate(self, batch: Batch) -> Outcome:
        self.evaluations += 1
        return Outcome(torch.tensor(self.losses[self.evaluations - 1]), torch.zeros(len(batch[0]), 10))

    def state(self) -> dict[str, Tensor]:
        return {"weights.count": self.count}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.count.copy_(state["weights.count"])

    def weights(self) -> dict[str, Tensor]:
        return {"count": self.count}

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        self.count.copy_(weights["count"])

    def gradients(self) -> dict[str, Tensor]:
        return {}

    def watch(self) -> dict[str, NDArray[np.uint8]]:
        return self.shown


def training(folder: Path, engine: Actor, held: int = 8, **changes: object) -> Training:
    """Of 50 examples in batches of 20: three steps an epoch."""
    settings: dict[str, object] = {"batch_size": 20, "epochs": len(engine.losses) or 3, "patience": None} | changes
    recipe: Recipe = replace(SYSTEM.recipe, **settings)
    run = Run.create(folder / "run", "mlp", {"state": "running"})
    batches = Batches(SYSTEM.task.draw(EXAMPLES), 20, seed=0)
    return Training(
        run, SYSTEM.task, recipe, engine, batches, SYSTEM.task.draw(8)[:held] if held else (torch.zeros(0),), World()
    )


def rows(one: Training) -> list[dict[str, float]]:
    return [json.loads(line) for line in one.run.metrics_file.read_text().splitlines()]


def test_the_best_weights_are_kept_and_patience_ends_it(tmp_path: Path) -> None:
    engine = Actor([0.9, 0.5, 0.6, 0.5, 0.7, 0.1, 0.2])
    one = training(tmp_path, engine, patience=3)
    one.go()
    assert one.place.epoch == 5  # three epochs since the second, and equal is not better
    assert one.place.best_epoch == 2
    assert one.best["count"].item() == 6
    assert [row["validation_loss"] for row in rows(one)] == pytest.approx([0.9, 0.5, 0.6, 0.5, 0.7])


def test_what_a_task_wants_watched_is_kept_after_every_epoch(tmp_path: Path) -> None:
    engine = Actor([0.9, 0.5])
    one = training(tmp_path, engine)
    one.go()
    assert not one.run.figures_folder.exists(), "nothing to be watched"
    engine = Actor([0.9, 0.5])
    engine.shown = {"samples": np.full((3, 5, 1), 7, np.uint8)}
    one = training(tmp_path / "other", engine)
    one.go()
    files = sorted((one.run.figures_folder / "epochs").iterdir())
    assert [file.name for file in files] == ["samples-0001.png", "samples-0002.png"]
    with Image.open(files[0]) as picture:
        assert (picture.size, picture.getpixel((0, 0))) == ((10, 6), 7)


def test_without_patience_all_epochs_are_done(tmp_path: Path) -> None:
    one = training(tmp_path, Actor([0.9, 0.5, 0.6, 0.7, 0.8]))
    one.go()
    assert (one.place.epoch, one.place.best_epoch) == (5, 2)


def test_with_nothing_held_out_the_last_weights_are_the_best(tmp_path: Path) -> None:
    one = training(tmp_path, Actor([]), held=0, patience=1)
    one.go()
    assert (one.place.epoch, one.place.best_epoch, one.best["count"].item()) == (3, 3, 9)
    assert "validation_loss" not in rows(one)[0]


def test_the_rate_follows_the_schedule_over_all_steps(tmp_path: Path) -> None:
    engine = Actor([1.0, 1.0])
    schedule = Cosine(warmup=0.5, floor=0.1)
    one = training(tmp_path, engine, schedule=schedule)
    one.go()
    lr = one.recipe.optimizer.lr
    assert engine.rates == [pytest.approx(lr * schedule.factor(step / 6)) for step in range(6)]
    assert engine.rates[0] == 0
    assert max(engine.rates) == engine.rates[3] == lr
    assert [row["lr"] for row in rows(one)] == [engine.rates[2], engine.rates[5]]


def test_means_are_over_examples_not_over_batches(tmp_path: Path) -> None:
    engine = Actor([1.0], {0: 1.0, 1: 2.0, 2: 9.0})
    one = training(tmp_path, engine)
    one.go()
    assert engine.sizes == [20, 20, 10]
    assert rows(one)[0]["train_loss"] == pytest.approx((20 * 1 + 20 * 2 + 10 * 9) / 50)
    assert rows(one)[0]["train_accuracy"] == 0.5
    assert rows(one)[0]["step"] == 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("step", [0, 4, 5])
def test_a_loss_that_is_no_number_stops_at_its_step(tmp_path: Path, bad: float, step: int) -> None:
    one = training(tmp_path, Actor([1.0, 1.0, 1.0], {step: bad}))
    one.saving.share = 1e9  # after every epoch, however long it takes
    with pytest.raises(NotFinite) as caught:
        one.go()
    assert caught.value.step == step
    one.restore()
    assert one.steps_done == (0 if step < 3 else 3)


def test_a_validation_loss_that_is_no_number_stops_too(tmp_path: Path) -> None:
    one = training(tmp_path, Actor([1.0, float("nan")]))
    with pytest.raises(NotFinite) as caught:
        one.go()
    assert caught.value.step == 6
    assert len(rows(one)) == 1


def test_a_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    one = training(tmp_path, Actor([0.9, 0.5, 0.6]))
    one.save()
    for batch in one.batches.epoch(0):
        one.step(batch)
        if one.place.step == 2:
            break
    one.save()
    other = Training(one.run, SYSTEM.task, one.recipe, Actor([0.9, 0.5, 0.6]), one.batches, one.validation, World())
    other.restore()
    assert other.place == one.place
    assert other.engine.weights()["count"].item() == 2
    assert {name: value.tolist() for name, value in other.ledger.folded.items()} == {
        "loss": [1, 1],
        "accuracy": [10, 10],
    }
    other.go()
    assert other.place.epoch == 3
    assert rows(other)[0]["train_accuracy"] == 0.5
