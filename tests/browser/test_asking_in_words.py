"""Asking by words in a browser: a text is gone on with, by as many tokens as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from playwright.sync_api import Page, expect

from liuli.lab.replies import named
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances, texts

PROMPT = "ROMEO:\nO night"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with laboratory(tmp_path_factory.mktemp("words")) as served:
        yield served


def continued(count: int) -> str:
    """What the exhibit makes of the prompt, letter by letter, each time reading the whole text anew."""
    run = named("exhibit:gpt")
    network, letters = run.network(), run.facts.learnt["characters"]
    generator = torch.Generator().manual_seed(0)
    text = [letters.index(letter) + 1 for letter in PROMPT]
    for _ in range(count):
        with torch.inference_mode():
            scores = network(torch.tensor([text]))[0, -1].double()
        shares, order = (scores / 0.8).softmax(0).sort(descending=True, stable=True)
        chances = torch.zeros_like(shares).scatter(0, order, shares).cumsum(0)
        chance = torch.rand(1, generator=generator, dtype=torch.float64) * chances[-1]
        text.append(int((chances > chance).int().argmax()))
    return "".join(letters[number - 1] for number in text[-count:])


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1600), ("zh-TW", 390)])
def test_as_many_tokens_are_made_as_one_likes_and_all_of_them_are_shown(
    enter: Callable[..., Page], locale: str, width: int
) -> None:
    said = texts(locale)
    page = enter("system/gpt", locale=locale, viewport={"width": width, "height": 844})
    page.get_by_label(said["lab.beginning"], exact=True).fill(PROMPT)
    count = page.get_by_label(said["lab.made"], exact=True)
    assert count.input_value() == "400"
    count.fill("40")
    count.press("Enter")
    answer = page.locator(".said strong")
    expect(answer).to_be_visible()
    assert answer.evaluate("one => one.textContent") == continued(40)
    assert answer.evaluate("one => getComputedStyle(one).whiteSpaceCollapse") == "preserve", "lines stay lines"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
    count.fill("5")  # for the next answer
    page.locator("button.inside").click()
    expect(page.locator(".answer strong")).to_have_text(continued(40))
    if width < 760:
        page.locator(".answer .more").click()
    expect(page.locator(".notes")).to_contain_text(said["note.made.all"].replace("{made}", "40"))


def test_more_tokens_than_there_is_time_for_are_not_asked(enter: Callable[..., Page]) -> None:
    page = enter("system/gpt")
    count = page.get_by_label(texts("en-US")["lab.made"], exact=True)
    count.fill("1001")
    page.get_by_role("button", name=texts("en-US")["lab.send"], exact=True).click()
    assert count.evaluate("one => one.validity.rangeOverflow")
    expect(page.locator(".said")).to_have_text(texts("en-US")["lab.nothing"])
