"""The figures of a classifier: what is drawn, and that nothing global is touched."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from liuli.errors import UserError
from liuli.tasks import decision_figures, figures, wording

LONG = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def outputs(
    count: int, wrong: int, classes: int = 10, channels: int = 1
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores, of which the first `wrong` are mistakes, surer and surer; pixels; labels."""
    labels = torch.arange(count) % classes
    scores = torch.nn.functional.one_hot(labels, classes) * 4.0
    scores[:wrong] = scores[:wrong].roll(1, 1) * torch.linspace(0.5, 2, wrong)[:, None]
    return scores, torch.randint(256, (count, channels, 28, 28)).byte(), labels


@pytest.mark.parametrize(("count", "wrong", "channels"), [(60, 25, 1), (40, 1, 3), (20, 0, 1)])
def test_four_pictures_are_drawn(count: int, wrong: int, channels: int, tmp_path: Path) -> None:
    scores, pixels, labels = outputs(count, wrong, channels=channels)
    files = figures.classification(scores, (pixels, labels), LONG, tmp_path / "new" / "figures")
    assert [file.name for file in files] == ["confusion.png", "mistakes.png", "calibration.png", "classes.png"]
    for file in files:
        with Image.open(file) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 100
    assert sorted(files[0].parent.iterdir()) == sorted(files), "nothing half-written is left"


def test_the_surest_mistakes_come_first_and_no_more_than_200() -> None:
    scores, pixels, labels = outputs(300, 250)
    figure = figures.mistakes(pixels, labels, scores.softmax(1), LONG)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == 2 * figures.MOST_MISTAKES
    shares = [int(text.split()[-1].rstrip("%")) for text in texts[1::2]]
    assert shares == sorted(shares, reverse=True)
    assert "the 200 surest of 250 in 300" in axes.get_title(loc="left")


def test_the_gallery_names_both_classes() -> None:
    scores, pixels, labels = outputs(300, 1)
    (axes,) = figures.mistakes(pixels, labels, scores.softmax(1), LONG).axes
    assert [text.get_text().split("  ")[0] for text in axes.texts] == ["T-shirt/top →", "Trouser"]


def test_chinese_is_written_by_another_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = figures.new_figure(2, 1)
    figure.text(0.1, 0.5, "琉璃")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (file,) = figures.save({"said": figure}, tmp_path)
    others = figures.families()[1:]
    assert figure.texts[0].get_fontfamily() == ["sans-serif", *others]
    drawn = file.read_bytes()
    monkeypatch.setattr(figures, "families", lambda: ["sans-serif"])
    figures.save({"said": figure}, tmp_path)
    figure.texts[0].set_fontfamily("sans-serif")
    figures.save({"said": figure}, tmp_path)
    assert (file.read_bytes() != drawn) == bool(others), "boxes where there is no such font"


def titles(language: wording.Language) -> list[str]:
    """What stands over a confusion matrix and beside it."""
    with wording.spoken(language):
        (axes,) = figures.confusion(torch.tensor([[3, 1], [0, 4]]), ["cat", "dog"]).axes
    named = [label.get_text() for label in axes.get_xticklabels()]
    return [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel(), *named]


def test_a_figure_speaks_the_language_of_who_looks_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    english = ["7 of 8 right (87.50%)", "answer", "true class", "cat", "dog"]
    monkeypatch.setattr(wording, "families", lambda: ["sans-serif", "one that holds Chinese"])
    assert titles("zh-TW") == ["8 個之中答對 7 個（87.50%）", "回答", "真實類別", "cat", "dog"]
    assert titles("en") == english
    monkeypatch.setattr(wording, "families", lambda: ["sans-serif"])
    assert titles("zh-TW") == english, "rather than boxes"


def test_other_letters_stay_in_their_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "families", lambda: ["sans-serif", "DejaVu Serif"])
    figure = figures.new_figure(2, 1)
    figure.text(0.1, 0.7, "琉璃")
    figure.text(0.1, 0.2, "glass", family="monospace")
    figures.save({"said": figure}, tmp_path)
    assert [text.get_fontfamily()[0] for text in figure.texts] == ["sans-serif", "monospace"]


def test_a_film_is_written_in_letters_that_hold_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, pushes = torch.tensor([0.0, 0.0, 0.02, 0.0]), torch.tensor([0, 1, -1])
    monkeypatch.setattr(wording, "families", lambda: ["sans-serif", "DejaVu Serif"])
    films = []
    for language in ("en", "zh-TW"):
        with wording.spoken(language):
            films.append(decision_figures.film(state, pushes, tmp_path / f"{language}.gif").read_bytes())
    assert films[0] != films[1]


def test_other_warnings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = figures.new_figure(2, 1)
    monkeypatch.setattr(figure, "savefig", lambda *_, **__: warnings.warn("so so", stacklevel=1))
    with pytest.warns(UserWarning, match="so so"):
        figures.write(figure, tmp_path / "a.png")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    scores, pixels, labels = outputs(20, 1)
    with pytest.raises(UserError, match="cannot be written"):
        figures.classification(scores, (pixels, labels), LONG, tmp_path / "file" / "figures")


def test_pyplot_is_not_used(tmp_path: Path) -> None:
    code = f"""
import sys, torch
from pathlib import Path
from liuli.tasks import figures
scores, labels = torch.randn(30, 10), torch.arange(30) % 10
figures.classification(scores, (torch.zeros(30, 1, 28, 28), labels), {LONG!r}, Path({str(tmp_path)!r}))
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
