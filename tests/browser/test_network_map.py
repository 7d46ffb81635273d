"""The network as a map: on a system's page without any input, and of a module of thousands of operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import Tensor, nn

from liuli.lab.page import page as page_of
from liuli.lab.subjects import of_module, of_system
from tests.browser.conftest import laboratory
from tests.browser.reader import check, hindrances

OPERATIONS = 5000
MOST_NODES = 500


class Many(nn.Module):
    """One module that runs thousands of operations itself."""

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(OPERATIONS // 2):
            x = x.sin()
            x = x.tanh()
        return x


class Net(nn.Module):
    """Such a module between two others."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.many, self.after = nn.Linear(4, 4), Many(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.after(self.many(self.before(x)))
        return made


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A laboratory without any run."""
    with laboratory(tmp_path_factory.mktemp("map")) as served:
        yield served


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the module of thousands of operations."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("large") / "large.html"
    file.write_text(page_of(*of_module(Net(), torch.ones(1, 4))), encoding="utf-8")
    return file


def nodes(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('.map, .map *').length"))


def focused(page: Page) -> str:
    """The row that has the focus: its words and its place among its siblings."""
    page.locator("[role=treeitem]:focus").wait_for()
    told = "one => `${one.getAttribute('aria-label')} | ${one.getAttribute('aria-posinset')} of ${one.ariaSetSize}`"
    return " ".join(str(page.evaluate(f"({told})(document.activeElement)")).split())


@pytest.mark.parametrize("height", [700, 4000])
def test_five_thousand_operations_stay_usable(open_page: Callable[..., Page], large: Path, height: int) -> None:
    page = open_page(large, viewport={"width": 1600, "height": height})
    rows = page.locator(".map [role=treeitem]")
    expect(rows).to_have_count(5)  # input, three modules, the loss: folded at first
    rows.filter(has_text="many").locator("button").click()
    expect(rows.filter(has_text="sin").first).to_be_visible()
    assert nodes(page) <= MOST_NODES
    rows.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert focused(page) == f"tanh x · 4 | {OPERATIONS} of {OPERATIONS}"
    assert nodes(page) <= MOST_NODES
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowUp")
    assert focused(page) == f"sin x · 4 | {OPERATIONS - 11} of {OPERATIONS}"
    page.keyboard.press("Enter")
    expect(page.locator(".explanation code").first).to_contain_text(f"%{OPERATIONS - 11}[")
    with torch.no_grad():
        torch.manual_seed(0)
        x = Net().before(torch.ones(1, 4))
        for place in range(OPERATIONS - 11):
            x = x.tanh() if place % 2 else x.sin()
    shown = float(page.locator(".explanation h2 data").get_attribute("value") or "nan")
    assert abs(shown) == pytest.approx(x.abs().max().item(), rel=1e-5)


def test_what_lies_between_is_reached_by_scrolling(open_page: Callable[..., Page], large: Path) -> None:
    page = open_page(large, viewport={"width": 1600, "height": 900})
    rows = page.locator(".map [role=treeitem]")
    rows.filter(has_text="many").locator("button").click()
    page.evaluate("document.querySelector('section.network').scrollTop = 46 * 2500")
    expect(page.locator(".map [role=treeitem][aria-posinset='2500']")).to_be_visible()
    assert nodes(page) <= MOST_NODES
    page.locator(".map [role=treeitem][aria-posinset='2500']").click()
    expect(page.locator(".explanation code").first).to_contain_text("%2500[")
    assert page.locator(".map [tabindex='0']").count() == 1


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_a_system_shows_its_network_without_an_input(enter: Callable[..., Page], locale: str) -> None:
    page = enter("system/lenet", locale=locale)
    page.locator(".layers").first.scroll_into_view_if_needed()
    rows = page.locator(".map [role=treeitem]")
    rows.first.wait_for()
    page.evaluate("document.querySelector('.panes').scrollIntoView()")
    record, _ = of_system("lenet")
    called = [child.path for child in record.modules.children if child.path != "(loss)"]
    labels = page.locator(".map .module .label")
    expect(labels).to_have_text([*called, re.compile(".+")])  # the last is the loss
    rows.filter(has_text="c3").first.locator("button").click()
    expect(page.locator(".map .parameter .label").first).to_have_text("weight")
    rows.filter(has_text="c3").first.click()
    expect(page.locator(".pane .facts")).to_contain_text("1 × 16 × 10 × 10")
    made = record.value(next(call for call in record.modules.children if call.path == "c3").outputs[0]).tensor
    largest = made.abs().max().item()
    page.wait_for_selector(".explanation .check", state="attached")
    assert abs(check(page)) == pytest.approx(largest, rel=1e-5)
    page.locator("a[href^='#/record/']").click()
    expect(page.locator(".answer, .panes").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_fits_and_is_not_hard_to_reach(enter: Callable[..., Page], width: int, scheme: str) -> None:
    page = enter("system/transformer", viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.locator(".layers").first.scroll_into_view_if_needed()
    page.locator(".explanation .check").wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
