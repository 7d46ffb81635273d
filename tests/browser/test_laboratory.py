"""The laboratory in a browser: the road, a system asked by drawing, the inside of its answer, training followed.

The browser itself remarks upon every answer of status 422, which is how a wrong input is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from docs.screenshots import draw_seven
from liuli.catalog import listings
from liuli.lab.road import parents
from tests.browser.conftest import laboratory
from tests.browser.reader import check, hindrances, tab_to
from tests.small_run import small_run


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A laboratory with one run of LeNet."""
    folder = tmp_path_factory.mktemp("laboratory")
    small_run(folder / "runs" / "lenet")
    with laboratory(folder) as served:
        yield served


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_from_the_road_to_a_number_that_a_drawing_made(enter: Callable[..., Page], locale: str) -> None:
    page = enter(locale=locale)
    expect(page.locator("ol a")).to_have_count(len(listings()))
    page.locator("ol a", has=page.get_by_text("lenet", exact=True)).click()
    page.wait_for_selector("canvas")
    draw_seven(page)
    bars = page.locator(".said ol li")
    expect(bars).to_have_count(10)
    shares = [float(text.strip("<>% ").replace(",", "")) for text in page.locator(".said .number").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    expect(page.locator("[aria-busy=false] .said strong")).to_be_visible()
    said = page.locator(".said strong").inner_text()
    page.locator("button.inside").click()
    expect(page.locator(".answer strong")).to_have_text(said)
    heading = page.locator(".explanation h2")
    for _ in range(3):
        page.wait_for_selector(".explanation .check", state="attached")
        value = check(page)
        assert value == float(heading.locator("data").get_attribute("value") or "nan")
        before = heading.inner_text()
        page.locator(".explanation .line button.operand[data-address^='%']").first.click()
        expect(heading).not_to_have_text(before)


def test_lines_lead_from_each_system_to_what_grew_out_of_it(enter: Callable[..., Page]) -> None:
    page = enter()
    imported = sum(len(parents(one)) for one in listings().values())
    expect(page.locator("svg path.imported")).to_have_count(imported)
    expect(page.locator("svg path")).to_have_count(imported + sum(len(one.after) for one in listings().values()))
    lenet = page.locator("a[href='#/system/lenet']")
    lenet.focus()
    expect(page.locator("svg path.lit")).to_have_count(1 + len(listings()["lenet"].after) + 2)  # gan; convnet, nin
    expect(lenet).to_contain_text("grew out of mlp")


def test_by_keyboard_alone(enter: Callable[..., Page]) -> None:
    page = enter()

    tab_to(page, "a[href='#/system/lenet']")
    page.keyboard.press("Enter")
    page.wait_for_selector("canvas")
    tab_to(page, "input[type=file]")
    page.go_back()
    page.wait_for_selector("ol a")
    tab_to(page, "a[href='#/learning']")
    page.keyboard.press("Enter")
    tab_to(page, "form select")
    expect(page.locator("form select").first).to_have_value("lenet")  # what would be trained
    tab_to(page, "form button")
    assert page.evaluate("document.activeElement.textContent").strip() == "Begin to train"


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "system/lenet", "system/mlp", "learning/lenet"])
def test_nothing_is_wider_than_the_screen_and_nothing_is_hard_to_reach(
    enter: Callable[..., Page], width: int, scheme: str, place: str
) -> None:
    page = enter(place, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.wait_for_selector("form" if "learning" in place else "canvas" if place else "ol a")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.liuli').dataset.theme") == scheme
    assert hindrances(page) == []


@pytest.mark.parametrize("place", ["", "system/lenet", "learning", "judging", "projector", "playground", "module"])
def test_headings_follow_one_another_without_a_hole(enter: Callable[..., Page], place: str) -> None:
    page = enter(place)
    page.wait_for_selector("[data-theme] h1")
    page.wait_for_load_state("networkidle")
    levels = [int(one) for one in page.locator(":is(h1, h2, h3, h4)").evaluate_all("all => all.map(h => h.tagName[1])")]
    assert levels[0] == 1
    assert all(later <= before + 1 for before, later in pairwise(levels)), levels


def test_a_run_is_begun_followed_and_found_again(enter: Callable[..., Page]) -> None:
    page = enter("learning")
    page.locator("form select").select_option("perceptron")
    page.get_by_label("Epochs, at most").fill("3")
    page.get_by_role("button", name="Begin to train").click()
    now = page.locator(".now", has_text="perceptron")
    expect(now).to_contain_text("finished")
    expect(page.locator("section[aria-label='Curves'] figure svg[role=img]")).to_have_attribute(
        "aria-label", re.compile("after epoch")
    )
    page.goto(page.url.split("#")[0] + "#/")
    page.locator("a[href='#/system/perceptron'].ready").wait_for()


def test_a_wrong_request_is_said_in_a_sentence(enter: Callable[..., Page]) -> None:
    page = enter("system/lenet")
    page.wait_for_selector("canvas")
    page.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"nonsense"})
    expect(page.get_by_role("alert")).to_contain_text("expected a picture")
