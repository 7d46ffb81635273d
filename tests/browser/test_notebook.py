"""The page as a widget of a notebook: the kernel's real answers, drawn by the real bundle."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, expect

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


def test_a_widget_explains_down_to_a_pixel(browser: Browser) -> None:
    notebook = pytest.importorskip("liuli.lab.notebook")
    torch.manual_seed(0)
    widget = notebook.Widget(*of_module(LeNet().eval(), torch.rand(1, 1, 32, 32)))

    def kernel(question: dict[str, Any]) -> list[Any]:
        answers: list[Any] = []
        widget.send = lambda content, buffers=(): answers.append(
            [content, [b64encode(one).decode() for one in buffers]]
        )
        widget.asked(widget, question, [])
        return answers[0]  # type: ignore[no-any-return]

    context = browser.new_context(viewport={"width": 1300, "height": 900}, locale="en-US")
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.expose_function("kernel", kernel)
    page.set_content('<div id="cell" style="width: 1250px"></div>')
    page.evaluate(NOTEBOOK, [built("widget.js"), widget.manifest])
    heading = page.locator(".explanation h2")
    expect(page.locator(".explanation .check")).to_be_visible()
    seen = []
    while not heading.inner_text().startswith("input"):
        seen.append(heading.inner_text())
        check(page)
        page.locator(".explanation .line button.operand:is([data-address^='%'], [data-address^='input'])").first.click()
        expect(heading).not_to_have_text(seen[-1])
    assert len(seen) == 12  # from the output back through eleven layers
    context.close()
    assert faults == []
