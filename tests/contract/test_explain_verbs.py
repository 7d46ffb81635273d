"""`liuli explain --unit` and `liuli coverage`, as a person and a program use them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from liuli.catalog import listings
from liuli.cli import run

OWN = """
import torch
from torch import nn

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.Tanh()).eval(), torch.ones(1, 3)

class Turned(nn.Module):
    def forward(self, x):
        return torch.linalg.qr(x).Q

def turned():
    return Turned(), torch.ones(2, 2)
"""


FAILING = """
import sys
import torch
from torch import nn
from helping import Parts

class Asks(nn.Module):
    def forward(self, x):
        assert x.dim() == 3

class Talks(nn.Module):
    def forward(self, x):
        print("a word in between")
        return x * 2

def shapes():
    return nn.Sequential(nn.ReLU(), nn.Linear(4, 2)), torch.ones(1, 3)

def elsewhere():
    return Parts(), torch.ones(1, 3)

def asks():
    return Asks(), torch.ones(1, 3)

def weights():
    network = nn.Linear(2, 2)
    network.load_state_dict({"weight": torch.ones(2, 2)})
    return network, torch.ones(1, 2)

def ends():
    sys.exit("no GPU here")

def ends_quietly():
    sys.exit(3)

def broken():
    import torn

def talks():
    print("and one at the begin")
    return Talks(), torch.ones(1, 3)
"""
HELPING = """
from torch import nn

class Parts(nn.Module):
    def forward(self, x):
        return x @ x
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.py"
    file.write_text(OWN, encoding="utf-8")
    return str(file)


def test_a_number_of_a_users_own_module(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", f"{own}:network", "--unit", "%0[0,1]"]) == 0
    said = capsys.readouterr().out
    assert "y[n,o] = ∑_k W[o,k]·x[n,k] + b[o]" in said
    assert "0.weight[1,2]" in said
    assert "difference" in said


def test_its_gradient_for_a_program(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", f"{own}:network", "--unit", "%0[0,1]", "--gradient", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["direction"] == "backward"
    assert [use["name"] for use in told["uses"]] == ["tanh"]
    assert abs(told["residual"]) <= 1e-5 * told["scale"]


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "helping", raising=False)
    for name, text in (("failing", FAILING), ("helping", HELPING), ("torn", "\n\ndef x(:\n")):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return "failing.py"


CANNOT = "RuntimeError: mat1 and mat2 shapes cannot be multiplied"
MISSING = 'Error(s) in loading state_dict for Linear: Missing key(s) in state_dict: "bias".'


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("shapes", f"failing.py: {CANNOT} (1x3 and 4x2) (in linear of 1 (Linear))"),
        ("elsewhere", f"helping.py:6: {CANNOT} (1x3 and 1x3) (in matmul of the module itself (Parts))"),
        ("asks", "failing.py:9: AssertionError: assert x.dim() == 3"),
        ("weights", f"failing.py:27: RuntimeError: {MISSING}"),
        ("ends", "failing.py: ended the program (no GPU here); it must return a module instead"),
        ("ends_quietly", "failing.py: ended the program (exit code 3); it must return a module instead"),
        ("broken", "torn.py:3: SyntaxError: invalid syntax"),
    ],
)
def test_what_fails_in_a_users_code_is_one_sentence_that_says_where(
    failing: str, factory: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["coverage", f"{failing}:{factory}"]) == 2
    assert capsys.readouterr().err == f"liuli: {said}\n"


def test_what_a_module_prints_is_no_part_of_the_answer(failing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["coverage", f"{failing}:talks", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["operations"] == 2  # and the sum that backward begins from
    assert "a word in between" in said.err
    assert "and one at the begin" in said.err


def test_on_a_terminal_it_says_what_takes_its_time(
    own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    page = tmp_path / "page.html"
    assert run(["explain", f"{own}:network", "--out", str(page), "--json"]) == 0
    said = capsys.readouterr()
    assert "keeping every number" in said.err
    assert "how each number came to be" in said.err
    assert json.loads(said.out)["page"] == str(page)


@pytest.mark.parametrize("verb", ["explain", "coverage"])
def test_a_file_without_a_function_is_told_so(failing: str, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, failing]) == 2
    assert "such as failing.py:make" in capsys.readouterr().err


def test_a_shape_of_too_many_numbers(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", f"{own}:network", "--input", "shape=99999,99999"]) == 2
    assert "9,999,800,001 numbers, expected 268,435,456 at most" in capsys.readouterr().err


def test_a_unit_that_is_not_there(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", f"{own}:network", "--unit", "%7[0,1]"]) == 2
    assert "%7: no value of this record has that address" in capsys.readouterr().err


def test_coverage_of_what_does_not_explain_itself(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["coverage", f"{own}:turned", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (row,) = [one for one in told["kinds"] if one["name"] == "linalg_qr"]
    assert (row["count"], row["explained"], row["why"]) == (1, 0, ["linalg_qr has no explainer yet"])


@pytest.mark.parametrize("name", listings())
def test_the_whole_catalogue_is_covered(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["coverage", name]) == 0
    assert "(100.0%)" in capsys.readouterr().out
