"""The text about a system on the pages: in the language that is chosen, which changes in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from liuli.catalog import listings
from liuli.description import descriptions
from tests.browser.conftest import laboratory
from tests.small_run import small_run

LANGUAGES = ("en", "zh-TW")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("laboratory")
    small_run(folder / "runs" / "lenet")
    with laboratory(folder) as served:
        yield served


def choose(page: Page, language: str) -> None:
    page.get_by_label("Language").or_(page.get_by_label("語言")).select_option(language)


def test_every_title_on_the_road_is_in_the_language_chosen(enter: Callable[..., Page]) -> None:
    page = enter()
    page.evaluate("window.unbroken = true")
    for language in ("zh-TW", "en"):
        choose(page, language)
        titles = {text.title for one in listings().values() if (text := descriptions(one)[language])}
        expect(page.locator(f"ol a [lang={language}]")).to_have_count(len(titles))
        assert set(page.locator(f"ol a [lang={language}]").all_text_contents()) == titles
    assert page.evaluate("window.unbroken"), "the page was loaded again"


@pytest.mark.parametrize("name", ["attention", "rnn"])
def test_a_system_is_told_whole_in_both_languages(enter: Callable[..., Page], name: str) -> None:
    page = enter(f"system/{name}")
    page.evaluate("window.unbroken = true")
    for language in ("zh-TW", "en"):
        choose(page, language)
        told = descriptions(listings()[name])[language]
        expect(page.locator("section h2[lang]")).to_have_text(told.title)
        expect(page.locator("section h2[lang]")).to_have_attribute("lang", language)
        assert page.evaluate("document.documentElement.lang") == language
        shown = squeezed(page.locator(f"section > div[lang={language}]").inner_text())
        for text in (*told.opening, *told.sections.values()):
            for word in text.replace("：", " ").replace(": ", " ").replace("`", "").split():
                assert squeezed(word).rstrip(":") in shown
    assert page.evaluate("window.unbroken"), "the page was loaded again"


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("name", ["word2vec", "gaussian-classifier", "yolo-v1"])  # of the longest formulas
def test_nothing_of_it_is_wider_than_a_telephone(enter: Callable[..., Page], name: str) -> None:
    page = enter(f"system/{name}", locale="zh-TW", viewport={"width": 390, "height": 844})
    expect(page.locator("section h2[lang]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
