"""`liuli predict`, `evaluate` and `explain` of networks that make pictures: by a seed, or again from a code."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from liuli import cli
from liuli.catalog import find
from liuli.data.store import load
from liuli.lab.manifest import manifest
from liuli.lab.packing import Pack
from liuli.lab.subjects import of_run
from liuli.runs import KEYS, Run
from tests.small_run import seven


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with runs called gan and vae, never trained, and a picture."""
    monkeypatch.chdir(tmp_path)
    for name in ("gan", "vae"):
        system = find(name)
        facts = replace(load("digits").facts, learnt=system.task.drawn_facts().learnt)
        record = dict.fromkeys(KEYS) | {
            "state": "finished",
            "system": name,
            "data": {key: value for key, value in asdict(facts).items() if key != "learnt"},
            "recipe": system.recipe.settings(),
            "options": {},
            "engine": "torch",
        }
        run = Run.create(tmp_path / "runs" / name, name, record, facts.learnt)
        torch.manual_seed(0)
        save_file(system.build().state_dict(), run.weights_file)
    seven(tmp_path / "seven.png")
    return tmp_path


def test_a_seed_gives_the_same_sample_each_time(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = []
    for folder in ("one", "two"):
        assert cli.run(["predict", "gan", "7", "8", "--json", "--out", folder]) == 0
        answers = json.loads(capsys.readouterr().out)
        assert [one.keys() for one in answers] == 2 * [
            {"input", "answer", "probability", "probabilities", "real", "picture"}
        ]
        assert [one["input"] for one in answers] == ["7", "8"]
        pictures.append([Path(one["picture"]).read_bytes() for one in answers])
    assert pictures[0] == pictures[1]
    assert pictures[0][0] != pictures[0][1]
    with Image.open(answers[0]["picture"]) as drawn:
        assert drawn.size == (280, 280)


def test_a_sample_for_a_reader(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "gan", "7"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("7 → ")
    assert "drawn: runs/gan/predictions/7-answer.png" in printed


def test_what_is_no_seed_is_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "gan", "seven"]) == 2
    assert capsys.readouterr().err == (
        "liuli: 'seven': expected a seed to draw a sample by: a whole number from 0, such as 7\n"
    )
    assert cli.run(["predict", "gan", "seven.png"]) == 2
    assert "is a file, expected a seed" in capsys.readouterr().err


def test_a_picture_and_what_its_code_gives(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "vae", "seven.png", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer.keys() == {"input", "answer", "divergence", "code", "seen", "picture"}
    assert len(answer["code"]) == 20
    assert answer["divergence"] == pytest.approx(sum(one["nats"] for one in answer["code"]), abs=2e-3)
    for file in (answer["seen"], answer["picture"]):
        with Image.open(file) as drawn:
            assert drawn.size == (280, 280)


@pytest.mark.parametrize(
    ("name", "figures"),
    [("gan", ["judged", "doubted", "samples"]), ("vae", ["reconstructions", "codes", "samples", "plane"])],
)
def test_evaluate_draws_what_the_network_makes(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, figures: list[str]
) -> None:
    assert cli.run(["evaluate", name, "--json", "--out", "drawn"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["reached"] is None
    assert result["figures"] == [f"drawn/{one}.png" for one in figures]
    assert all(Path(file).is_file() for file in result["figures"])


@pytest.mark.parametrize(("name", "given"), [("gan", "7"), ("vae", "seven.png")])
def test_explain_goes_from_the_loss_back(here: Path, capsys: pytest.CaptureFixture[str], name: str, given: str) -> None:
    assert cli.run(["explain", name, given, "--unit", "input[0][0,3]" if name == "gan" else "input[0][0,0,9,9]",
                    "--gradient", "--json"]) == 0  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    assert found["direction"] == "backward"


def test_a_page_shows_the_sample_and_says_what_its_backward_begins_from(here: Path) -> None:
    run = Run.open("gan")
    example = run.system.task.read("7", run.facts, "7")
    record, subject = of_run(run, example)
    with Image.open(io.BytesIO(subject.picture)) as drawn:
        assert drawn.size == (280, 280)
    assert [key for key, _ in subject.notes] == ["note.generator"]
    assert record.loss is not None
    told = manifest(record, subject, Pack())
    assert told["answer"]["picture"].startswith("data:image/png;base64,iVBOR")
