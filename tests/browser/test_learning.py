"""Learning in a browser: a run begun, paused, gone on with and stopped; distributions, examples, runs compared.

What the page says is recomputed from the folder of the run: from its weights, and from its lines of metrics.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from rich.console import Console
from safetensors.numpy import load_file

from liuli.runs import Run
from liuli.training import fit
from liuli.training.distributions import PERCENTS
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances, tab_to

FOLDER: dict[str, Path] = {}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A laboratory with three short runs, one of which answers with pictures."""
    folder = FOLDER["here"] = tmp_path_factory.mktemp("learning")
    (folder / "runs").mkdir()
    for name, rate in (("mlp", 0.01), ("mlp-2", 0.002)):
        settings = {"epochs": 3, "batch_size": 120, "lr": rate}
        out = folder / "runs" / name
        fit.train("mlp", data="digits", settings=settings, out=out, device="cpu", console=Console(quiet=True))
    out, settings = folder / "runs" / "vae", {"epochs": 2, "batch_size": 200}
    fit.train("vae", data="digits", settings=settings, out=out, device="cpu", console=Console(quiet=True))
    with laboratory(folder) as served:
        yield served


def at(name: str) -> Run:
    return Run.open(FOLDER["here"] / "runs" / name)


def numbers(place: Locator) -> list[float]:
    return [float(one.get_attribute("value") or "nan") for one in place.locator("data").all()]


def wait_for_number(page: Page, value: float) -> None:
    """Until the first number of the table is `value`."""
    page.wait_for_function("value => Number(document.querySelector('tr.numbers data')?.value) === value", arg=value)


def region(page: Page, name: str) -> Locator:
    return page.locator(f"section[aria-label='{name}']")


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_the_numbers_of_a_layer_are_those_of_its_weights(enter: Callable[..., Page], locale: str) -> None:
    page = enter("learning/mlp", locale=locale)
    weights = load_file(at("mlp").checkpoint_file)
    for layer in ("hidden1.weight", "output.bias"):
        page.locator(f"label[data-layer='{layer}'] .name").click()
        found = weights[f"engine.weights.{layer}"].astype(np.float64).ravel()
        quantiles = np.quantile(found, np.array(PERCENTS) / 100, method="lower")
        expected = [*quantiles, np.sqrt((found**2).mean())]
        shown = page.locator("tr.numbers")
        wait_for_number(page, float(f"{np.float32(expected[0]):.9g}"))
        assert numbers(shown) == pytest.approx(expected, rel=1e-6)
        assert numbers(page.locator(f"label[data-layer='{layer}']")) == pytest.approx(expected[-1:], rel=1e-6)


def test_gradients_are_shown_at_the_moment_that_is_chosen(enter: Callable[..., Page]) -> None:
    page = enter("learning/mlp")
    section = region(page, "Weights and gradients")
    section.get_by_text("gradients", exact=True).click()
    page.locator("label[data-layer='hidden2.weight'] .name").click()
    rows = [json.loads(line) for line in at("mlp").distributions_file.read_text().splitlines()]
    slider = section.get_by_role("slider")
    for place in (len(rows) - 1, 5):
        slider.fill(str(place))
        expect(section.locator("caption")).to_contain_text(re.compile(r"hidden2\.weight after epoch"))
        wait_for_number(page, rows[place]["gradients"]["hidden2.weight"][0])
        assert numbers(section.locator("tr.numbers")) == rows[place]["gradients"]["hidden2.weight"]
    slider.fill("0")
    expect(section.locator("tr.numbers")).to_contain_text("no gradients before the first step")
    expect(section.locator("svg[role=img]")).to_have_attribute("aria-label", re.compile("Quantiles .*hidden2.weight"))


def test_examples_are_answered_as_the_run_has_it(enter: Callable[..., Page]) -> None:
    page = enter("learning/mlp")
    section = region(page, "Examples")
    rows = [json.loads(line) for line in at("mlp").answers_file.read_text().splitlines()]
    right = [one["right"] for one in json.loads(at("mlp").examples_file.read_text())]
    for place in (len(rows) - 1, 0):
        section.get_by_role("slider").fill(str(place))
        for number, said in enumerate(rows[place]["answers"]):
            one = section.locator(f"li[data-example='{number}']")
            expect(one.locator("strong")).to_have_text(said["answer"])
            assert numbers(one) == [said["probability"]]
            expect(one.locator(".mark .hidden")).to_have_text("right" if said["answer"] == right[number] else "wrong")
            assert one.locator(".strip .cell").count() == len(rows)


def test_answers_that_are_pictures_are_shown_over_time(enter: Callable[..., Page]) -> None:
    page = enter("learning/vae")
    expect(page.locator("form select")).to_have_value("vae")
    expect(page.locator("form .what")).to_contain_text("learns from mnist; to reach: ")
    examples, watched = region(page, "Examples"), region(page, "Pictures")
    rows = [json.loads(line) for line in at("vae").answers_file.read_text().splitlines()]
    assert len(rows) == 3
    for place in (2, 0):
        examples.get_by_role("slider").fill(str(place))
        for number, said in enumerate(rows[place]["answers"]):
            one = examples.locator(f"li[data-example='{number}']")
            expect(one.locator(".drawn img")).to_have_attribute("src", said["picture"])
            frames = [frame.get_attribute("src") for frame in one.locator(".film img").all()]
            assert frames == [row["answers"][number]["picture"] for row in rows]
    for place in (1, 0):
        watched.get_by_role("slider").fill(str(place))
        for name, called in (("samples", "Samples, always of the same noise"), ("plane", "A plane through")):
            large = watched.get_by_role("img", name=re.compile(f"^{called}.*epoch {place + 1}"))
            expect(large).to_have_attribute("src", f"/api/runs/vae/pictures/{name}/{place + 1}")
            loaded = page.evaluate(
                "async (at) => [...new Uint8Array(await (await fetch(at)).arrayBuffer())]",
                f"/api/runs/vae/pictures/{name}/{place + 1}",
            )
            assert bytes(loaded) == (at("vae").figures_folder / f"epochs/{name}-000{place + 1}.png").read_bytes()
    for width in (390, 1600):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert hindrances(page) == []


def test_runs_are_compared(enter: Callable[..., Page]) -> None:
    page = enter("learning/mlp")
    page.get_by_label("mlp-2").check()
    table = region(page, "Compared")
    expect(table.locator("tr[data-key='lr'] data")).to_have_count(2)
    rates = [0.01, 0.002] if table.locator("thead th").nth(1).inner_text() == "mlp" else [0.002, 0.01]
    assert numbers(table.locator("tr[data-key='lr']")) == rates
    assert table.locator("tr[data-key='batch_size']").count() == 0
    curves = region(page, "Curves")
    page.get_by_label("Metric").select_option("accuracy")
    for epoch in (3, 2):
        curves.get_by_role("slider").fill(str(epoch))
        for name in ("mlp", "mlp-2"):
            row = at(name).history()[epoch - 1]
            expected = [row["train_accuracy"], row["validation_accuracy"]]
            expect(curves.locator(f"span[data-run='{name}'] data").first).to_have_attribute("value", str(expected[0]))
            assert numbers(curves.locator(f"span[data-run='{name}']")) == expected
    best = numbers(table.locator("tr[data-key='test accuracy']"))
    expect(table.locator("tr[data-key='test accuracy'] th")).to_have_text("test · accuracy")
    assert best == [(at(name).result or {})["metrics"]["accuracy"] for name in ("mlp", "mlp-2")]


def test_from_a_systems_page_through_pause_and_stop(enter: Callable[..., Page]) -> None:
    # LeNet has no patience: it goes on until it is told to stop
    page = enter("system/lenet")
    page.locator("a[href='#/learning/train/lenet']").last.click()
    expect(page.locator("form select")).to_have_value("lenet")
    page.get_by_label("Epochs, at most").fill("4000")
    page.get_by_label("Learning rate").fill("0.004")
    page.get_by_text("More of the recipe").click()
    page.get_by_label("Data set, by its name").fill("digits")
    command = page.locator("form pre")
    expect(command).to_have_text("liuli train lenet --data digits --set epochs=4000 --set lr=0.004")
    page.get_by_label("Batch size").fill("none")
    expect(page.get_by_role("alert")).to_contain_text("expected a whole number")
    page.get_by_label("Batch size").fill("")
    expect(command).to_be_visible()
    page.get_by_role("button", name="Begin to train").click()
    now = page.locator(".now")
    expect(now).to_contain_text("epoch 2")
    expect(now.locator(".left")).to_contain_text(re.compile(r"about [\d.]+ (s|min|h) left"))
    name = now.get_attribute("data-run") or ""
    now.get_by_role("button", name="Pause").click()
    expect(now.locator(".state")).to_have_text("paused")
    assert at(name).state == "paused"
    before = len(at(name).history())
    now.get_by_role("button", name="Go on").click()
    expect(now.locator(".state")).to_have_text("running")
    expect(now).not_to_contain_text(f"epoch {before} ")
    now.get_by_role("button", name="Stop").click()
    expect(now.locator(".state")).to_have_text("finished")
    assert (at(name).result or {})["epochs"] == len(at(name).history()) > before
    assert at(name).recipe.settings()["lr"] == 0.004
    shutil.rmtree(at(name).folder)


def test_by_keyboard_alone(enter: Callable[..., Page]) -> None:
    page = enter("learning/mlp")
    page.locator("tr.numbers").wait_for()

    tab_to(page, "li input[type=checkbox]")
    tab_to(page, "section[aria-label='Curves'] input[type=range]")
    page.keyboard.press("ArrowLeft")
    row = at("mlp").history()[1]
    expect(page.locator("figcaption data").first).to_have_attribute("value", str(row["train_loss"]))
    tab_to(page, "section[aria-label='Weights and gradients'] input[type=range]")
    page.keyboard.press("Home")
    expect(page.locator("caption")).to_have_text("hidden1.weight after epoch 0")
    tab_to(page, "fieldset.layers input")
    page.keyboard.press("ArrowDown")
    expect(page.locator("caption")).to_have_text("hidden1.bias after epoch 0")
    tab_to(page, "section[aria-label='Examples'] input[type=range]")
    page.keyboard.press("Home")
    expect(page.locator("section[aria-label='Examples'] label strong")).to_have_text("After epoch 0")


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_it_fits_and_nothing_is_hard_to_reach(enter: Callable[..., Page], width: int, scheme: str, locale: str) -> None:
    page = enter("learning/mlp", viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale)
    page.locator("tr.numbers").wait_for()
    page.get_by_label("mlp-2").check()
    page.locator("tr[data-key='lr']").wait_for()
    page.locator("li[data-example] strong").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
