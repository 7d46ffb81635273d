"""What a run writes for TensorBoard, read by TensorBoard's own reader, also after being killed and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from liuli.runs import Run
from tests.training_child import Job, run

SETTINGS: dict[str, object] = {"epochs": 3, "batch_size": 108}
STEPS = 12


def read(folder: Path) -> Any:
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance=dict.fromkeys(("scalars", "histograms"), 0))
    return events.Reload()


@pytest.fixture(scope="module", params=["never killed", "killed and resumed"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("board") / "run"
    job = Job(folder, "mlp", SETTINGS, every_step=False)
    if request.param == "never killed":
        assert run(job).code == 0
    else:  # twice in the second epoch, after its events were written and before the checkpoint that knows of them
        assert run(Job(folder, "mlp", SETTINGS, fault=("board", 2), every_step=False)).code == -9
        assert run(Job(folder, fault=("board", 1), every_step=False)).code == -9
        assert run(Job(folder, fault=("before the result", 1), every_step=False)).code == -9  # and after the end
        assert run(Job(folder, every_step=False)).code == 0
    return Run.open(folder)


def test_scalars_are_those_of_the_metrics_each_once(trained: Run) -> None:
    events, history = read(trained.folder), trained.history()
    for tag, key in (
        ("loss/train", "train_loss"),
        ("loss/validation", "validation_loss"),
        ("accuracy/validation", "validation_accuracy"),
        ("training/learning rate", "lr"),
    ):
        points = events.Scalars(tag)
        assert [point.step for point in points] == [row["step"] for row in history] == [12, 24, 36]
        assert [point.value for point in points] == pytest.approx([row[key] for row in history], rel=1e-6)


def test_the_curve_within_epochs_is_whole(trained: Run) -> None:
    points, history = read(trained.folder).Scalars("steps/loss"), trained.history()
    assert [point.step for point in points] == list(range(1, 3 * STEPS + 1))
    sizes = [108] * 11 + [1294 - 11 * 108]
    for epoch, row in enumerate(history):
        mine = [point.value for point in points[epoch * STEPS : (epoch + 1) * STEPS]]
        mean = sum(value * size for value, size in zip(mine, sizes, strict=True)) / 1294
        assert mean == pytest.approx(row["train_loss"], rel=1e-6)


def test_histograms_of_weights_and_gradients(trained: Run) -> None:
    events = read(trained.folder)
    network = trained.network()
    for name, value in network.named_parameters():
        for kind in ("weights", "gradients"):
            last = events.Histograms(f"{kind}/{name.replace('.', '/')}")[-1]
            assert last.step == 3 * STEPS
            assert last.histogram_value.num == value.numel()
            assert sum(last.histogram_value.bucket) == value.numel()
            if kind == "weights" and trained.history()[-1]["epoch"] == (trained.result or {})["best_epoch"]:
                assert last.histogram_value.max == pytest.approx(value.max().item(), rel=1e-6)
                assert last.histogram_value.sum == pytest.approx(value.sum().item(), rel=1e-3, abs=1e-2)


def test_distributions_examples_and_graph(trained: Run) -> None:
    events = read(trained.folder)
    tags = events.Tags()
    assert tags["distributions"] == tags["histograms"]
    image = events.Images("examples")[-1]
    assert (image.width, image.height) == (8 * 112, 2 * 128)
    nodes = events.Graph().node
    assert any("hidden1" in node.name for node in nodes)


def test_embeddings_of_the_last_hidden_layer(trained: Run) -> None:
    folder = trained.folder / "tensorboard"
    config = (folder / "projector_config.pbtxt").read_text()
    assert config.count('tensor_name: "last_hidden_layer:') == 1
    assert "sprite" in config
    tensors, labels = (next(folder.rglob(name)) for name in ("tensors.tsv", "metadata.tsv"))
    assert f'tensor_path: "{tensors.relative_to(folder)}"' in config
    points = [[float(cell) for cell in line.split("\t")] for line in tensors.read_text().splitlines()]
    assert (len(points), len(points[0])) == (359, 64)
    assert len(labels.read_text().splitlines()) == 359
    weights = load_file(trained.weights_file)
    scores = weights["output.weight"] @ weights["output.weight"].new_tensor(points[0]) + weights["output.bias"]
    assert labels.read_text().splitlines()[0] == str(scores.argmax().item())
