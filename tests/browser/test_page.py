"""The page in a browser: from a probability down to a pixel and back, every formula computed again as it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from liuli.lab.page import page as page_of
from liuli.lab.subjects import of_factory, of_module
from tests.browser.reader import check, tab_to, unfold

LAYERS = ("probabilities", "output", "f6", "f6", "c5", "c5", "flatten", "s4", "c3", "c3", "s2", "c1", "c1", "input")


OPERAND = ".explanation .line button.operand:is([data-address^='%'], [data-address^='input'])"


def heading(page: Page) -> str:
    """The number that is explained: "c3·conv2d[11, 1, 3] = 3.214"."""
    return page.locator(".explanation h2").inner_text()


def number(place: Locator) -> float:
    """The number in a <data> element, with all its digits."""
    return float(place.get_attribute("value") or "nan")


def wait_for_another(page: Page, before: str) -> None:
    expect(page.locator(".explanation h2")).not_to_have_text(before)


def operand(page: Page) -> Locator:
    """The first operand shown that is no weight: of a sum, the one that adds most."""
    return page.locator(OPERAND).first


def test_from_a_probability_down_to_a_pixel(page: Page) -> None:
    page.locator(".answer li button.best").click()
    seen = []
    while True:
        seen.append(heading(page))
        if seen[-1].startswith("input"):
            break
        value = check(page)
        assert value == number(page.locator(".explanation h2 data"))
        following = operand(page)
        shown = number(following.locator("data"))
        following.click()
        wait_for_another(page, seen[-1])
        assert number(page.locator(".explanation h2 data")) == pytest.approx(shown, rel=1e-6)
    assert len(seen) == len(LAYERS)
    assert all(name.startswith(layer) for name, layer in zip(seen, LAYERS, strict=True))
    page.locator(".explanation nav li button").first.click()
    expect(page.locator(".explanation h2")).to_have_text(seen[0])


def test_from_a_pixel_back_to_the_loss(page: Page) -> None:
    page.get_by_role("treeitem").first.click()
    page.locator(".explanation label").nth(1).click()
    expect(page.locator(".explanation h2")).to_contain_text("∂L/∂")
    seen = []
    for _ in range(20):
        seen.append(heading(page))
        if not page.locator(".explanation .check").count():
            break
        check(page)
        page.locator(".explanation button.operand[data-gradient=true]").first.click()
        wait_for_another(page, seen[-1])
    assert len(seen) == 17  # the pixel, eleven layers, and softmax, max, log, minus and the loss
    assert seen[-1].endswith("= 1")


def test_by_keyboard_alone(page: Page) -> None:
    tab_to(page, ".answer li button.best")
    page.keyboard.press("Enter")
    for layer in LAYERS:
        expect(page.locator(".explanation h2")).to_contain_text(layer)
        now = heading(page)
        if layer == "input":
            break
        check(page)
        tab_to(page, OPERAND)
        page.keyboard.press("Enter")
        wait_for_another(page, now)
    assert heading(page).startswith("input")

    page.reload()
    tab_to(page, "[role=treeitem]")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # the first convolution
    tab_to(page, ".value [role=grid]")
    place = page.locator(".value [role=gridcell]")
    before = place.inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    expect(place).not_to_have_text(before)
    page.keyboard.press("Enter")
    expect(page.locator(".explanation h2")).to_have_text(place.inner_text())
    check(page)


def test_the_map_unfolds_and_a_weight_is_explained(page: Page) -> None:
    rows = page.get_by_role("treeitem")
    count = rows.count()
    page.locator("[role=treeitem][aria-expanded=false] > button").first.click()
    expect(rows).to_have_count(count + 3)  # weight, bias, convolution
    rows.nth(2).click()
    expect(page.locator(".value h2")).to_have_text("c1.weight")
    expect(page.locator(".explanation .check")).to_have_count(0)  # forward nothing lies behind a weight
    page.locator(".explanation label").nth(1).click()
    expect(page.locator(".explanation .part")).to_have_count(1)
    check(page)


def test_the_source_shows_the_value_of_each_line(page: Page) -> None:
    page.locator(".network label").nth(1).click()
    line = page.locator(".network li", has_text="max_pool2d(c1, 2)")
    line.get_by_role("button").click()
    expect(page.locator(".value h2")).to_have_text("s2")
    expect(line).to_have_attribute("aria-current", "true")


def test_the_language_changes_in_place(page: Page) -> None:
    before = heading(page)
    page.locator("header select").nth(1).select_option("zh-TW")
    expect(page.locator("section.value")).to_have_attribute("aria-label", "數值")
    expect(page.locator(".explanation math").first).to_have_attribute(
        "aria-label", "y 下標 i 等於 e 的 x 下標 i 減 m 次方 除以 S"
    )
    assert heading(page) == before
    page.locator("header select").nth(1).select_option("en")
    expect(page.locator("section.value")).to_have_attribute("aria-label", "Value")
    check(page)


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    open_page: Callable[..., Page], explained: Path, width: int, scheme: str
) -> None:
    page = open_page(explained, viewport={"width": width, "height": 844}, color_scheme=scheme)
    for place in range(3):
        if width < 760:
            page.locator(".tabs label").nth(place).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.liuli').dataset.theme") == scheme
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_factors_stand_beside_one_another_on_a_phone_and_what_they_come_to_below(
    open_page: Callable[..., Page], explained: Path
) -> None:
    page = open_page(explained, viewport={"width": 390, "height": 844})
    page.locator(".map .label", has_text="c1").first.click()
    page.locator(".tabs label").nth(2).click()
    row = page.locator("tr[data-term]").first
    boxes = (*row.locator(".operand").all(), row.locator("td.right").first)
    first, second, value = (one.bounding_box() or {} for one in boxes)
    assert second["x"] > first["x"] + first["width"]
    assert second["y"] == first["y"]
    assert value["y"] >= first["y"] + first["height"]
    row.locator(".operand").first.click()
    page.locator(".explanation fieldset label").nth(1).click()
    expect(page.locator(".explanation h2")).to_contain_text("∂L/∂")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_a_phone_the_answer_is_a_line_that_opens(open_page: Callable[..., Page], explained: Path) -> None:
    page = open_page(explained, viewport={"width": 390, "height": 844})
    strip = page.locator(".answer")
    said = page.locator(".answer strong").inner_text()
    assert (strip.bounding_box() or {})["height"] < 60
    expect(strip.locator("ol, .notes")).to_have_count(0)
    tab_to(page, ".answer .more")
    page.keyboard.press("Enter")
    expect(strip.locator("ol li")).to_have_count(10)
    expect(strip.locator(".notes")).to_be_visible()
    expect(strip.locator("strong")).to_have_text(said)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Enter")
    expect(strip.locator("ol, .notes")).to_have_count(0)
    page.set_viewport_size({"width": 1600, "height": 900})
    expect(strip.locator("ol li")).to_have_count(10)
    expect(strip.locator(".more")).to_have_count(0)


def test_a_file_says_where_numbers_can_be_set(page: Page) -> None:
    page.locator(".answer li button.best").click()
    expect(page.locator(".explanation .still")).to_contain_text("liuli lab")
    assert page.locator("form.whatif").count() == 0


class Filter(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor([[1 - 2j, 3 + 0.5j, -0.25j]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.factor).abs().sum()


def test_of_a_complex_number_both_halves_are_read(open_page: Callable[..., Page], tmp_path: Path) -> None:
    file = tmp_path / "filter.html"
    file.write_text(page_of(*of_module(Filter(), torch.ones(1, 3))), encoding="utf-8")
    page = open_page(file)
    page.get_by_role("treeitem", name="factor").first.click()
    expect(page.locator(".value h2")).to_have_text("|factor|")
    for place, halves, magnitude in ((0, ["1", "− 2"], 5**0.5), (2, ["0", "− 0.25"], 0.25)):
        page.locator(".value .bars button").nth(place).click()
        heading = page.locator(".explanation h2")
        expect(heading).to_contain_text(f"factor[0, {place}]")
        said = " ".join(heading.inner_text().split())
        assert said.endswith(f"= {halves[0]} {halves[1]} i"), said
        assert number(page.locator(".explanation p.end data").first) == pytest.approx(magnitude, rel=1e-6)


def test_the_line_of_the_chosen_value_is_in_sight(open_page: Callable[..., Page], tmp_path: Path) -> None:
    lines = ["import torch", "from torch import nn", "class Long(nn.Module):", "    def forward(self, x):"]
    lines += [f"        # line {number} says nothing" for number in range(90)]
    lines += ["        y = x * 2", "        return y.sin()", "def make():", "    return Long(), torch.ones(3)"]
    (tmp_path / "long.py").write_text("\n".join(lines), encoding="utf-8")
    file = tmp_path / "long.html"
    file.write_text(page_of(*of_factory(f"{tmp_path / 'long.py'}:make", None)), encoding="utf-8")
    page = open_page(file, viewport={"width": 1600, "height": 900})
    page.get_by_text("Source", exact=True).click()
    expect(page.locator("li.current", has_text="return y.sin()")).to_be_in_viewport()
    page.get_by_role("button", name="y[0]").first.click()
    expect(page.locator("li.current", has_text="y = x * 2")).to_be_in_viewport()
