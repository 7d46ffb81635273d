"""`liuli show`: what a reader and a program get."""

import json
import re

import pytest

from liuli import catalog
from liuli.cli import output, run
from liuli.cli.show import entries


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["show", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", catalog.listings())
def test_everything_about_a_system_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown([name], capsys)
    for heading in ("Paper", "Shapes", "Departures", "Look at", "Network", "Recipe", "Figure to reach"):
        assert f"\n{heading}" in text
    system = catalog.find(name)
    assert all(f"{key}=" in text for key in system.recipe.settings())
    assert str(system.target) in text
    assert f"liuli check {name}" in text


@pytest.mark.parametrize("columns", ["80", "140"])
@pytest.mark.parametrize("name", catalog.listings())
def test_lines_fit_the_terminal(
    name: str, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert output.console().width == int(columns)
    text = re.sub("\x1b\\[.*?m", "", shown([name], capsys))
    assert max(len(line) for line in text.splitlines()) <= int(columns)


def test_lenet_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split() for line in shown(["lenet"], capsys).splitlines()]
    assert ["c3", "Conv2d", "(B,", "16,", "10,", "10)", "2,416", "240,000"] in rows
    assert ["total", "61,706", "416,520"] in rows


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(shown(["lenet", "--json", "--set", "classes=26", "--set", "epochs=3"], capsys))
    assert value["parameters"] == 61_706 - 850 + 85 * 26
    assert value["options"] == {"classes": 26}
    assert value["recipe"]["epochs"] == 3
    assert value["target"] == {"metric": "accuracy", "at_least": 0.99, "at_most": None, "published": 0.9905}
    assert value["layers"][0] == {
        "path": "c1",
        "kind": "Conv2d",
        "shape": [1, 6, 28, 28],
        "parameters": 156,
        "multiply_adds": 117_600,
    }
    assert value["formula"].startswith("convolution: z[o,i,j] = b[o] + Σ_c")
    assert {"title", "idea", "source", "shapes", "departures", "look_at", "oracle"} <= value.keys()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("clases=26", "did you mean 'classes'?"),
        ("epoch=3", "did you mean 'epochs'?"),
        ("classes", "expected KEY=VALUE"),
        ("classes=many", "expected a whole number"),
        ("classes=-3", "no network can be built with classes=-3"),
        ("epochs=-3", "epochs is -3"),
    ],
)
def test_a_wrong_setting_is_one_sentence(setting: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "lenet", "--set", setting]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_lines_of_a_section_become_entries() -> None:
    assert entries("One thing that goes on\nhere. And here.\nAnother?\nA third") == [
        "One thing that goes on\nhere. And here.",
        "Another?",
        "A third",
    ]
