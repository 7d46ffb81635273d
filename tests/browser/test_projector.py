"""The projector in a browser: numbers on the page recomputed, points chosen by mouse and keys, t-SNE followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from safetensors.numpy import load_file, save_file

from liuli.catalog import find
from liuli.files import write_json
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances, tab_to
from tests.small_run import small_run

Vectors = NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LeNet and an embedding of 1,000 words with an order of its own among them."""
    folder = tmp_path_factory.mktemp("projector")
    small_run(folder / "runs" / "lenet")
    facts = find("word2vec").task.drawn_facts()
    made = small_run(folder / "runs" / "words", "word2vec", facts)
    write_json(made.learnt_file, dict(facts.learnt))
    weights = load_file(made.weights_file)
    weights["input.weight"] *= np.linspace(3, 0.5, 100, dtype=np.float32)
    save_file(weights, made.weights_file)
    facts = find("gpt").task.drawn_facts()
    made = small_run(folder / "runs" / "letters", "gpt", facts)
    write_json(made.learnt_file, dict(facts.learnt))
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with laboratory(folder) as served:
        yield served


@pytest.fixture(scope="module")
def vectors(folder: Path) -> Vectors:
    """Those of the words."""
    return load_file(folder / "runs" / "words" / "model.safetensors")["input.weight"].astype(np.float64)


def numbers(page: Page, place: str) -> list[float]:
    return [float(one.get_attribute("value") or "nan") for one in page.locator(f"{place} data").all()]


def listed(page: Page) -> list[int]:
    return [int(one.get_attribute("data-point") or -1) for one in page.locator(".chosen ol button").all()]


def seen(page: Page) -> str:
    """What the canvas shows, once it has been drawn anew."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return str(page.evaluate("document.querySelector('.field canvas').toDataURL()"))


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_axes_and_neighbours_on_the_page_are_those_of_the_vectors(
    enter: Callable[..., Page], vectors: Vectors, locale: str
) -> None:
    page = enter("projector/words/input", locale=locale)
    page.get_by_role("searchbox").fill("word7")
    page.keyboard.press("Enter")
    expect(page.locator(".chosen h2")).to_have_text("word7")
    away = vectors - vectors.mean(0)
    _, spread, directions = np.linalg.svd(away, full_matrices=False)
    assert np.abs(numbers(page, ".chosen dl")) == pytest.approx(np.abs(away[7] @ directions[:3].T), rel=1e-4)
    shares = spread**2 / (spread**2).sum()
    assert numbers(page, ".variance") == pytest.approx(shares[:10].tolist())
    expect(page.locator(".chosen ol button")).to_have_count(10)
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = vectors @ vectors[7] / lengths / lengths[7]
    cosines[7] = -2
    assert listed(page) == np.argsort(-cosines)[:10].tolist()
    assert numbers(page, ".chosen ol") == pytest.approx(np.sort(cosines)[::-1][:10].tolist())
    page.locator(".near label").nth(1).click()
    far = np.linalg.norm(vectors - vectors[7], axis=1)
    far[7] = np.inf
    nearest = int(far.argmin())
    expect(page.locator(".chosen ol data").first).to_have_attribute("value", str(far[nearest]))
    assert listed(page) == np.argsort(far)[:10].tolist()
    page.locator(".chosen ol button").first.click()
    expect(page.locator(".chosen h2")).to_have_text(f"word{nearest}")


def test_a_point_of_a_picture_is_clicked_and_looked_into(enter: Callable[..., Page]) -> None:
    page = enter("projector/lenet")
    expect(page.locator(".classes button")).to_have_count(10)
    box = page.locator(".field canvas").bounding_box()
    assert box is not None
    chosen = page.locator(".chosen h2")
    seen(page)
    for step in range(200):  # from the middle outward, until there is a point
        turn, far = step * 2.4, 6 * step**0.5
        page.mouse.click(
            box["x"] + box["width"] / 2 + far * np.cos(turn), box["y"] + box["height"] / 2 + far * np.sin(turn)
        )
        if chosen.count():
            break
    label = page.locator(".chosen .class").inner_text()
    assert label.startswith("class: ")
    page.locator(".chosen img").evaluate("picture => picture.decode()")  # which fails where there is none
    page.locator(".chosen .inside").click()
    expect(page.locator(".answer strong")).to_be_visible()
    assert "#/record/" in page.url


def test_classes_are_told_apart_without_colour_and_shown_alone(enter: Callable[..., Page]) -> None:
    page = enter("projector/lenet")
    shapes = page.locator(".classes path")
    expect(shapes).to_have_count(10)
    marks = {(one.get_attribute("d"), one.get_attribute("fill")) for one in shapes.all()}
    assert len(marks) == 10
    assert len({shape for shape, _ in marks}) == 7
    page.locator(".classes button").nth(3).click()
    count = page.locator(".classes button").nth(3).locator("span").inner_text()
    expect(page.locator(".list p")).to_contain_text(f"{count} of")


def test_by_keyboard_alone(enter: Callable[..., Page]) -> None:
    page = enter("projector/words/input")
    page.wait_for_selector(".field canvas")

    tab_to(page, ".field")
    before = seen(page)
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "+", "-", "ArrowDown"):
        page.keyboard.press(key)
        after = seen(page)
        assert after != before, key
        before = after
    tab_to(page, "input[type=search]")
    page.keyboard.type("word12")
    tab_to(page, ".list .row")
    page.keyboard.press("Enter")
    expect(page.locator(".chosen h2")).to_have_text("word12")
    page.locator(".chosen ol button").first.wait_for()
    page.locator(".field").focus()
    tab_to(page, ".chosen .inside")
    tab_to(page, ".chosen ol button")
    page.keyboard.press("Enter")
    expect(page.locator(".chosen h2")).not_to_have_text("word12")


def test_two_fingers_enlarge(enter: Callable[..., Page]) -> None:
    page = enter("projector/words/input", has_touch=True)
    page.wait_for_selector(".field canvas")
    before = seen(page)
    devtools = page.context.new_cdp_session(page)
    box = page.locator(".field canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + 300, box["y"] + 300

    def fingers(kind: str, apart: int) -> None:
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 40)
    fingers("touchMove", 120)
    fingers("touchEnd", 0)
    assert seen(page) != before


def test_tsne_is_followed_cancelled_and_shown(enter: Callable[..., Page]) -> None:
    page = enter("projector/letters/tokens")
    page.wait_for_selector(".field canvas")
    page.get_by_text("t-SNE", exact=True).click()
    expect(page.locator(".work")).to_contain_text("t-SNE of 66 points")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".work")).to_have_count(0)
    page.get_by_text("2 dimensions").click()
    before = seen(page)
    page.get_by_text("t-SNE", exact=True).click()
    expect(page.get_by_text("t-SNE of 66 points. It")).to_be_visible()
    assert seen(page) != before


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["projector", "projector/lenet"])
def test_nothing_is_wider_than_the_screen_and_nothing_is_hard_to_reach(
    enter: Callable[..., Page], width: int, scheme: str, place: str
) -> None:
    page = enter(place, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.wait_for_selector(".field canvas")
    if "lenet" in place:
        page.locator(".list .row").first.click()
        page.locator(".chosen ol button").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.liuli').dataset.theme") == scheme
    assert hindrances(page) == []


def test_it_opens_with_words_and_the_address_says_so(enter: Callable[..., Page]) -> None:
    page = enter()
    page.locator("a[href='#/projector']").click()
    expect(page.locator(".list .row").first).to_have_text("word0")
    assert page.url.endswith("#/projector/words")
    expect(page.locator("select").nth(2)).to_have_value("words")
    page.go_back()
    page.wait_for_selector("ol a")


def test_a_run_that_is_not_there_is_said(enter: Callable[..., Page]) -> None:
    page = enter("projector/none")
    expect(page.get_by_role("alert")).to_contain_text("no run is called 'none'")
