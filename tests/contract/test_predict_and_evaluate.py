"""`liuli predict` and `liuli evaluate`: answers for a reader and for a program, and what they leave behind."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from liuli import cli
from liuli.cli.output import file_stem
from liuli.cli.predict import details
from tests.small_run import seven, small_run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a run called small, and two pictures."""
    monkeypatch.chdir(tmp_path)
    small_run(tmp_path / "runs" / "small")
    seven(tmp_path / "seven.png")
    (tmp_path / "many").mkdir()
    seven(tmp_path / "many" / "b.PNG")
    seven(tmp_path / "many" / "a.jpg")
    (tmp_path / "many" / "notes.txt").write_text("not a picture")
    return tmp_path


def test_an_answer_for_a_program(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "small", "seven.png", "many", "--json"]) == 0
    printed = capsys.readouterr()
    answers = json.loads(printed.out)
    assert [answer["input"] for answer in answers] == ["seven.png", "many/a.jpg", "many/b.PNG"]
    for answer in answers:
        assert answer.keys() == {"input", "answer", "probability", "probabilities", "seen"}
        assert list(answer["probabilities"]) == list("0123456789")
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["probability"] == max(answer["probabilities"].values())
        with Image.open(answer["seen"]) as seen:
            assert seen.size == (320, 320)
    assert "notes.txt" in printed.err
    assert {Path(answer["seen"]).name for answer in answers} == {"seven.png", "a.png", "b.png"}


def test_an_answer_for_a_reader(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "runs/small", "seven.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("seven.png → ")
    assert [line.split()[0] for line in lines[1:11]] == list("0123456789")
    assert lines[11] == "the network was given: runs/small/predictions/seven.png"


def test_one_bad_file_does_not_stop_the_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.png").write_text("text")
    assert cli.run(["predict", "small", "bad.png", "seven.png", "none.png", "--json"]) == 2
    printed = capsys.readouterr()
    answers = json.loads(printed.out)
    assert ["error" in answer for answer in answers] == [True, False, True]
    assert printed.err.count("\n") == 2
    assert "bad.png: holds text" in printed.err


@pytest.mark.parametrize("given", ["", "  "])
def test_nothing_is_no_picture(here: Path, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "small", given]) == 2
    assert capsys.readouterr().err == "liuli: input: is empty, expected a file, or a folder of files\n"
    assert cli.run(["explain", "small", given, "--no-open"]) == 2
    assert "needs an input of kind image" in capsys.readouterr().err


def test_nothing_is_no_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb, run in (("predict", "lstm"), ("explain", "lstm"), ("predict", "word2vec")):
        assert cli.run([verb, f"exhibit:{run}", " "]) == 2
        assert capsys.readouterr().err.startswith("liuli: input: ")


def test_a_list_of_numbers_is_one_line() -> None:
    told = details({"answer": "x", "code": [0.5] * 20, "boxes": [{"a": 1}, {"a": 2}]}).plain.splitlines()
    assert told == ["  code: " + ", ".join(["0.5"] * 12) + ", … 8 more", "  boxes: a 1", "  boxes: a 2"]


def test_standard_input(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Given:
        buffer = io.BytesIO((here / "seven.png").read_bytes())

    monkeypatch.setattr(sys, "stdin", Given)
    assert cli.run(["predict", "small", "-", "seven.png", "--json"]) == 0
    piped, named = json.loads(capsys.readouterr().out)
    assert piped["probabilities"] == named["probabilities"]


def test_two_of_one_name_are_saved_apart(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seven(here / "many" / "seven.png")
    assert cli.run(["predict", "small", "seven.png", "many/seven.png", "--json", "--out", "seen"]) == 0
    assert [answer["seen"] for answer in json.loads(capsys.readouterr().out)] == ["seen/seven.png", "seen/seven-2.png"]


def test_a_folder_without_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty").mkdir()
    assert cli.run(["predict", "small", "empty"]) == 2
    assert capsys.readouterr().err == "liuli: empty: holds no image file (folders inside it are not looked into)\n"


def test_a_run_that_may_not_be_written_to(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("tempfile.tempdir", str(here / "many"))
    assert cli.run(["predict", "small", "seven.png", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert Path(answer["seen"]).parent.parent == here / "many", "the answer comes all the same"
    assert cli.run(["predict", "small", "seven.png", "--out", "seven.png"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_predict_loads_only_what_it_needs(here: Path) -> None:
    code = """
import sys
from liuli.cli import run
from liuli.cli.output import file_stem
assert run(["predict", "small", "seven.png", "--json"]) == 0
print("LOADED", *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.partition("LOADED")[2].split())
    assert {"torch", "PIL"} <= loaded
    assert loaded & {"lightning_fabric", "matplotlib", "sklearn", "tensorboard", "scipy", "pooch", "keras"} == set()


def test_evaluate_for_a_program(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", "small", "--json", "--out", "drawn"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["system"], result["data"], result["reached"]) == ("lenet", "digits", None)
    assert result["metrics"].keys() == {"loss", "accuracy", "top5", "classes", "confusion", "calibration"}
    assert sum(map(sum, result["metrics"]["confusion"])) == 359
    names = ["confusion.png", "mistakes.png", "calibration.png", "classes.png"]
    assert result["figures"] == [f"drawn/{name}" for name in names]
    assert all(Path(file).is_file() for file in result["figures"])


def test_evaluate_for_a_reader(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", "small"]) == 0
    printed = capsys.readouterr().out
    assert "lenet on 359 test examples of digits" in printed
    for word in ("loss", "accuracy", "calibration error", "precision", "true \\ answer"):
        assert word in printed
    for name in ("confusion", "mistakes", "calibration", "classes"):
        assert f"runs/small/figures/{name}.png" in printed


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("seven.png", "seven"),
        ("folder/a drawing.JPEG", "a drawing"),
        ("0 0 0.05 0", "0 0 0.05 0"),
        ("The film was good. Really", "The film was good. Really"),
        (".hidden", ".hidden"),
        ("7", "7"),
        ("", ""),
    ],
)
def test_what_is_drawn_of_an_input_is_called_after_it(name: str, stem: str) -> None:
    assert file_stem(name) == stem
