"""Judging in a browser: what the page shows is what the predictions say; a cell opens its pictures, a mistake opens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, Route, expect

from liuli.data.store import load
from liuli.runs import Run
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances
from tests.small_run import small_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A LeNet on scikit-learn's digits that knows nothing yet; beside it one whose data are on no machine."""
    folder = tmp_path_factory.mktemp("judging") / "runs"
    away = small_run(folder / "away", facts=replace(load("digits").facts, name="fashion-mnist"))
    result = {"metrics": {"accuracy": 0.25, "loss": 2.5}, "target": {"metric": "accuracy"}}
    (away.folder / "result.json").write_text(json.dumps(result))
    return small_run(folder / "lenet")


@pytest.fixture(scope="module")
def address(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LIULI_DATA", raising=False)
        patch.setenv("LIULI_CACHE", str(tmp_path_factory.mktemp("empty")))
        with laboratory(trained.folder.parents[1]) as served:
            yield served


@pytest.fixture(scope="module")
def answers(trained: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each test picture its label, its answer, and the probability of that."""
    task, facts = trained.system.task, trained.facts
    batch = task.tensors(load("digits").test, facts)
    with torch.inference_mode():
        scores = trained.network()(*task.inputs(batch)).double().numpy()
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return batch[1].numpy(), shares.argmax(1), shares.max(1)


def figure(page: Page, selector: str) -> float:
    return float(page.locator(f"{selector} data").get_attribute("value") or "nan")


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_the_page_says_what_the_predictions_say(
    enter: Callable[..., Page], answers: tuple[np.ndarray, ...], locale: str
) -> None:
    labels, said, sure = answers
    page = enter("judging", locale=locale)
    page.locator("a[href='#/judging/lenet']").click()
    page.wait_for_selector(".tile")
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (labels, said), 1)
    cells = page.locator("button.cell").evaluate_all("all => all.map(one => Number(one.dataset.count))")
    assert np.array(cells).reshape(10, 10).tolist() == matrix.tolist()
    assert figure(page, "[data-metric=accuracy]") == pytest.approx((labels == said).mean())
    recall = page.locator("td[data-key=recall] data").evaluate_all("all => all.map(one => Number(one.value))")
    assert recall == pytest.approx((matrix.diagonal() / matrix.sum(1)).tolist())
    shown = page.locator(".tile").evaluate_all("all => all.map(one => Number(one.dataset.index))")
    wrong = np.flatnonzero(labels != said)
    assert sure[shown] == pytest.approx(np.sort(sure[wrong])[::-1][: len(shown)])

    true, answer = (int(one) for one in np.argwhere(matrix * (1 - np.eye(10, dtype=int)) > 0)[0])
    page.locator("button.cell").nth(10 * true + answer).click()
    mine = set(np.flatnonzero((labels == true) & (said == answer)).tolist())
    expect(page.locator(".tile")).to_have_count(min(24, len(mine)))
    shown = page.locator(".tile").evaluate_all("all => all.map(one => Number(one.dataset.index))")
    assert set(shown) <= mine
    page.locator(".tile").first.click()
    expect(page.locator(".answer strong")).to_have_text(str(said[shown[0]]))
    page.go_back()
    expect(page.locator("button.cell[aria-pressed=true]")).to_have_count(1)
    expect(page.locator(".tile")).to_have_count(min(24, len(mine)))


def test_by_keyboard_alone(enter: Callable[..., Page]) -> None:
    page = enter("judging/lenet")
    page.wait_for_selector(".tile")
    page.locator("button.cell[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert "true class 1, answer 2:" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    expect(page.locator("button.cell[aria-pressed=true]")).to_have_count(1)
    page.get_by_role("button", name="All examples").press("Enter")
    expect(page.locator(".tile")).to_have_count(24)
    page.locator(".tile").first.press("Enter")
    expect(page.locator(".answer strong")).to_be_visible()


def test_examples_of_an_earlier_choice_that_come_late_are_let_go(enter: Callable[..., Page]) -> None:
    page = enter("judging")
    held: list[Route] = []
    page.route("**/examples*", lambda route: route.continue_() if held else held.append(route))
    page.locator("a[href='#/judging/lenet']").click()
    page.locator("button.cell").first.click()
    page.get_by_role("button", name="All examples").click()
    expect(page.locator(".tile")).to_have_count(24)
    with page.expect_response("**/examples*"):
        held[0].continue_()
    page.locator("button.cell[tabindex='0']").focus()
    shown = page.locator(".tile").evaluate_all("all => all.map(one => one.dataset.index)")
    assert len(shown) == len(set(shown)) == 24


def test_without_its_data_it_says_so_and_shows_what_was_measured(enter: Callable[..., Page]) -> None:
    page = enter("judging/away")
    expect(page.locator(".away code")).to_have_text("liuli data fetch fashion-mnist")
    assert figure(page, "[data-metric=accuracy]") == 0.25
    assert page.locator(".tile").count() == 0


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen_and_nothing_is_hard_to_reach(
    enter: Callable[..., Page], width: int, scheme: str
) -> None:
    page = enter("judging/lenet", viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.wait_for_selector(".tile")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
