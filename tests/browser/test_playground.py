"""The playground in a browser: what is drawn and said of a network that learns, and of a race, computed again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import laboratory
from tests.browser.reader import check, hindrances, tab_to

LEARN = "playground/learn?count=40&layers=3,2&rate=0.05"
RACE = "playground/race?surface=himmelblau&start=0,-1&steps=20&racers=sgd:0.01,nesterov:0.001,rmsprop:0.05"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with laboratory(tmp_path_factory.mktemp("playground")) as served:
        yield served


def numbers(found: Locator) -> list[float]:
    return [float(one.get_attribute("value") or "nan") for one in found.all()]


def shown(page: Page) -> None:
    """Wait until the network and the numbers of its point stand there."""
    page.wait_for_selector(".unit data")
    page.wait_for_selector(".explanation .check", state="attached")


def layers(page: Page, widths: list[int]) -> list[tuple[Any, Any]]:
    """The weights (U, inputs) and biases (U,) of every layer, read off the page unit by unit."""
    found, place = [], 2
    for width in widths:
        weight, bias = [], []
        for _ in range(width):
            page.locator(".unit").nth(place).click()
            expect(page.locator(".unit").nth(place)).to_have_attribute("aria-pressed", "true")
            *row, last = numbers(page.locator(".detail li [data-weight] data"))
            weight.append(row)
            bias.append(last)
            place += 1
        found.append((np.array(weight), np.array(bias)))
    return found


def lines(place: Locator) -> dict[str, float]:
    """Every line of formulas, computed again from its letters as they stand there; the last value of each name."""
    letters = {
        one.get_attribute("data-letter") or "": float(one.locator("data").get_attribute("value") or "nan")
        for one in place.locator("[data-letter]").all()
    }
    known = dict(letters)

    def of(tree: Any) -> float:
        if isinstance(tree, int | float):
            return tree
        if isinstance(tree, str):
            return known[tree]
        values = [of(one) for one in tree[1:]]
        two = {"/": lambda a, b: a / b, "^": lambda a, b: a**b}
        return {"+": sum, "*": math.prod}[tree[0]](values) if tree[0] in "+*" else two[tree[0]](*values)

    for line in place.locator(".line").all():
        tree = json.loads(line.locator("annotation").text_content() or "")
        name = line.get_attribute("data-line") or ""
        known[name] = of(tree)
        assert known[name] == pytest.approx(float(line.get_attribute("data-value") or "nan"), rel=1e-9, abs=1e-15)
    return known


def test_the_formula_of_a_surface_is_seen_whole_or_fades_where_there_is_more(enter: Callable[..., Page]) -> None:
    masked = "one => [one.scrollWidth > one.clientWidth, getComputedStyle(one).maskImage != 'none']"
    page = enter("playground/race?surface=himmelblau")
    assert page.get_by_role("group", name="In letters").first.evaluate(masked) == [False, False]
    page = enter("playground/race?surface=beale", viewport={"width": 390, "height": 844})
    formula = page.get_by_role("group", name="In letters").first
    assert formula.evaluate(masked) == [True, True]
    formula.evaluate("one => one.scrollTo(one.scrollWidth, 0)")
    expect(formula).to_have_css("mask-image", "none")


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_an_output_is_what_the_weights_on_the_page_make_of_the_point(enter: Callable[..., Page], locale: str) -> None:
    page = enter(LEARN, locale=locale)
    shown(page)
    page.locator(".plane .tools .button").nth(1).click()  # one step
    expect(page.locator(".net > .soft").first).to_contain_text(re.compile(r"\b1 (steps|步)"))
    shown(page)
    values = numbers(page.locator(".unit data"))
    assert len(values) == 2 + 3 + 2 + 1
    x = np.array(values[:2])
    after = 2
    for place, (weight, bias) in enumerate(layers(page, [3, 2, 1])):
        x = weight @ x + bias
        x = np.tanh(x) if place < 2 else x
        assert values[after : after + len(x)] == pytest.approx(x, abs=1e-6)
        after += len(x)
    said = page.locator(".unit data").last.get_attribute("value") or ""
    expect(page.locator(".explanation h2 data")).to_have_attribute("value", said)
    assert check(page) == pytest.approx(float(x[0]), abs=1e-6)


def test_a_weight_moves_by_the_formula_on_the_page(enter: Callable[..., Page]) -> None:
    page = enter(f"{LEARN}&optimizer=nesterov&decay=0.01")
    shown(page)
    for step in range(2):
        page.locator(".unit").nth(3).click()
        page.locator(".detail [data-weight='1']").click()
        move = page.get_by_test_id("move")
        expect(move).to_be_visible()
        known = lines(move)
        assert known["w_new"] == pytest.approx(
            known["w"] - 0.05 * (known["g"] + 0.01 * known["w"] + 0.9 * known["v_new"]), abs=1e-12
        )
        page.wait_for_selector(".explanation .check", state="attached")
        expect(page.locator(".explanation h2")).to_contain_text("hidden1.weight[1, 1]")
        assert check(page) == pytest.approx(known["g"], rel=1e-6)  # the gradient, over the points of the batch
        after = float(move.get_attribute("data-after") or "nan")
        page.get_by_role("button", name="One step").click()
        expect(page.locator(".net > .soft").first).to_contain_text(f"{step + 1} steps")
        expect(page.locator(".detail h3 data")).to_have_attribute("value", re.compile(f"{after:.6f}"[:8]))


@pytest.mark.parametrize("racer", [0, 1, 2])
def test_a_step_of_the_race_by_its_formula(enter: Callable[..., Page], racer: int) -> None:
    page = enter(RACE)
    page.wait_for_selector("[data-testid=stride]")
    page.get_by_label("Step", exact=True).fill("7")
    page.locator("tbody button").nth(racer).click()
    stride = page.locator("[data-testid=stride][data-step='7']")
    expect(stride).to_be_visible()
    expect(page.locator("tbody button").nth(racer)).to_have_attribute("aria-pressed", "true")
    name = page.locator("tbody button").nth(racer).inner_text().split("·")[1].strip()
    expect(stride.locator("h3")).to_contain_text(name)
    height, slope_x, slope_y, move_x, move_y = [lines(one) for one in stride.locator("section.lines").all()]
    x, y = height["x"], height["y"]
    assert height["f"] == pytest.approx((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)
    assert slope_x["g_x"] == pytest.approx(4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7), abs=1e-9)
    assert slope_y["g_y"] == pytest.approx(2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7), abs=1e-9)
    row = numbers(page.locator("tr[data-racer]").nth(racer).locator("data"))
    assert [move_x["x_new"], move_y["y_new"]] == pytest.approx(row[:2], abs=1e-12)
    g = slope_x["g_x"]
    if racer == 0:
        expected = x - 0.01 * g
    elif racer == 1:
        expected = x - 0.001 * (g + 0.9 * (0.9 * move_x["v"] + g))
    else:
        expected = x - 0.05 * g / (math.sqrt(0.99 * move_x["s"] + 0.01 * g * g) + 1e-8)
    assert move_x["x_new"] == pytest.approx(expected, abs=1e-12)


def test_it_plays_and_pauses_and_begins_anew(enter: Callable[..., Page]) -> None:
    page = enter(LEARN)
    shown(page)
    first = numbers(page.locator("tr[data-part=train] data"))[0]
    page.get_by_label("Speed").select_option("100")
    page.get_by_role("button", name="Play").click()
    steps = page.locator(".net > .soft").first
    expect(steps).to_contain_text(re.compile(r"[3-9]00 steps"))
    page.get_by_role("button", name="Pause").click()
    shown(page)
    assert numbers(page.locator("tr[data-part=train] data"))[0] < first / 2
    page.get_by_role("button", name="Start over").click()
    expect(steps).to_contain_text(re.compile(r"^0 steps"))
    assert numbers(page.locator("tr[data-part=train] data"))[0] == first


def test_the_address_is_the_state(enter: Callable[..., Page]) -> None:
    page = enter(LEARN)
    shown(page)
    page.get_by_role("combobox", name="Points").select_option("circles")
    page.get_by_role("combobox", name="Kind").select_option("cascaded")
    page.get_by_role("combobox", name="Optimizer").select_option("momentum")
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Seed").press("Enter")
    page.wait_for_url(re.compile("data=circles.*seed=7.*model=cascaded.*optimizer=momentum"))
    shown(page)
    again = enter(page.url.split("#/")[1])
    shown(again)
    assert again.url.split("#")[1] == page.url.split("#")[1]
    assert numbers(again.locator(".unit data")) == numbers(page.locator(".unit data"))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("playground/learn?data=nothing&rate=-1&layers=9", "data, layers, learning rate"),
        ("playground/race?surface=bowl&racers=sgd:0.1,sgd:0.2", "optimizers"),
        ("playground/learn?data=own&points=1,2,0;3,4", "points"),
        ("playground/learn?seed=%E0%A4%A&count=40", "seed"),
        ("playground/nowhere", "leads nowhere"),
    ],
)
def test_a_broken_link_is_said_and_opens_nevertheless(enter: Callable[..., Page], place: str, said: str) -> None:
    page = enter(place)
    expect(page.get_by_role("alert")).to_contain_text(said)
    page.wait_for_selector("canvas")


def test_points_of_ones_own_by_keyboard_alone(enter: Callable[..., Page]) -> None:
    page = enter("playground/learn?data=own&model=perceptron&test=0")
    expect(page.get_by_text("There are no points yet").first).to_be_visible()

    tab_to(page, "[role=application]")
    for key in ("ArrowRight", "ArrowUp"):
        for _ in range(10):
            page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("points=1,1,0"))
    expect(page.locator("[role=application]")).to_be_focused()
    page.keyboard.press("Shift+Tab")  # the class to place
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("points=1,1,0;-1,1,1"))
    expect(page.locator("tr[data-part=train]")).to_contain_text("of 2")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")  # look at points instead
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Play":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".remark")).to_contain_text("has learnt")
    tab_to(page, ".unit")
    page.keyboard.press("Enter")
    tab_to(page, ".unit:nth-of-type(3)")
    page.keyboard.press("Enter")
    tab_to(page, "[data-weight='0']")
    page.keyboard.press("Enter")
    expect(page.locator(".detail")).to_contain_text("no next step")


def test_a_file_and_what_is_wrong_with_it(enter: Callable[..., Page]) -> None:
    page = enter("playground/learn?data=own&model=logistic&test=0")
    file = page.locator("input[type=file]")

    def sent(content: str) -> None:
        file.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content.encode()})

    sent("x,y,class\n1,2,cat\n1,two,dog\n")
    expect(page.get_by_role("alert")).to_contain_text("line 3: 'two' is no number")
    sent("x,y,class\n100,20,cat\n300,40,dog\n200,10,owl\n")
    expect(page.locator(".legend")).to_contain_text("owl")
    expect(page.get_by_text("standard deviation 1")).to_be_visible()
    expect(page.locator("tr[data-part=train]")).to_contain_text("of 3")


def test_what_diverges_is_said(enter: Callable[..., Page]) -> None:
    page = enter("playground/learn?count=40&layers=8,8,8,8&optimizer=sgd&rate=100&activation=relu")
    shown(page)
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".remark")).to_contain_text("diverges")
    page.goto(page.url.split("#")[0] + "#/playground/race?surface=rosenbrock&racers=sgd:0.1&steps=50")
    page.get_by_label("Step", exact=True).fill("50")
    expect(page.locator("tbody")).to_contain_text("diverges")


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", [LEARN, RACE])
def test_nothing_is_wider_than_the_screen_and_nothing_is_hard_to_reach(
    enter: Callable[..., Page], width: int, scheme: str, place: str
) -> None:
    page = enter(place, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.wait_for_selector(".explanation .check, [data-testid=stride]", state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.liuli').dataset.theme") == scheme
    assert hindrances(page) == []


def test_a_file_of_many_points_is_sent_as_a_link_with_its_names(enter: Callable[..., Page]) -> None:
    page = enter("playground/learn?data=own")
    drawing = np.random.default_rng(0)
    rows = [f"{x:.5f},{y:.5f}," + ("A & B" if x < 0 else '"50 %, /"') for x, y in drawing.normal(size=(500, 2))]
    content = "\n".join(rows).encode()
    page.locator("input[type=file]").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
    page.wait_for_url(re.compile("packed="))
    expect(page.locator(".legend")).to_contain_text("A & B")
    expect(page.get_by_text("The link to these points has 2,")).to_be_visible()
    shown(page)
    first = numbers(page.locator(".unit data"))
    other = enter(page.url.split("#/")[1])
    shown(other)
    expect(other.locator(".legend")).to_contain_text("50 %, /")
    assert numbers(other.locator(".unit data")) == first  # the same points in the same order
    assert other.url.split("#")[1] == page.url.split("#")[1]
