"""A folder of photographs, asked about: each is cut to its middle square, and answered for in the order of names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liuli import cli
from liuli.data.cifar10 import FACTS
from tests.small_run import small_run

SKY, GRASS, COAT = (90, 150, 230), (60, 140, 50), (200, 120, 40)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a run of ResNet called small, and photographs of many kinds in a folder."""
    monkeypatch.chdir(tmp_path)
    small_run(tmp_path / "runs" / "small", "resnet", FACTS)
    folder = tmp_path / "photos"
    folder.mkdir()
    photograph(640, 480).save(folder / "b-wide.JPG", quality=95)
    photograph(480, 640).save(folder / "a-tall.png")
    photograph(32, 32).save(folder / "c-small.webp", lossless=True)
    photograph(64, 64).convert("L").save(folder / "d-grey.png")
    photograph(64, 64).convert("P").save(folder / "e-palette.gif")
    (folder / ".hidden.png").write_bytes(b"no picture")
    (folder / "albums").mkdir()
    return tmp_path


def photograph(width: int, height: int) -> Image.Image:
    """Sky, grass, and something of the size of a third of the shorter side in the middle."""
    picture = Image.new("RGB", (width, height), SKY)
    picture.paste(GRASS, (0, height // 2, width, height))
    third = min(width, height) // 3
    left, top = (width - third) // 2, (height - third) // 2
    picture.paste(COAT, (left, top, left + third, top + third))
    return picture


def answers_to(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> list[dict[str, object]]:
    assert cli.run(["predict", "small", *arguments, "--json"]) == code
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_every_photograph_of_a_folder_is_answered_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = answers_to(["photos"], capsys)
    names = ["a-tall.png", "b-wide.JPG", "c-small.webp", "d-grey.png", "e-palette.gif"]
    assert [answer["input"] for answer in answers] == [f"photos/{name}" for name in names]
    for answer in answers:
        assert answer["answer"] in FACTS.classes
        assert list(answer["probabilities"]) == list(FACTS.classes)  # type: ignore[call-overload]


def test_the_network_is_given_the_middle_in_colour(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for answer in answers_to(["photos/a-tall.png", "photos/b-wide.JPG", "photos/c-small.webp"], capsys):
        with Image.open(str(answer["seen"])) as seen:
            pixels = np.asarray(seen.convert("RGB"))[5::10, 5::10].astype(int)  # enlarged ten times
        assert pixels.shape == (32, 32, 3)
        for (row, column), colour in {(2, 2): SKY, (29, 29): GRASS, (16, 16): COAT}.items():
            assert np.abs(pixels[row, column] - colour).max() < 12, answer["input"]


def test_one_size_and_another_of_the_same_are_answered_alike(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photograph(320, 320).save("large.png")
    photograph(960, 320).save("wide.png")
    large, wide = answers_to(["large.png", "wide.png"], capsys)
    assert large["probabilities"] == pytest.approx(wide["probabilities"])


def test_a_damaged_photograph_does_not_stop_the_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (here / "photos" / "b-wide.JPG").read_bytes()
    (here / "photos" / "f-cut.jpg").write_bytes(whole[: len(whole) // 10])
    answers = answers_to(["photos"], capsys, code=2)
    assert [("error" in answer) for answer in answers] == [False] * 5 + [True]
    assert str(answers[5]["error"]).startswith("photos/f-cut.jpg: is damaged or cut short")


def test_a_folder_of_folders_is_refused_in_one_sentence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "small", "photos/albums"]) == 2
    assert "holds no image file (folders inside it are not looked into)" in capsys.readouterr().err
