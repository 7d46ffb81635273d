"""`liuli explain --unit` and `liuli coverage`, as a person and a program use them."""

from __future__ import annotations

import json
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
