"""Judging other kinds, in a browser: a text says of each letter how surprising it was, a state what is lost, a painting
what it was made of and how it came along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from liuli.catalog import find
from liuli.data import own
from liuli.data.store import load
from liuli.files import write_json
from liuli.runs import Run
from liuli.tasks.tables import Table
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances, tab_to, texts
from tests.small_run import small_run

WINDOW = 32
EPOCHS = (1, 2, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of a short text, a table of the racing car, a painting; none of them has learnt anything."""
    folder = tmp_path_factory.mktemp("judging")
    text = folder / "song.txt"
    text.write_text("\n\n".join(f"{n} green bottles hanging on the wall, and one should fall" for n in range(60)))
    loaded, task = own.load(text, None, "text"), find("gpt").task
    learnt = {**task.learn(loaded.train, loaded.facts), "window": WINDOW}
    kept(folder / "runs" / "song", "gpt", loaded.facts, learnt)
    racing = load("racing")
    kept(folder / "runs" / "car", "q-learning", racing.facts, Table.of_split(racing.train).lists())
    painted(folder)
    return folder


def painted(folder: Path) -> None:
    """A run of two colours, after three of whose epochs the painting was kept."""
    (folder / "two").mkdir()
    for name, colour in (("content", "teal"), ("style", "orange")):
        Image.new("RGB", (192, 192), colour).save(folder / "two" / f"{name}.png")
    pair, task = own.load(folder / "two", None, "photograph"), find("style-transfer").task
    made = kept(folder / "runs" / "painting", "style-transfer", pair.facts, task.learn(pair.train, pair.facts))
    (made.figures_folder / "epochs").mkdir(parents=True)
    for epoch in EPOCHS:
        Image.new("RGB", (8, 8), (40 * epoch, 0, 0)).save(made.figures_folder / "epochs" / f"painting-{epoch:04}.png")


def kept(folder: Path, name: str, facts: object, learnt: object) -> Run:
    made = small_run(folder, name, replace(facts, learnt=learnt))  # type: ignore[type-var]
    write_json(made.learnt_file, dict(learnt))  # type: ignore[call-overload]
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with laboratory(folder) as served:
        yield served


def answered(folder: Path, name: str) -> tuple[Run, tuple[torch.Tensor, ...], torch.Tensor]:
    """A run, its test part and the answers to that."""
    run = Run.open(folder / "runs" / name)
    batch = run.system.task.tensors(run.data().test, run.facts)
    with torch.inference_mode():
        return run, batch, run.system.task.respond(run.network(), batch)


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_a_text_is_judged_letter_by_letter_and_opens(enter: Callable[..., Page], folder: Path, locale: str) -> None:
    run, batch, losses = answered(folder, "song")
    page = enter("judging/song", locale=locale)
    expect(page.locator("ul[aria-busy=false] .tile").first).to_be_visible()
    shown = page.locator(".tile").evaluate_all("all => all.map(one => Number(one.dataset.index))")
    counted = batch[2].numpy()
    means = (losses.numpy() * counted).sum((1, 2)) / counted.sum((1, 2))
    assert means[shown] == pytest.approx(np.sort(means)[::-1][: len(shown)])
    values = page.locator(".tile .value data").evaluate_all("all => all.map(one => Number(one.value))")
    assert values == pytest.approx(means[shown].tolist(), rel=1e-6)

    worst = shown[0]
    letters = run.facts.learnt["characters"]
    right = "".join(letters[number - 1] for number in batch[1][worst][counted[worst]])
    pieces = page.locator(".tile").first.locator(".text > span[title]")
    assert "".join(pieces.all_text_contents()) == right
    shares = pieces.evaluate_all(
        "all => all.map(one => one.style.background.match(/([0-9.]+)%/)?.[1] ?? 0).map(Number)"
    )
    expected = np.minimum(1, losses[worst].numpy()[counted[worst]] / 8) * 60
    np.testing.assert_allclose(shares, expected, atol=0.051)

    page.locator(".tile").first.click()
    page.wait_for_selector(".explanation .check", state="attached")
    expect(page.locator(".answer strong")).to_be_visible()


def test_the_state_where_most_is_lost_comes_first_and_is_opened_by_keyboard(
    enter: Callable[..., Page], folder: Path
) -> None:
    run, batch, output = answered(folder, "car")
    table = Table.of_lists(run.facts.learnt)
    taken = output[..., 0].argmax(1).numpy()
    values = np.zeros(len(table.start))
    for _ in range(1000):
        worth = (table.probability * (table.reward + table.discount * values[table.follows])).sum(2)
        values = worth.max(1)
    states = batch[0].numpy()
    gaps = (worth.max(1) - worth[np.arange(len(worth)), taken[np.argsort(states)]])[states]

    page = enter("judging/car")
    expect(page.locator("ul[aria-busy=false] .tile").first).to_be_visible()
    found = page.locator(".tile .value data").evaluate_all("all => all.map(one => Number(one.value))")
    assert found == pytest.approx(sorted(gaps, reverse=True), abs=1e-6)
    assert hindrances(page) == []
    tab_to(page, ".tile")
    page.keyboard.press("Enter")
    expect(page.locator(".answer strong")).to_have_text(run.facts.classes[taken[int(gaps.argmax())]])


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_a_painting_stands_beside_what_it_was_made_of_and_comes_along(
    enter: Callable[..., Page], folder: Path, locale: str
) -> None:
    run, batch, _ = answered(folder, "painting")
    network, inputs = run.network(), run.system.task.inputs(batch)
    losses = []
    with torch.inference_mode():
        for painting in (inputs[0][0], (network.painting * 255).round() / 255):
            network.painting.copy_(painting)
            losses.append(network(*inputs).sum().item())

    page = enter("judging/painting", locale=locale)
    expect(page.locator(".tile")).to_have_count(1)
    value = float(page.locator(".tile .value data").get_attribute("value") or "nan")
    assert value == pytest.approx(losses[0] / losses[1], rel=1e-4)
    sizes = page.locator(".tile img").evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])")
    assert sizes == [[385, 192], [384, 384]], "content and style, then the painting"
    assert texts(locale)["judge.painting"] == page.locator(".note").inner_text()
    assert texts(locale)["judge.none"] not in page.locator(".judging").inner_text()

    region = page.get_by_role("region", name=texts(locale)["learn.pictures"], exact=True)
    assert region.locator(".frame small").all_inner_texts() == [str(epoch) for epoch in EPOCHS]
    slider = region.get_by_role("slider")
    assert region.locator(".large").get_attribute("src").endswith("/painting/5")
    slider.press("ArrowLeft")
    assert region.locator(".large").get_attribute("src").endswith("/painting/2")
    assert hindrances(page) == []
    page.locator(".tile").click()
    expect(page.locator(".answer strong")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_a_text_are_no_hindrance_on_a_telephone(enter: Callable[..., Page], scheme: str) -> None:
    page = enter("judging/song", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    expect(page.locator("ul[aria-busy=false] .tile").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert hindrances(page) == []


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_figures_that_cannot_be_drawn_say_why(enter: Callable[..., Page], locale: str) -> None:
    page = enter("judging/car", locale=locale)
    expect(page.locator("ul[aria-busy=false] .tile").first).to_be_visible()
    refusal = {"error": "car: has not been judged yet, or others have taken its place; judge it first"}
    page.route("**/judging/figures?*", lambda route: route.fulfill(status=422, json=refusal))
    button = page.get_by_role("button", name=texts(locale)["judge.draw"])
    button.click()
    said = "judge it first" if locale == "en-US" else "請先評量"
    expect(page.locator(".judging [role=alert]")).to_contain_text(said)
    expect(button).to_be_enabled()
