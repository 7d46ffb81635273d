"""The page as a widget of a notebook: the kernel's real answers, drawn by the real bundle."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from liuli.lab.page import built
from liuli.lab.subjects import of_module
from liuli.models.vision.lenet import LeNet
from tests.browser.reader import check

# What JupyterLab and anywidget do: a model that carries messages between the page and the kernel.
NOTEBOOK = """async ([bundle, manifest]) => {
  const heard = []
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer)
  const model = {
    get: () => manifest,
    on: (_, answer) => heard.push(answer),
    send: async (question) => {
      const [content, buffers] = await window.kernel(question)
      heard.forEach((answer) => answer(content, buffers.map(bytes)))
    },
  }
  const url = URL.createObjectURL(new Blob([bundle], { type: 'text/javascript' }))
  const { default: widget } = await import(url)
  widget.render({ model, el: document.getElementById('cell') })
}"""


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[[Any], Page]]:
    """A widget in a page, whose questions its kernel answers; left without a fault."""
    contexts, faults = [], list[str]()

    def shown(widget: Any) -> Page:
        def kernel(question: dict[str, Any]) -> list[Any]:
            answers: list[Any] = []
            widget.send = lambda content, buffers=(): answers.append(
                [content, [b64encode(one).decode() for one in buffers]]
            )
            widget.asked(widget, question, [])
            return answers[0]  # type: ignore[no-any-return]

        contexts.append(browser.new_context(viewport={"width": 1300, "height": 900}, locale="en-US"))
        page = contexts[-1].new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.expose_function("kernel", kernel)
        page.set_content('<div id="cell" style="width: 1250px"></div>')
        page.evaluate(NOTEBOOK, [built("widget.js"), widget.manifest])
        expect(page.locator(".explanation .check")).to_be_visible()
        return page

    yield shown
    for context in contexts:
        context.close()
    assert faults == []


def of_lenet() -> Any:
    """A widget about a LeNet that has learnt nothing, and noise."""
    notebook = pytest.importorskip("liuli.lab.notebook")
    torch.manual_seed(0)
    return notebook.Widget(*of_module(LeNet().eval(), torch.rand(1, 1, 32, 32)))


def test_a_widget_explains_down_to_a_pixel(opened: Callable[[Any], Page]) -> None:
    page = opened(of_lenet())
    heading = page.locator(".explanation h2")
    seen = []
    while not heading.inner_text().startswith("input"):
        seen.append(heading.inner_text())
        check(page)
        page.locator(".explanation .line button.operand:is([data-address^='%'], [data-address^='input'])").first.click()
        expect(heading).not_to_have_text(seen[-1])
    assert len(seen) == 12  # from the output back through eleven layers


def test_a_number_is_set_in_a_notebook_and_what_follows_is_what_that_network_gives(
    opened: Callable[[Any], Page],
) -> None:
    widget = of_lenet()
    page = opened(widget)
    page.locator(".explanation button.operand[data-address='output.bias']").first.click()
    heading = page.locator(".explanation h2")
    expect(heading).to_contain_text("output.bias[")
    place = int(heading.inner_text().partition("[")[2].partition("]")[0])

    page.locator("form.whatif input").fill("1e999")
    page.locator("form.whatif button.main").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("form.whatif input").fill("7.5")
    page.locator("form.whatif button.main").click()
    bar = page.get_by_test_id("whatif")
    expect(bar.locator(".edit")).to_contain_text("7.5")

    torch.manual_seed(0)
    network, given = LeNet().eval(), torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        before = network(given)[0]
        network.output.bias[place] = 7.5
        after = network(given)[0]
    relative = float((after - before).norm() / max(before.norm(), after.norm()))
    change = bar.locator(f"button[data-address='{widget.manifest['outputs'][0]}']")
    assert float(change.locator("data").get_attribute("value") or "nan") == pytest.approx(relative, rel=1e-5)
    change.click()
    expect(change).to_have_class(re.compile("chosen"))
    page.wait_for_selector(".explanation .check", state="attached")
    chosen = int(heading.inner_text().partition("[")[2].partition("]")[0].split(",")[-1])
    assert check(page) == pytest.approx(float(after[chosen]), rel=1e-5)
    bar.get_by_role("button", name="Back", exact=False).click()
    expect(bar).to_have_count(0)
    check(page)


def test_a_record_that_has_given_place_says_so() -> None:
    widget, said = of_lenet(), []
    widget.send = lambda content, buffers=(): said.append(content)
    edit = {"address": "output.bias", "index": 0, "number": 1.0}
    for question in (
        {"ask": "edits", "record": 0, "edits": [edit]},
        {"ask": "edits", "record": 0, "edits": [{**edit, "number": 2.0}]},
        {"ask": "slice", "record": 1, "address": "output.bias", "gradient": False, "start": 0, "count": 1},
        {"ask": "edits", "record": 0, "edits": [{**edit, "index": 99}]},
        {"ask": "step", "record": 0, "address": "output.bias", "index": 0},
    ):
        widget.asked(widget, {"id": 0, **question}, [])
    assert [one.get("record") for one in said[:2]] == [1, 2]
    assert "set these once more" in said[2]["error"]
    assert "no such number" in said[3]["error"]
    assert said[4]["optimizer"] == "SGD"
    assert sorted(widget.records) == [0, 2]
