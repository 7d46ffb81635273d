"""What a user may get wrong about training: one sentence that says what and what to do, exit code 2, nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from liuli import cli
from liuli.runs import Run, fresh
from tests.training_child import Job, run

TRAIN = ["train", "mlp", "--data", "digits", "--device", "cpu"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    assert run(Job(folder, "mlp", {"epochs": 3}, fault=("step", 30), act="interrupt")).code == 130
    return folder


@pytest.fixture
def copied(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence with which the command line says no."""
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("liuli: ")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("liuli: ").strip()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train"], "liuli list"),
        (["train", "lenett"], "did you mean 'lenet'?"),
        (["train", "mlp", "--data", "digit"], "did you mean 'digits'?"),
        ([*TRAIN, "--epochs", "-3"], "epochs is -3, expected a whole number of at least 1"),
        ([*TRAIN, "--epochs", "many"], "'--epochs'"),
        ([*TRAIN, "--seed", "-1"], "seed is -1"),
        ([*TRAIN, "--set", "epoch=3"], "did you mean 'epochs'?"),
        ([*TRAIN, "--set", "lr"], "expected KEY=VALUE"),
        ([*TRAIN, "--set", "lr=fast"], "--set lr=fast: expected a number"),
        ([*TRAIN, "--set", "classes=12"], "is decided by the data (digits: 10)"),
        ([*TRAIN, "--device", "gpu"], "expected auto, cpu or cuda"),
        ([*TRAIN, "--engine", "keras"], "engine is 'keras', expected torch or scratch"),
        ([*TRAIN, "--precision", "16"], "precision is '16', expected one of 32-true"),
        ([*TRAIN, "--precision", "16-mixed"], "needs a GPU"),
        ([*TRAIN, "--engine", "scratch", "--precision", "bf16-mixed"], "float32"),
        (["train", "convnet", "--data", "digits", "--engine", "scratch"], "is not written by hand"),
        (["train", "--resume", "nowhere"], "no run is found at 'nowhere'"),
        (["train", "mlp", "--resume", "nowhere"], "leave out mlp"),
        (["train", "--resume", "nowhere", "--epochs", "3"], "leave out --epochs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refused_before_anything_is_written(
    arguments: list[str], expected: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(arguments, capsys)
    assert list(here.iterdir()) == []


def test_a_folder_that_holds_something(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("precious")
    assert "mine: is not empty" in refused([*TRAIN, "--out", "mine"], capsys)
    assert (here / "mine" / "thesis.txt").read_text() == "precious"


def test_a_folder_that_holds_a_run(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"go on with 'liuli train --resume {copied}'" in refused([*TRAIN, "--out", str(copied)], capsys)


def test_a_file_where_the_folder_should_be(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine").write_text("precious")
    assert "mine: is a file, expected a folder" in refused([*TRAIN, "--out", "mine"], capsys)
    assert "mine/below: cannot be written" in refused([*TRAIN, "--out", "mine/below"], capsys)


def test_a_folder_without_rights(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *arguments: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    assert "mine: cannot be written (Permission denied)" in refused([*TRAIN, "--out", "mine"], capsys)
    assert "runs/mlp: cannot be written (Permission denied)" in refused(TRAIN, capsys)


def test_run_folders_are_numbered_and_never_shared(here: Path) -> None:
    assert [fresh(here / "runs" / "mlp").name for _ in range(3)] == ["mlp", "mlp-2", "mlp-3"]


def change(folder: Path, **values: object) -> None:
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | values))


def test_a_run_of_another_version(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(copied, liuli="0.0.1")
    assert "was begun by liuli 0.0.1" in refused(["train", "--resume", str(copied)], capsys)
    change(copied, format=99)
    for arguments in (["train", "--resume", str(copied)], ["runs", "show", str(copied)]):
        assert "was written by liuli 0.0.1 (format 99)" in refused(arguments, capsys)


def test_a_run_whose_description_is_damaged(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("", "{", "[]", '{"liuli": "0.1.0", "format": 1}'):
        (copied / "run.json").write_text(text)
        assert "run.json: is damaged" in refused(["train", "--resume", str(copied)], capsys)


def test_a_run_whose_data_changed(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(copied, data=json.loads((copied / "run.json").read_text())["data"] | {"sha256": "0" * 64})
    assert "digits: the data are not those that" in refused(["train", "--resume", str(copied)], capsys)


@pytest.mark.parametrize("harm", ["truncated", "empty", "one bit", "text"])
def test_a_checkpoint_that_is_damaged(copied: Path, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    path = copied / "checkpoint" / "training.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    harmed = {"truncated": content[:-100], "empty": b"", "one bit": content, "text": b"not a checkpoint"}
    path.write_bytes(harmed[harm])
    weights = (copied / "model.safetensors").read_bytes()
    assert "training.safetensors: is damaged" in refused(["train", "--resume", str(copied)], capsys)
    assert (copied / "model.safetensors").read_bytes() == weights


def test_a_run_that_another_process_trains(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Run.open(copied).lock():
        assert "another process is training this run" in refused(["train", "--resume", str(copied)], capsys)


def test_a_run_of_several_processes(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(copied, processes=2)
    assert "torchrun --nproc-per-node 2" in refused(["train", "--resume", str(copied)], capsys)


def test_a_finished_run(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Job(copied)).code == 0
    assert "is finished" in refused(["train", "--resume", str(copied)], capsys)


def test_weights_that_are_damaged_or_of_another_network(copied: Path) -> None:
    from safetensors.torch import load_file, save_file

    from liuli.errors import UserError

    opened = Run.open(copied)
    weights = load_file(opened.weights_file)
    save_file(weights | {"output.bias": weights["output.bias"][:5].clone()}, opened.weights_file)
    with pytest.raises(UserError, match=r"output.bias has shape \(5,\), mlp expects \(10,\)"):
        opened.network()
    opened.weights_file.write_bytes(b"not weights")
    with pytest.raises(UserError, match=r"model.safetensors: is damaged"):
        opened.network()
    opened.weights_file.unlink()
    with pytest.raises(UserError, match=r"has no weights yet"):
        opened.network()


def test_a_run_killed_before_it_could_write_its_result_is_interrupted(copied: Path) -> None:
    change(copied, state="running")
    assert Run.open(copied).state == "interrupted"
    with Run.open(copied).lock():
        assert Run.open(copied).state == "running"
