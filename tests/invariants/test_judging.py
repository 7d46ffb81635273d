"""Judging in the laboratory: what it says is what the predictions say, recomputed in NumPy; the worst come first."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from liuli.data.store import load
from liuli.lab.guard import Guard
from liuli.runs import RUNS, Run
from liuli.tasks import box_measures, marks, wording
from tests.small_run import small_run
from tests.visitor import OWN, Visitor, run


def events(text: str) -> list[tuple[str, Any]]:
    """Server-sent events: kind and content."""
    found = []
    for one in text.strip().split("\n\n"):
        kind, data = (line.split(": ", 1)[1] for line in one.split("\n"))
        found.append((kind, json.loads(data)))
    return found


def judge(lab: Guard, *questions: str, name: str = "lenet") -> list[Any]:
    """Judge a run, then ask more about it: what was said to each question."""

    async def both() -> list[Any]:
        visitor = Visitor(lab)
        told = await visitor.asked("GET", f"/api/runs/{name}/judging/events")
        said = [events(told.text)]
        for question in questions:
            answer = await visitor.asked("GET", f"/api/runs/{name}/judging/{question}")
            assert answer.status_code == 200, answer.text
            said.append(answer.json())
        return said

    return run(both())


def predictions() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities (N, K) of the same run, and labels (N,)."""
    opened = Run.open("lenet")
    task, facts = opened.system.task, opened.facts
    batch = task.tensors(load("digits").test, facts)
    with torch.inference_mode():
        scores = opened.network()(*task.inputs(batch)).double().numpy()
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True), batch[1].numpy()


def test_metrics_are_those_of_the_predictions(lab: Guard) -> None:
    told, first = judge(lab, "examples?count=48")
    shares, labels = predictions()
    answers = shares.argmax(1)
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (labels, answers), 1)
    assert [kind for kind, _ in told[:-1]] == ["progress"] * (len(told) - 1)
    assert [content["done"] for _, content in told[:-1]] == sorted(content["done"] for _, content in told[:-1])
    kind, content = told[-1]
    assert kind == "judged"
    metrics = content["metrics"]
    assert metrics["confusion"] == matrix.tolist()
    assert metrics["accuracy"] == pytest.approx((answers == labels).mean())
    assert metrics["loss"] == pytest.approx(-np.log(shares[np.arange(len(labels)), labels]).mean())
    right, called, true = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
    for number, row in enumerate(metrics["classes"]):
        assert row["precision"] == pytest.approx(right[number] / max(called[number], 1))
        assert row["recall"] == pytest.approx(right[number] / true[number])
        assert row["f1"] == pytest.approx(2 * right[number] / (called[number] + true[number]))
        assert row["count"] == true[number]
    assert content["mistakes"] == (answers != labels).sum()
    assert content["examples"] == first["total"] == len(labels)
    sure = shares.max(1)
    for tile in first["examples"]:
        index = tile["index"]
        assert tile["value"] == pytest.approx(sure[index])
        assert (tile["right"], tile["answer"]) == (str(labels[index]), str(answers[index]))
        assert tile["wrong"] is bool(answers[index] != labels[index])
    wrong = np.flatnonzero(answers != labels)
    expected = wrong[np.argsort(-sure[wrong], kind="stable")][:48]
    assert sure[[one["index"] for one in first["examples"]]] == pytest.approx(sure[expected])


def test_a_cell_opens_its_pictures(lab: Guard) -> None:
    shares, labels = predictions()
    answers = shares.argmax(1)
    true, said = (int(one) for one in (labels[answers != labels][0], answers[answers != labels][0]))
    _, cell, empty = judge(lab, f"examples?true={true}&answer={said}", f"examples?true={true}&start=40000")
    mine = np.flatnonzero((labels == true) & (answers == said))
    assert cell["total"] == len(mine)
    assert {one["index"] for one in cell["examples"]} <= set(mine.tolist())
    assert empty["examples"] == []
    tile = cell["examples"][0]
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(tile["seen"].split(",")[1]))))[::10, ::10]
    opened = Run.open("lenet")
    batch = opened.system.task.tensors(load("digits").test.one(tile["index"]), opened.facts)
    np.testing.assert_array_equal(seen, (opened.system.task.inputs(batch)[0][0, 0] * 255).round().byte().numpy())


def test_an_example_is_answered_and_opened_by_its_number(lab: Guard) -> None:
    shares, labels = predictions()
    answer = Visitor(lab).ask("POST", "/api/runs/lenet/parts/test/7/answers", headers=OWN).json()
    assert list(answer["probabilities"].values()) == pytest.approx(shares[7])
    assert answer["right"] == str(labels[7])

    async def record() -> NDArray[np.float32]:
        visitor = Visitor(lab)
        made = (await visitor.asked("POST", "/api/runs/lenet/parts/test/7/records", headers=OWN)).json()
        assert made["answer"] == answer["answer"]
        place = f"/api/records/{made['record']}"
        manifest = (await visitor.asked("GET", place)).json()
        (address,) = manifest["outputs"]
        return np.frombuffer(
            (await visitor.asked("GET", f"{place}/numbers", params={"address": address})).content, "<f4"
        )

    scores = run(record()).astype(np.float64)
    assert np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum() == pytest.approx(shares[7], rel=1e-4)


def test_figures_are_drawn_in_the_language_that_is_asked_for(lab: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "families", lambda: ["sans-serif", "DejaVu Serif"])

    async def asked() -> list[httpx.Response]:
        visitor = Visitor(lab)
        await visitor.asked("GET", "/api/runs/lenet/judging/events")
        languages = ("", "?language=zh-TW", "?language=en", "?language=fr")
        return [await visitor.asked("GET", f"/api/runs/lenet/judging/figures/0{one}") for one in languages]

    usual, chinese, english, other = run(asked())
    assert usual.content == english.content != chinese.content
    assert Image.open(io.BytesIO(chinese.content)).format == "PNG"
    assert other.status_code == 422


def test_a_table_is_judged_too(lab: Guard, tmp_path: Path) -> None:
    data = load("iris-two")
    small_run(tmp_path / RUNS / "perceptron", "perceptron", data.facts)
    told, tiles = judge(lab, "examples?count=5", name="perceptron")
    assert told[-1][1]["measure"] == "score"
    assert tiles["total"] == len(data.test)
    first = tiles["examples"][0]
    assert [float(cell.split()[-1]) for cell in first["words"].split(", ")] == pytest.approx(
        data.test.inputs[first["index"]].tolist(), abs=1e-4
    )


def test_the_surest_mistakes_come_first_and_the_surest_right_answers_last() -> None:
    found = marks.of_classes(
        torch.tensor([0.9, 0.6, 0.8, 0.7, 0.95]), torch.tensor([1, 1, 0, 0, 1]), torch.tensor([1, 0, 0, 1, 0])
    )
    assert found.order.tolist() == [4, 3, 1, 2, 0]
    assert found.mistakes == 3
    assert marks.by_value([3.0, 1.0, 2.0], "loss", high_is_good=False).order.tolist() == [0, 2, 1]
    assert marks.by_value([3.0, 1.0, 2.0], "F1", high_is_good=True).order.tolist() == [1, 2, 0]


def test_f1_of_a_picture_counts_each_true_box_once() -> None:
    nothing = [-1.0, 0, 0, 0, 0, 0]
    answers = torch.tensor(
        [
            [[0, 0.9, 0, 0, 10, 10], [0, 0.8, 0, 0, 10, 9], [1, 0.7, 20, 20, 30, 30]],  # a double; the wrong class
            [nothing, nothing, nothing],
            [[1, 0.1, 0, 0, 5, 5], nothing, nothing],  # not sure enough to be shown
        ]
    )
    empty = [-1.0, 0, 0, 0, 0]
    truth = torch.tensor([[[0.0, 0, 0, 10, 10], [0, 20, 20, 30, 30]], [empty, empty], [[1, 0, 0, 5, 5], empty]])
    assert box_measures.by_picture(answers, truth, 0.2).tolist() == pytest.approx([2 / 5, 1, 0])
