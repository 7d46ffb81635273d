"""Every room of the laboratory, on a telephone and on a desk, in both lights and both languages: all can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances
from tests.browser.test_words import ASK

ROOMS = {  # what stands in the address, and what is there once all has come
    "": "ol a",
    "system/lenet": ".pad canvas",
    "system/word2vec": ".asking form",
    "system/gru": ".none a",
    "learning": "tr.numbers",
    "learning/train/mlp": "form .few",
    "judging": ".runs li",
    "judging/exhibit%3Aperceptron": ".tile",
    "projector": ".field canvas",
    "playground": ".explanation .check",
    "playground/race": ".racers, canvas",
    "module": "main pre, article pre",
}
ASKED = {"perceptron": "5.1, 3.5, 1.4, 0.2", "lstm": "win a free prize now", "mdp": "warm"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with laboratory(tmp_path_factory.mktemp("rooms")) as served:
        yield served


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_is_wider_than_the_screen_and_nothing_is_hard_to_reach(
    enter: Callable[..., Page], width: int, scheme: str, locale: str
) -> None:
    page = enter(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
    for place, there in ROOMS.items():
        go(page, place, there)
        usable(page, width, place)
    for exhibit, text in ASKED.items():
        record = page.evaluate(ASK, [f"exhibit:{exhibit}", text])
        go(page, f"record/{record}/exhibit%3A{exhibit}", ".explanation .check")
        usable(page, width, exhibit)
        page.locator("section.explanation label").nth(1).dispatch_event("click")
        usable(page, width, f"{exhibit}, backward")


def go(page: Page, place: str, there: str) -> None:
    page.evaluate("place => { location.hash = '#/' + place }", place)
    page.wait_for_selector(there, state="attached")
    page.wait_for_load_state("networkidle")


def usable(page: Page, width: int, place: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, place
    assert hindrances(page) == [], place
