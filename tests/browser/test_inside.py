"""What if, in a browser: a number is set, and what the page shows is what a network with that number gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from liuli.runs import Run
from tests.browser.conftest import laboratory
from tests.browser.reader import check, hindrances, tab_to
from tests.small_run import seven, small_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inside")
    small_run(folder / "runs" / "lenet")
    seven(folder / "seven.png")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with laboratory(folder) as served:
        yield served


@pytest.fixture
def look(enter: Callable[..., Page], folder: Path) -> Callable[..., Page]:
    """Inside the answer of LeNet to a seven."""

    def looked(**settings: object) -> Page:
        page = enter("system/lenet", **settings)
        page.locator("input[type=file]").set_input_files(folder / "seven.png")
        page.locator("button.inside").click()
        chosen = page.locator(".answer strong").inner_text()  # the system's page has an explanation too
        expect(page.locator(".explanation .unit")).to_contain_text(f",{chosen}]")
        return page

    return looked


def shown(page: Page, part: str) -> NDArray[np.float64]:
    """The numbers of a short vector in one of the three pictures beside one another, to four digits."""
    texts = page.locator(f"[data-part={part}] .bars .value").all_inner_texts()
    return np.array([number(text) for text in texts])


def number(text: str) -> float:
    digits, _, power = text.replace("−", "-").replace(",", "").partition("×10")
    return float(digits) * 10 ** float(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


def test_a_weight_is_set_and_every_number_follows(look: Callable[..., Page], folder: Path) -> None:
    page = look()
    page.get_by_role("treeitem", expanded=False).first.get_by_role("button").click()
    page.get_by_role("treeitem", name="weight").first.click()
    heading = page.locator(".explanation h2")
    expect(heading).to_contain_text("c1.weight")
    place = page.locator(".explanation .unit").inner_text().removeprefix("c1.weight")
    page.locator(".whatif input").fill("3.5")
    page.locator(".whatif .main").click()
    expect(page.locator(".set")).to_contain_text("Set by you")
    expect(heading.locator("data")).to_have_attribute("value", "3.5")

    network = Run.open(folder / "runs" / "lenet").network()
    task, facts = network_task(folder)
    picture = task.inputs(task.read_all(folder / "seven.png", facts, "seven")[0].batch)[0]
    with torch.no_grad():
        before = network(picture)[0].numpy().astype(np.float64)
        network.c1.weight[tuple(int(i) for i in place.strip("[]").split(","))] = 3.5  # type: ignore[union-attr, index, operator]
        after = network(picture)[0].numpy().astype(np.float64)
    changed = page.locator("[data-testid=whatif] ol button", has_text="output")
    relative = float(changed.locator("data").get_attribute("value") or "nan")
    assert relative == pytest.approx(
        np.linalg.norm(after - before) / max(np.linalg.norm(before), np.linalg.norm(after)), rel=1e-5
    )
    changed.click()
    expect(page.locator("[data-part=difference] .bars .value")).to_have_count(10)
    for part, truth in (("before", before), ("after", after), ("difference", after - before)):
        assert np.allclose(shown(page, part), truth, rtol=6e-4, atol=1e-6), part
    check(page)  # of the record in which it is set
    in_after = float(heading.locator("data").get_attribute("value") or "nan")
    assert np.abs(after - in_after).min() < 1e-6
    page.get_by_text("Before", exact=True).first.click()
    expect(heading.locator("data")).not_to_have_attribute("value", str(in_after))
    check(page)
    page.get_by_role("button", name="Back to the network as it is").click()
    expect(page.locator("[data-testid=whatif]")).to_have_count(0)
    expect(page.locator("[data-part]")).to_have_count(0)
    check(page)


def test_from_inside_back_to_the_system(look: Callable[..., Page]) -> None:
    page = look()
    page.get_by_role("link", name="To the page of lenet").click()
    expect(page).to_have_url(re.compile("#/system/lenet$"))


def test_on_a_phone_what_if_is_told_in_little_room(look: Callable[..., Page]) -> None:
    page = look(viewport={"width": 390, "height": 844})
    page.get_by_text("Explanation", exact=True).click()
    page.get_by_role("button", name="What if it were 0").click()
    bar = page.locator("[data-testid=whatif]")
    expect(bar.get_by_role("status")).to_contain_text("Answer:")
    expect(bar.locator("ol")).to_be_hidden()
    assert (bar.bounding_box() or {"height": 844})["height"] < 844 / 4
    tab_to(page, "[data-testid=whatif] summary")
    page.keyboard.press("Enter")
    expect(bar.locator("ol")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def network_task(folder: Path) -> tuple[object, object]:
    run = Run.open(folder / "runs" / "lenet")
    return run.system.task, run.facts


def test_several_stand_together_by_keyboard_alone(look: Callable[..., Page]) -> None:
    page = look()

    tab_to(page, "[role=treeitem]")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")  # the picture
    expect(page.locator(".explanation h2")).to_contain_text("input")
    tab_to(page, ".whatif input")
    page.keyboard.type("nonsense")
    page.keyboard.press("Enter")
    expect(page.locator(".whatif [role=alert]")).to_contain_text("no finite number")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("-2")
    page.keyboard.press("Enter")
    expect(page.locator(".edits li")).to_have_count(1)
    tab_to(page, "[role=treeitem]")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # what the first ReLU gave
    tab_to(page, ".whatif input")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    expect(page.locator(".edits li")).to_have_count(2)
    expect(page.locator(".set")).to_be_visible()
    page.locator(".away").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".edits li")).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme", "locale"), [(390, "light", "zh-TW"), (1600, "dark", "en-US")])
def test_it_fits_and_is_reached(look: Callable[..., Page], width: int, scheme: str, locale: str) -> None:
    page = look(viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale)
    if width < 760:
        page.locator(".tabs label").nth(2).click()
    page.locator(".whatif input").fill("0,5")
    page.keyboard.press("Enter")
    expect(page.locator(".edits li")).to_have_count(1)
    for place in range(3):
        if width < 760:
            page.locator(".tabs label").nth(place).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []


def test_the_optimizers_step_is_shown_with_its_numbers(look: Callable[..., Page], folder: Path) -> None:
    page = look()
    page.get_by_role("treeitem", expanded=False).first.get_by_role("button").click()
    page.get_by_role("treeitem", name="weight").first.click()
    page.get_by_text("Backward: gradients").click()
    step = page.get_by_test_id("step")
    expect(step).to_contain_text("Adam would move this weight")
    old = float(step.locator("[data-letter=w] data").first.get_attribute("value") or "nan")
    new = float(step.locator(".line").first.get_attribute("data-value") or "nan")
    gradient = float(page.locator(".explanation h2 data").get_attribute("value") or "nan")
    rate = abs(new - old)  # Adam's first step is as long as the learning rate, whatever the gradient
    assert rate == pytest.approx(Run.open(folder / "runs" / "lenet").recipe.optimizer.lr, rel=1e-3)
    assert (new - old) * gradient < 0


def test_my_module_says_how_to_open_one(enter: Callable[..., Page]) -> None:
    page = enter("module")
    expect(page.locator(".none")).to_contain_text("liuli lab --module")
