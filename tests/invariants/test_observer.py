"""What training leaves to be looked at: distributions equal to NumPy's, moments set by the recipe, no bit changed."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from safetensors.numpy import load_file

from liuli.catalog import find
from liuli.data.dataset import Split
from liuli.files import read_lines
from liuli.runs import Run
from liuli.training import fit, loop
from liuli.training.distributions import PERCENTS, SORTED, distribution
from liuli.training.engine import Engine
from liuli.training.observer import MOMENTS, PARTS, Observer, chosen
from liuli.training.place import Place

NOTHING = Split(np.zeros(0), np.zeros(0))


def recomputed(numbers: NDArray[Any]) -> list[float]:
    """Quantiles and RMS by NumPy's own, in double precision."""
    flat = numbers.astype(np.float64).ravel()
    quantiles = np.quantile(flat, np.array(PERCENTS) / 100, method="lower")
    return [*quantiles, np.sqrt((flat**2).mean())]


def trained(folder: Path, name: str = "mlp", engine: str = "torch", data: str = "digits", **settings: object) -> Run:
    return fit.train(
        name, data=data, engine=engine, settings=settings, out=folder, device="cpu", console=Console(quiet=True)
    )


@pytest.mark.parametrize("shape", [(1,), (2,), (7, 3), (101,), (64, 10, 5)])
def test_quantiles_are_those_of_numpy(shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = distribution(torch.from_numpy(numbers))
    assert found is not None
    assert np.array(found, np.float32)[:-1].tolist() == np.array(recomputed(numbers), np.float32)[:-1].tolist()
    assert found[-1] == pytest.approx(recomputed(numbers)[-1], rel=1e-7)


def test_ends_and_size_of_a_large_tensor_are_exact() -> None:
    numbers = torch.zeros(SORTED * 2 + 5)
    numbers[1], numbers[3] = -4.0, 9.0  # every other one is put in order, and these are not among them
    found = distribution(numbers)
    assert found is not None
    assert (found[0], found[len(PERCENTS) - 1]) == (-4.0, 9.0)
    assert found[-1] == pytest.approx(np.sqrt(97 / len(numbers)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_has_none(bad: float) -> None:
    assert distribution(torch.tensor([1.0, bad, 2.0])) is None


@pytest.mark.parametrize(("name", "engine"), [("mlp", "torch"), ("mlp", "scratch"), ("lenet", "torch")])
def test_the_last_line_is_that_of_the_checkpoint(tmp_path: Path, name: str, engine: str) -> None:
    run = trained(tmp_path / "run", name, engine, epochs=1, batch_size=200)
    rows = read_lines(run.distributions_file)
    kept = load_file(run.checkpoint_file)
    weights = {key.removeprefix("engine.weights."): value for key, value in kept.items() if ".weights." in key}
    assert rows[-1]["weights"].keys() == weights.keys()
    for key, value in weights.items():
        assert rows[-1]["weights"][key] == pytest.approx(recomputed(value), rel=1e-6, abs=1e-9)
    assert rows[0]["step"] == 0
    assert rows[0]["gradients"] == {}
    assert rows[-1]["gradients"].keys() == weights.keys()


def test_gradients_are_those_of_the_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, NDArray[Any]]] = []
    step = loop.Training.step

    def spied(self: loop.Training, batch: Any) -> None:
        step(self, batch)
        seen.append({name: value.numpy(force=True).copy() for name, value in self.engine.gradients().items()})

    monkeypatch.setattr(loop.Training, "step", spied)
    run = trained(tmp_path / "run", epochs=2, batch_size=300)
    rows = read_lines(run.distributions_file)
    assert [row["step"] for row in rows] == [*range(len(seen) + 1)]  # few steps: each is a moment
    for row, gradients in zip(rows[1:], seen, strict=True):
        assert row["gradients"].keys() == gradients.keys()
        for name, value in gradients.items():
            assert row["gradients"][name] == pytest.approx(recomputed(value), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_looking_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings: dict[str, object] = {"epochs": 1, "batch_size": 300, "validation": 0.5}
    looked_at = trained(tmp_path / "seen", name, **settings)
    for what in ("start", "step", "epoch", "progress"):
        monkeypatch.setattr(Observer, what, lambda *arguments, **keywords: None)
    alone = trained(tmp_path / "unseen", name, **settings)
    assert not alone.distributions_file.exists()
    ends = [load_file(run.checkpoint_file) for run in (looked_at, alone)]
    assert ends[0].keys() == ends[1].keys()
    assert [name for name in ends[0] if ends[0][name].tobytes() != ends[1][name].tobytes()] == []


class Still:
    """An engine that has nothing to show."""

    def weights(self) -> Mapping[str, torch.Tensor]:
        return {"weight": torch.ones(3)}

    def gradients(self) -> Mapping[str, torch.Tensor]:
        return {}


@pytest.mark.parametrize(("epochs", "steps"), [(1, 5), (1, 1000), (3, 70), (15, 844), (60, 1000), (100, 7), (2000, 1)])
def test_moments_are_few_and_the_ends_are_among_them(tmp_path: Path, epochs: int, steps: int) -> None:
    run = Run.create(tmp_path / "run", "mlp", {"state": "running"})
    task = find("mlp").task
    engine: Engine = Still()  # type: ignore[assignment]
    observer = Observer(run, task, task.drawn_facts(), engine, epochs, steps, NOTHING, task.draw(0), 0)
    seen: list[int] = []
    observer.look = seen.append  # type: ignore[method-assign]
    for epoch in range(epochs):
        for step in range(1, steps + 1):
            observer.step(Place(epoch, step))
    assert len(seen) <= MOMENTS + 1
    assert len(seen) >= min(epochs * steps, epochs * PARTS, MOMENTS // 2)
    assert epochs * steps in seen
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7, 100])
def test_examples_are_from_all_over_the_part(count: int) -> None:
    task = find("vae").task
    batch = task.draw(count)
    found = [posed.example.batch[0] for posed in chosen(task, task.drawn_facts(), NOTHING, batch)]
    stride = max(1, count // task.watched)
    assert len(found) == min(count, task.watched)
    for number, pixels in enumerate(found):
        assert torch.equal(pixels, batch[0][number * stride][None])


def picture_of(address: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))) as picture:
        return np.asarray(picture)


def test_answers_that_are_pictures_are_kept_as_pictures(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", "vae", epochs=2, batch_size=200)
    network, task = run.system.build(**run.options).eval(), run.system.task
    weights = load_file(run.checkpoint_file)
    ours = {name: torch.from_numpy(weights[f"engine.weights.{name}"]) for name in network.state_dict()}
    network.load_state_dict(ours)
    _, held = fit.parts(run.data(), run.recipe)
    rows, examples = read_lines(run.answers_file), json.loads(run.examples_file.read_text())
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    shown = chosen(task, run.facts, held, task.tensors(held, run.facts))
    for posed, given, said in zip(shown, examples, rows[-1]["answers"], strict=True):
        seen = task.inputs(posed.example.batch)[0][0, 0].numpy()
        assert np.abs(picture_of(given["picture"])[::10, ::10] / 255.0 - seen).max() < 1 / 255
        with torch.no_grad():
            scores = task.respond(network, posed.example.batch)[0, : seen.size].double().numpy()
        made = (1 / (1 + np.exp(-scores))).reshape(seen.shape)
        assert np.abs(picture_of(said["picture"])[::10, ::10] / 255.0 - made).max() < 1.5 / 255
    assert rows[0]["answers"][0]["picture"] != rows[-1]["answers"][0]["picture"]


def test_answers_are_those_of_the_weights(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", epochs=2, batch_size=100)
    rows = read_lines(run.answers_file)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    engine_weights = {
        key.removeprefix("engine.weights."): torch.from_numpy(value)
        for key, value in load_file(run.checkpoint_file).items()
        if ".weights." in key
    }
    network = run.system.build(**run.options).eval()
    network.load_state_dict(engine_weights)
    _, held = fit.parts(run.data(), run.recipe)
    task = run.system.task
    examples = json.loads(run.examples_file.read_text())
    shown = chosen(task, run.facts, held, task.tensors(held, run.facts))
    assert [posed.right for posed in shown] == [one["right"] for one in examples]
    assert all(one["judged"] for one in examples)
    for posed, said in zip(shown, rows[-1]["answers"], strict=True):
        with torch.no_grad():
            scores = network(*task.inputs(posed.example.batch))[0].numpy().astype(np.float64)
        shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        assert said["answer"] == run.facts.classes[int(shares.argmax())]
        assert said["probability"] == pytest.approx(shares.max(), rel=1e-5)
