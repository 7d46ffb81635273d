"""`liuli train` and `liuli runs`: what they print for a reader and for a program, and what they leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import liuli
from liuli import cli
from liuli.errors import UserError
from tests.training_child import Job, run

SHORT: dict[str, object] = {"epochs": 2, "batch_size": 200}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs under ./runs, `mlp` and `mlp-2`, of different rates."""
    folder = tmp_path_factory.mktemp("place")
    assert run(Job(folder / "runs" / "mlp", "mlp", SHORT)).code == 0
    assert run(Job(folder / "runs" / "mlp-2", "mlp", SHORT | {"lr": 0.01})).code == 0
    return folder


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.run(list(arguments)) == 0
    return capsys.readouterr().out


def test_a_run_folder_holds_what_the_design_says(here: Path) -> None:
    folder = here / "runs" / "mlp"
    result = json.loads((folder / "result.json").read_text())
    assert {"system", "data", "metrics", "target", "reached", "seconds", "parameters"} <= result.keys()
    assert (result["system"], result["data"], result["parameters"]) == ("mlp", "digits", 242762)
    assert result["reached"] is None, "the figure to reach is for other data"
    record = json.loads((folder / "run.json").read_text())
    assert record["recipe"]["batch_size"] == 200
    assert record["state"] == "finished"
    assert {"torch", "numpy", "python", "liuli"} <= record["versions"].keys()
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 2
    assert not [one for one in folder.rglob("*") if one.name.endswith(".part")]


def test_a_run_is_found_by_name_and_gives_its_network(here: Path) -> None:
    run = liuli.load("mlp")
    assert run.folder == Path("runs/mlp")
    assert run.recipe.batch_size == 200
    assert run.system.name == "mlp"
    assert run.facts.classes == tuple("0123456789")
    network, data = run.network(), run.data()
    assert not network.training
    test = run.system.task.tensors(data.test, run.facts)
    output = run.system.task.outcome(network, test).output
    measured = run.system.task.metrics(output.detach(), test, run.facts)
    assert run.result is not None
    assert measured["accuracy"] == run.result["metrics"]["accuracy"]


def test_list(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "runs", "list", "--json"))
    assert [(one["name"], one["state"], one["epochs"]) for one in found if not one["exhibit"]] == [
        ("mlp", "finished", 2),
        ("mlp-2", "finished", 2),
    ]
    text = printed(capsys, "runs", "list")
    assert "mlp-2" in text
    assert "digits" in text


def test_list_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No runs in" in printed(capsys, "runs", "list", str(tmp_path))
    assert printed(capsys, "runs", "list", str(tmp_path), "--json").strip() == "[]"


def test_show(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "runs", "show", "mlp", "--json"))
    assert [row["epoch"] for row in found["history"]] == [1, 2]
    assert "lr=0.001" in printed(capsys, "runs", "show", "mlp")


def test_compare(here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = json.loads(printed(capsys, "runs", "compare", "mlp", "mlp-2", "--json"))
    assert found["different"] == {"lr": [0.001, 0.01]}
    assert len(found["metrics"]["test accuracy"]) == 2
    picture = tmp_path / "curves.png"
    text = printed(capsys, "runs", "compare", "mlp", "mlp-2", "--figure", str(picture))
    assert "lr" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert cli.run(["runs", "compare", "mlp"]) == 2


def test_train_prints_only_json_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = printed(capsys, "train", "mlp", "--data", "digits", "--epochs", "1", "--set", "batch_size=500", "--json")
    assert json.loads(text)["epochs"] == 1
    assert (tmp_path / "runs" / "mlp" / "figures" / "curves.png").exists()


def test_names_that_are_nearly_right(here: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'mlp-2'"):
        liuli.load("mlp-3")


@pytest.mark.parametrize("verb", [["train"], ["runs"], ["runs", "list"], ["runs", "show"], ["runs", "compare"]])
def test_help_has_an_example(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, *verb, "--help")
    assert "Example" in text
