"""The trained runs that come with the package: whole, small, made by a clean commit, and answering at once.

What they reach on the test data is measured again in tests/learning/test_exhibit_figures.py.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from liuli import cli
from liuli.data import store
from liuli.files import sha256
from liuli.lab import following
from liuli.lab.road import road
from liuli.runs import EXHIBITS, RUNS, Run, runs
from liuli.training import exhibit as making
from liuli.training.exhibit import exhibit
from tests.drawings import drawing
from tests.small_run import seven, small_run

NAMES = sorted(run.folder.name for run in runs(EXHIBITS))
every = pytest.mark.parametrize("name", NAMES)


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def smear() -> bytes:
    """Pale red discs on a light ground, as red blood cells are under a microscope."""
    picture = Image.new("RGB", (640, 480), (222, 212, 200))
    draw = ImageDraw.Draw(picture)
    for x, y in ((120, 110), (330, 140), (520, 300), (200, 340), (400, 380)):
        draw.ellipse((x - 50, y - 50, x + 50, y + 50), fill=(205, 150, 150), outline=(180, 115, 125), width=6)
        draw.ellipse((x - 18, y - 18, x + 18, y + 18), fill=(215, 185, 180))
    return png(picture)


THREE = png(drawing(3, 100, "mouse"))
BOXES = b"x1,y1,x2,y2,score,class\n0,0,10,10,0.9,RBC\n0,0,10,9,0.8,RBC\n20,0,30,10,0.7,RBC\n"
ASKED: dict[str, list[tuple[bytes | str, str]]] = {  # an input, and a pattern that the answer fits
    "mlp": [(THREE, "3")],
    "lenet": [(THREE, "3"), (png(drawing(7, 101, "mouse")), "7")],
    "convnet": [(THREE, "3"), (png(drawing(7, 101, "paint")), "7")],
    "pca": [(THREE, r"\(.*more\)")],
    "lstm": [("WINNER!! You have won a free prize, call now", "spam"), ("see you at lunch", "ham")],
    "gpt": [("ROMEO:", r"[A-Za-z' ,.:;!?&\n-]{100,}")],
    "translator": [("A man is sleeping on a bench.", "(?i)(ein )?mann schläft.*"), ("Two dogs run.", ".*[Hh]unde.*")],
    "word2vec": [("king", "crowned")],
    "yolo-v1": [(smear(), ".*RBC.*")],
    "nms": [(BOXES, "2 of 3 boxes")],
    "q-learning": [("14", "down")],
    "mdp": [("warm", "slow")],
    "dqn": [("0, 0, 0.15, 0.5", "push right"), ("0, 0, -0.15, -0.5", "push left")],
    "perceptron": [("5.1,3.5,1.4,0.2", "setosa"), ("6.3,2.9,5.6,1.8", "versicolor")],
    "gaussian-classifier": [("100,20", "Water")],
}


def test_the_systems_of_the_first_page_are_there() -> None:
    assert set(NAMES) == ASKED.keys()
    asked_for = {"mlp", "lenet", "convnet", "lstm", "transformer", "gpt", "yolo-v1", "word2vec", "q-learning", "mdp"}
    assert asked_for <= {Run.open(f"exhibit:{name}").system.name for name in NAMES}


@every
def test_an_exhibit_says_how_it_was_made_and_is_what_it_was(name: str) -> None:
    run = Run.open(f"exhibit:{name}")
    assert (run.state, run.is_exhibit, run.name) == ("finished", True, f"exhibit:{name}")
    result = run.result
    assert result is not None
    assert re.fullmatch("[0-9a-f]{40}", run.record["commit"]), "trained by a commit without changes"
    assert run.record["command"] == result["command"]
    assert re.fullmatch(
        rf"liuli train {run.system.name} .*--seed {run.recipe.seed} .*--out runs/{name}", result["command"]
    )
    kept, metric = result["exhibit"], run.system.target.metric
    assert kept["command"] == f"liuli exhibit runs/{name}"
    assert result["reached"]
    assert run.system.target.reached(result["metrics"][metric]), "the recipe's target of today"
    assert abs(result["metrics"][metric] - kept["trained"]) <= making.KEEPS * abs(kept["trained"])
    assert (kept["bytes"], kept["sha256"]) == (run.weights_file.stat().st_size, sha256(run.weights_file))
    assert len(run.history()) == result["epochs"]


def test_exhibits_are_small_and_name_no_folder_of_the_machine_that_made_them() -> None:
    sizes = [Run.open(f"exhibit:{name}").weights_file.stat().st_size for name in NAMES]
    assert max(sizes) <= 4_000_000
    assert sum(sizes) <= 20_000_000
    for file in EXHIBITS.rglob("*.json"):
        assert not re.search(r"[\" =]/(tmp|home|root|work|Users)\b", file.read_text(encoding="utf-8")), file
    told = {"examples.json", "answers.jsonl"}
    always = {"run.json", "result.json", "metrics.jsonl", "distributions.jsonl", "learnt.json", "model.safetensors"}
    for file in (file for file in EXHIBITS.rglob("*") if file.is_file()):
        assert file.name in always | told
        data = Run.open(file.parent).facts.name
        assert file.name not in told or not store.definition(data).files, "examples of somebody else's data set"


@pytest.mark.parametrize("name", ["dqn", "mdp", "q-learning"])
def test_exhibits_that_decide_say_how_they_came_to(name: str) -> None:
    run = Run.open(f"exhibit:{name}")
    last = following.distributions(run, 0)["moments"][-1]
    found = following.examples(run, 0)
    shown, answers = found["examples"], found["answers"]
    assert last["epoch"] == (run.result or {})["epochs"]
    assert any(spread for spread in last["weights"].values())
    assert answers[-1]["epoch"] == last["epoch"]
    for one, said in zip(shown, answers[-1]["answers"], strict=True):
        assert said["answer"] in (one["right"].split(" / ") if one["right"] else run.system.task.actions(run.facts))


@every
def test_an_exhibit_answers(name: str) -> None:
    run = Run.open(f"exhibit:{name}")
    network, task = run.network(), run.system.task
    assert all(one.dtype in (torch.float32, torch.float64) for one in network.parameters())
    for given, expected in ASKED[name]:
        example = task.read_all(given, run.facts, "given")[0]
        with torch.inference_mode():
            answer = task.answer(task.respond(network, example.batch)[0], run.facts)
        said = f"{answer['answer']} {json.dumps(answer['boxes'])}" if "boxes" in answer else str(answer["answer"])
        assert re.fullmatch(expected, said, re.DOTALL), said


@every
def test_what_is_said_to_type_next_can_be_asked(name: str) -> None:
    run = Run.open(f"exhibit:{name}")
    task = run.system.task
    (given,) = shlex.split(task.asked(run.facts))
    if not given.startswith("my-"):
        assert task.read_all(given, run.facts, "given")
    else:
        assert Path(given).suffix in task.endings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a picture of a seven."""
    monkeypatch.chdir(tmp_path)
    seven(tmp_path / "seven.png")
    return tmp_path


def test_verbs_take_an_exhibit_by_its_name_and_write_elsewhere(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.stat().st_mtime_ns for file in EXHIBITS.rglob("*")}
    assert cli.run(["predict", "lenet", "seven.png", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert (answer["answer"], answer["seen"]) == ("7", "runs/exhibits/lenet/predictions/seven.png")
    assert cli.run(["explain", "lenet", "seven.png", "--no-open"]) == 0
    assert (here / "runs/exhibits/lenet/explanations/seven.html").is_file()
    assert cli.run(["evaluate", "perceptron", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2].partition("\n")[2])["reached"]
    assert any((here / "runs/exhibits/perceptron/figures").iterdir())
    assert cli.run(["train", "--resume", "lenet"]) == 2, "it is finished"
    assert {file: file.stat().st_mtime_ns for file in EXHIBITS.rglob("*")} == before
    assert Run.open("lenet").is_exhibit, "what was written under ./runs is no run"


def test_a_run_of_the_users_goes_first(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["runs", "list"]) == 0
    printed = capsys.readouterr().out
    assert "No runs in runs" in printed
    assert "exhibit:lenet" in printed
    small_run(here / RUNS / "lenet")
    assert not Run.open("lenet").is_exhibit
    assert Run.open("exhibit:lenet").is_exhibit
    assert cli.run(["runs", "list", "--json"]) == 0
    listed = {one["name"]: one["exhibit"] for one in json.loads(capsys.readouterr().out)}
    assert listed == {f"exhibit:{name}": True for name in NAMES} | {"lenet": False}
    (stop,) = [stop for stop in road() if stop["name"] == "lenet"]
    assert [(run["name"], run["exhibit"]) for run in stop["runs"]] == [("lenet", False), ("exhibit:lenet", True)]


@pytest.mark.parametrize("name", ["exhibit:lennet", "exhibit:../exhibits/lenet", "somewhere/lenet", "exhibit:", ".."])
def test_what_is_no_exhibit(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["runs", "show", name]) == 2
    assert "no run is found at" in capsys.readouterr().err


@pytest.fixture
def trained(here: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A perceptron that has reached its figure, as by a clean commit."""
    assert cli.run(["train", "perceptron", "--seed", "0", "--out", "runs/mine", "--json"]) == 0
    run = Run.open("mine")
    run.update(commit="a" * 40, command=f"liuli train perceptron --out {here}/runs/mine")
    monkeypatch.setattr(making, "LITTLE", 0)
    return run


def test_an_exhibit_is_made(trained: Run, here: Path) -> None:
    made = exhibit(trained, "liuli exhibit runs/mine", here / "all")
    assert {file.name for file in (here / "all" / "mine").iterdir()} == {
        "run.json", "result.json", "metrics.jsonl", "distributions.jsonl", "model.safetensors",
        "examples.json", "answers.jsonl",
    }  # fmt: skip
    assert (made.result or {})["exhibit"]["weights"] == "float16"
    assert made.record["command"] == "liuli train perceptron --out runs/mine"
    whole, kept = trained.network().state_dict(), made.network().state_dict()
    assert kept.keys() == whole.keys()
    assert all(torch.equal(kept[name], whole[name].half().float()) for name in whole)
    seen, told = (following.distributions(run, 0)["moments"] for run in (trained, made))
    for moment, drawn in zip(seen, told, strict=True):
        assert drawn["weights"]["weight"] == [float(f"{number:.4g}") for number in moment["weights"]["weight"]]
    exhibit(trained, "liuli exhibit runs/mine", here / "all")  # once more, in its own place
    assert [one.name for one in (here / "all").iterdir()] == ["mine"]


def test_weights_for_which_half_precision_has_no_room_stay(trained: Run, here: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_file({name: 1e6 * one for name, one in load_file(trained.weights_file).items()}, trained.weights_file)
    made = exhibit(trained, "liuli exhibit runs/mine", here / "all")
    assert (made.result or {})["exhibit"]["weights"] == "float32"
    assert made.weights_file.stat().st_size == trained.weights_file.stat().st_size


def test_weights_that_lose_the_figure_by_rounding_stay(
    trained: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "half", lambda weights: weights * 0)
    made = exhibit(trained, "liuli exhibit runs/mine", here / "all")
    assert (made.result or {})["exhibit"]["weights"] == "float32"


REFUSED = {
    "is paused": lambda run, _: run.update(state="paused"),
    "without changes": lambda run, _: run.update(commit="a" * 40 + "+changes"),
    "expected one": lambda run, _: run.update(commit=None),
    "has not reached the figure": lambda run, _: changed(run, reached=False),
    "is not iris-two": lambda run, _: changed(run, reached=None, target=None),
    "bytes of weights in float16": lambda _, patch: patch.setattr(making, "MOST", 10),
    "all exhibits together": lambda _, patch: patch.setattr(making, "MOST_TOGETHER", 10),
    "measured again": lambda run, _: wrong(run),
}


def changed(run: Run, **facts: object) -> None:
    (run.folder / "result.json").write_text(json.dumps((run.result or {}) | facts))


def wrong(run: Run) -> None:
    """Weights that decide the other way."""
    from safetensors.torch import load_file, save_file

    save_file({name: -one for name, one in load_file(run.weights_file).items()}, run.weights_file)


@pytest.mark.parametrize("reason", REFUSED)
def test_a_run_that_may_be_no_exhibit(
    trained: Run, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    REFUSED[reason](trained, monkeypatch)
    assert cli.run(["exhibit", "mine", "--out", "all"]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert not (here / "all").exists() or not any((here / "all").iterdir())
