"""`liuli check`: what it prints, and its exit codes."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn
from torch.nn.functional import conv2d

from liuli import catalog, checking
from liuli.checking import Comparison
from liuli.cli import run
from liuli.system import System


@pytest.fixture
def lenet_without_a_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `lenet` whose second convolution forgets its bias."""
    system = catalog.find("lenet")

    def tampered() -> nn.Module:
        model = system.build()
        model.c3.forward = lambda x: conv2d(x, model.c3.weight)
        return model

    def find(name: str) -> System:
        assert name == "lenet"
        return replace(system, model=tampered)

    monkeypatch.setattr(checking, "find", find)


def test_agreement_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "lenet"]) == 0
    *lines, closing = capsys.readouterr().out.splitlines()
    assert all(line.startswith("[OK]    ") for line in lines)
    assert lines[0].split()[:6] == ["[OK]", "c1", "output", "(2,", "6,", "28,"]
    assert "largest relative error" in lines[0]
    assert max(map(len, lines)) <= 80
    assert closing.startswith(f"lenet agrees with the independent implementation in all {len(lines)} values")


@pytest.mark.usefixtures("lenet_without_a_bias")
def test_difference_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "lenet"]) == 1
    output = capsys.readouterr().out
    assert output.startswith("[OK]    c1 ")
    assert "\n[DIFF]  c3 " in output
    assert "first in the output of c3." in output.splitlines()[-1]


@pytest.mark.usefixtures("lenet_without_a_bias")
def test_difference_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "lenet", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["agrees"] is False
    verdicts = {one["name"]: one["verdict"] for one in report["values"]}
    assert (verdicts["c1"], verdicts["c3"], verdicts["gradient of c3.bias"]) == ("OK", "DIFF", "DIFF")


def test_missing_library_is_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("liuli.oracles.mlp", "liuli.oracles.keras_on_jax"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    assert run(["check", "mlp"]) == 2
    error = capsys.readouterr().err
    assert "needs jax" in error
    assert "pip install 'liuli[check]'" in error


def test_no_oracle_is_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(checking, "oracle_module", lambda name: "liuli.oracles.nothing_of_the_kind")
    assert run(["check", "lenet"]) == 2
    assert "no independent implementation" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["lenet", "--all"]])
def test_one_system_or_all(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", *arguments]) == 2
    assert "liuli check --all" in capsys.readouterr().err


def test_all_checks_every_system_that_has_an_oracle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loops = {"lenet", "lenet-1998"}  # the quick ones; the others count as without
    monkeypatch.setattr(checking, "has_oracle", loops.__contains__)
    assert run(["check", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if "agrees with" in line} == loops
    assert lines[-1].startswith("Without an independent implementation yet: ")
    assert "mlp" in lines[-1]


@pytest.mark.parametrize(
    ("ours", "oracle", "error", "verdict"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0, "OK"),
        ([1.0, 4.0], [1.0, 2.0], 1.0, "DIFF"),
        ([1.0, 1e10], [1.0 + 1e-3, 1e10], 1e-13, "OK"),
        ([0.0], [0.0], 0.0, "OK"),
        ([], [], 0.0, "OK"),
        ([1e-3], [0.0], np.inf, "DIFF"),
        ([np.nan], [1.0], np.inf, "DIFF"),
        ([1.0], [np.nan], np.inf, "DIFF"),
        ([np.nan], [np.nan], np.inf, "DIFF"),
        ([np.inf], [np.inf], np.inf, "DIFF"),
        ([[1.0]], [1.0], np.inf, "SHAPE"),
    ],
)
def test_largest_relative_error(ours: list[float], oracle: list[float], error: float, verdict: str) -> None:
    comparison = Comparison("value", np.array(ours), np.array(oracle))
    assert comparison.error == pytest.approx(error, rel=1e-2)
    assert comparison.verdict == verdict


BY_PYTORCH = {
    "bert": "the implementation of transformers",
    "bert_classifier": "the implementation of transformers",
    "gpt": "the implementation of transformers",
    "seq2seq": "the LSTM of PyTorch, which the model does not call where it is looked at",
    "attention": "loops of its own over single numbers and vectors, whose gradients autograd takes",
}
"""Oracles that stand on PyTorch, and what they are of it: never the layers of the model, which are liuli's own."""


def test_oracles_share_no_code_with_what_they_judge() -> None:
    for file in Path(importlib.import_module("liuli.oracles").__path__[-1]).glob("*.py"):
        code = [line for line in file.read_text(encoding="utf-8").splitlines() if "import" in line.split()]
        assert any("torch" in line for line in code) == (file.stem in BY_PYTORCH), file.stem
        assert all("liuli.oracles" in line for line in code if "liuli" in line)
