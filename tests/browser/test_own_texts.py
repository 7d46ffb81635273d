"""What liuli says of its own, in the language of the page: answers, states, actions, and why something cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from liuli.data import own
from liuli.data.store import load
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances, texts
from tests.small_run import small_run

CHINESE = texts("zh-TW")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("own")
    small_run(folder / "runs" / "codes", "vae", load("digits").facts)
    for kind in ("cat", "dog"):
        (folder / "pets" / kind).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (40, 40), (80 * number, 90, 120)).save(folder / "pets" / kind / f"{number}.png")
    small_run(folder / "runs" / "pets", "lenet", own.load(folder / "pets", None, "image").facts)
    (folder / "pets" / "cat" / "1.png").write_text("no picture any more")
    with laboratory(folder) as served:
        yield served


def choose(page: Page, language: str) -> None:
    page.get_by_label("Language").or_(page.get_by_label("語言")).select_option(language)


def test_a_state_an_action_and_a_refusal_change_their_language_in_place(enter: Callable[..., Page]) -> None:
    page = enter("system/mdp", locale="zh-TW")
    field, answer = page.locator("form .words input"), page.locator(".said")
    expect(page.locator("form .words")).to_contain_text(CHINESE["lab.given"].replace("{names}", "車（正常 … 過熱）"))
    field.fill("warm")
    field.press("Enter")
    expect(answer.locator("strong")).to_have_text("慢行")
    choose(page, "en")
    expect(answer.locator("strong")).to_have_text("slow")
    choose(page, "zh-TW")
    field.fill("9")
    field.press("Enter")
    said = "狀態「9」：racing 沒有這個狀態；應為狀態的編號 0 到 2，或 車（正常 到 過熱）"
    expect(page.get_by_role("alert")).to_have_text(said)
    assert hindrances(page) == []


def test_the_states_of_a_gallery_and_of_the_inside_are_told(enter: Callable[..., Page]) -> None:
    page = enter("judging/exhibit%3Aq-learning", locale="zh-TW")
    tile = page.locator(".tile").first
    expect(tile.locator(".words")).to_have_text(re.compile(r"^列 \d、行 \d$"))
    tile.click()
    expect(page.locator(".answer strong")).to_be_visible()
    assert page.locator(".answer strong").inner_text() in "左右上下"
    assert "列 " in page.locator(".notes").inner_text()
    choose(page, "en")
    assert page.locator(".answer strong").inner_text() in ("left", "right", "up", "down")
    expect(page.locator(".notes")).to_contain_text("row ")


def test_a_code_is_so_many_nats_in_both(enter: Callable[..., Page]) -> None:
    page = enter("judging/codes", locale="zh-TW")
    answer = page.locator(".tile").first.locator("strong")
    expect(answer).to_contain_text(" nat 的編碼")
    number = answer.inner_text().split()[0]
    choose(page, "en")
    expect(answer).to_have_text(f"a code of {number} nats")


def test_words_of_the_data_stay_as_they_are(enter: Callable[..., Page]) -> None:
    page = enter("system/word2vec", locale="zh-TW")
    page.locator("form").get_by_role("textbox").fill("left")
    page.locator("form .button").first.click()
    expect(page.locator(".said strong")).to_be_visible()
    assert page.locator(".said strong").inner_text().isascii()


def test_a_sum_of_words_is_told_with_the_words_that_are_nearest(enter: Callable[..., Page]) -> None:
    page = enter("system/word2vec", locale="zh-TW")
    page.locator("form").get_by_role("textbox").fill("king - man + woman")
    page.locator("form .button").first.click()
    nearest = page.get_by_role("list", name=CHINESE["answer.nearest"]).locator("li")
    expect(nearest).to_have_count(10)
    expect(nearest.first).to_contain_text(page.locator(".said strong").inner_text())
    cosines = [float(one.get_attribute("value") or "nan") for one in nearest.locator("data").all()]
    assert cosines == sorted(cosines, reverse=True)
    read = r"man \(\d+\)；周圍的詞 king \(\d+\), woman \(\d+\)；雜訊 "
    expect(page.locator("div.said")).to_contain_text(re.compile(read))


def test_it_is_said_what_a_network_is_for_and_which_language_it_reads(enter: Callable[..., Page]) -> None:
    page = enter("judging", locale="zh-TW")
    expect(page.locator("a[href$='exhibit%3Anms']")).to_contain_text("非極大值抑制")
    page = enter("system/transformer", locale="zh-TW")
    expect(page.locator("form .words")).to_contain_text("一個英文句子，由網路譯成德文")
    choose(page, "en")
    expect(page.locator("form .words")).to_contain_text("A sentence in English, to be translated into German")


def test_what_is_wrong_with_a_persons_own_data_is_told(enter: Callable[..., Page]) -> None:
    page = enter("judging/pets", locale="zh-TW")
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(re.compile("cat/1.png：內容是文字，應為圖片（PNG、JPEG、GIF、WebP、TIFF、BMP 等）$"))
    choose(page, "en")
    expect(alert).to_have_text(re.compile("cat/1.png: holds text, expected a picture"))


def test_figures_have_captions_in_both(enter: Callable[..., Page]) -> None:
    page = enter("judging/exhibit%3Aq-learning", locale="zh-TW")
    page.get_by_role("button", name=CHINESE["judge.draw"]).click()
    captions = page.locator("figcaption")
    expect(captions).to_contain_text([CHINESE["figure.table"], CHINESE["figure.policy"]])
    pictured = CHINESE["judge.figure"].replace("{name}", CHINESE["figure.table"])
    expect(page.get_by_role("img", name=pictured)).to_be_visible()
    assert drawn(page) == {"zh-TW"}
    choose(page, "en")
    expect(captions).to_contain_text(
        ["Worth of each action in each state", "What the best action of each state is worth"]
    )
    expect(page.locator(".figures img").first).to_have_attribute("src", re.compile("language=en$"))
    assert drawn(page) == {"en"}


def drawn(page: Page) -> set[str]:
    """The languages that the figures of a page are in, once all are there."""
    pictures = page.locator(".figures img")
    for one in pictures.all():
        expect(one).not_to_have_js_property("naturalWidth", 0)
    return {str(one.get_attribute("src")).rpartition("language=")[2] for one in pictures.all()}
