"""My module: several real modules laid open at once; what the page says of them is what they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.reader import READ, check, evaluate, hindrances, tab_to

MODULES = '''
import json, threading

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import liuli


class Words(nn.Module):
    """Sorts a line of words.

    A small transformer.
    """

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, words):
        return self.head(self.encoder(self.embedding(words)).mean(dim=1))


class Apart(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = nn.Linear(3, 3)

    def forward(self, x):
        return torch.pdist(checkpoint(self.step, x, use_reentrant=False))


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = nn.Linear(3, 3)

    def forward(self, x):
        state = torch.zeros_like(x)
        for _ in range(6):
            state = torch.tanh(self.step(state) + x)
        return state


torch.manual_seed(0)
plain, x = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)), torch.randn(5, 4)
right = torch.tensor([0, 1, 2, 1, 0])
loss = lambda output: nn.functional.cross_entropy(output, right)
optimizer = torch.optim.AdamW(plain.parameters(), lr=3e-3, weight_decay=0.05)
for _ in range(2):
    optimizer.zero_grad()
    loss(plain(x)).backward()
    optimizer.step()
liuli.show(Words().eval(), torch.randint(0, 30, (1, 7)), lab=True)
liuli.show(Apart(), torch.randn(4, 3), lab=True)
liuli.show(Loop(), torch.randn(2, 3), lab=True)
address = liuli.show(plain, x, loss=loss, optimizer=optimizer, lab=True)
memory = optimizer.state[plain[0].weight]
optimizer.zero_grad()
loss(plain(x)).backward()
truth = {"before": plain[0].weight.tolist(), "gradient": plain[0].weight.grad.tolist()}
truth |= {name: memory[name].tolist() for name in ("exp_avg", "exp_avg_sq")}
truth |= {"input": x.tolist(), "biases": plain[0].bias.tolist()}
truth |= {"weights": plain[2].weight.tolist(), "last": plain[2].bias.tolist()}
print(json.dumps([address, truth]), flush=True)
threading.Event().wait()
'''


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[object]]:
    """The laboratory that `liuli.show` opens, with three modules; and what is true of the last of them."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "mine.py").write_text(MODULES, encoding="utf-8")
    environment = {**os.environ, "BROWSER": "true"}  # which opens nothing
    command = [sys.executable, "mine.py"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as served:
        assert served.stdout is not None
        yield json.loads(served.stdout.readline())
        served.terminate()


@pytest.fixture(scope="module")
def address(shown: list[str]) -> str:
    return shown[0]


@pytest.fixture(scope="module")
def truth(shown: list[dict[str, list[list[float]]]]) -> dict[str, np.ndarray]:
    return {name: np.array(numbers) for name, numbers in shown[1].items()}


def rows(page: Page) -> dict[str, list[str]]:
    """The table of layers: what stands in each row."""
    page.wait_for_selector("article table")
    lines = page.locator("article .table tbody tr").evaluate_all(
        "lines => lines.map(line => [...line.cells].map(cell => cell.innerText))"
    )
    return {name: cells for name, *cells in lines}


def test_what_each_is_made_of(enter: Callable[..., Page]) -> None:
    page = enter("module")
    assert rows(page) == {
        "Sequential": ["Sequential", "5 × 3", "51", f"{5 * (4 * 6 + 6 * 3)}"],
        "0": ["Linear", "5 × 6", "30", f"{5 * 4 * 6}"],
        "1": ["Tanh", "5 × 6", "0", "0"],
        "2": ["Linear", "5 × 3", "21", f"{5 * 6 * 3}"],
    }
    expect(page.locator("article")).to_contain_text("Its optimizer is AdamW")
    colours = (
        "element => { const { color, backgroundColor } = getComputedStyle(element); return [color, backgroundColor] }"
    )
    ink, ground = page.locator("article a.go").evaluate(colours)
    assert ink != ground  # a link that is a button is read, too
    page.locator("nav a", has_text="Loop").click()
    expect(page.get_by_role("heading", name="Loop", exact=True)).to_be_visible()
    assert rows(page)["step"] == ["Linear", "6", "2 × 3", "12", f"{6 * 2 * 3 * 3}"]  # one row, six calls
    expect(page.get_by_role("treeitem", name="step (6)")).to_be_visible()
    checked(page)
    page.locator("nav a", has_text="Words").click()
    expect(page.locator("article .about")).to_have_text("Sorts a line of words.")
    assert rows(page)["encoder.self_attn"][2] == f"{4 * 8 * 8 + 4 * 8}"
    checked(page)


def checked(page: Page) -> float:
    """The number that is explained, computed again, as soon as it is there."""
    page.wait_for_selector(".explanation .check", state="attached")
    return check(page)


def weight(page: Page) -> Locator:
    """The panel of the optimizer's step on a weight of the first layer, looked at from inside."""
    page.locator("article a.go").click()
    page.wait_for_selector(".network [role=treeitem]", state="attached")
    if page.locator(".tabs").is_visible():
        page.locator(".tabs label").nth(0).click()
    page.get_by_role("treeitem", expanded=False).first.get_by_role("button").click()
    page.get_by_role("treeitem", name="weight").first.click()
    if page.locator(".tabs").is_visible():
        page.locator(".tabs label").nth(2).click()
    page.locator(".explanation label").nth(1).click()
    step = page.get_by_test_id("step")
    step.wait_for()
    return step


def test_how_the_optimizer_would_move_a_weight(enter: Callable[..., Page], truth: dict[str, np.ndarray]) -> None:
    page = enter("module")
    step = weight(page)
    place = page.locator(".explanation .unit").inner_text().removeprefix("0.weight").strip("[]")
    index = tuple(int(part) for part in place.split(","))
    old, gradient = truth["before"][index], truth["gradient"][index]
    assert gradient == pytest.approx(checked(page), rel=1e-5)
    mean = 0.9 * truth["exp_avg"][index] + 0.1 * gradient
    square = 0.999 * truth["exp_avg_sq"][index] + 0.001 * gradient**2
    new = old * (1 - 3e-3 * 0.05) - 3e-3 * (mean / (1 - 0.9**3)) / (np.sqrt(square / (1 - 0.999**3)) + 1e-8)
    before, after, change = (float(one.get_attribute("value") or "nan") for one in step.locator(".move data").all())
    assert (before, after) == pytest.approx((old, new), rel=1e-6)
    assert change == pytest.approx(new - old, rel=1e-3)
    expect(step.locator("dl")).to_contain_text("learning rate")
    (lines,) = page.evaluate(READ)["step"]
    letters = {line["name"]: line["value"] for line in lines}
    assert letters["m_new"] == pytest.approx(mean, rel=1e-5)
    assert letters["v_new"] == pytest.approx(square, rel=1e-5)
    unbiased = next(line for line in lines if line["name"] == "a")
    again = evaluate(unbiased["tree"], letters | {"β_1": 0.9, "t": 3.0}, [])
    assert again == pytest.approx(unbiased["value"], rel=1e-9)


def test_a_number_of_the_output_by_keyboard_alone(enter: Callable[..., Page], truth: dict[str, np.ndarray]) -> None:
    page = enter("module")
    page.wait_for_selector("article table")
    tab_to(page, "nav[aria-label='My module'] a")
    tab_to(page, "article a.go")
    page.keyboard.press("Enter")
    page.wait_for_selector(".network [role=treeitem]")
    tab_to(page, "[role=treeitem]")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator(".explanation h2")).to_contain_text("input")
    tab_to(page, "[role=treeitem]")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".explanation h2")).to_contain_text("linear")
    row, column = (int(part) for part in page.locator(".explanation .unit").inner_text().split("[")[1][:-1].split(","))
    hidden = np.tanh(truth["input"] @ truth["before"].T + truth["biases"])
    output = hidden @ truth["weights"].T + truth["last"]
    assert checked(page) == pytest.approx(output[row, column], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("width", "scheme", "locale"), [(390, "dark", "zh-TW"), (1600, "light", "en-US")])
def test_it_fits_and_is_reached(enter: Callable[..., Page], width: int, scheme: str, locale: str) -> None:
    page = enter("module", viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale)
    page.wait_for_selector("article .explanation .check", state="attached")
    expect(page.locator("article")).to_contain_text("AdamW")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
    weight(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
    language = page.locator("header select").nth(1)
    language.select_option("en" if locale == "zh-TW" else "zh-TW")
    expect(page.get_by_test_id("step")).to_contain_text("學習率" if locale == "en-US" else "learning rate")


def test_a_note_and_a_reason_are_said_in_both_languages(enter: Callable[..., Page]) -> None:
    page = enter("module", locale="zh-TW")
    page.locator("nav a", has_text="Apart").click()
    page.locator("article a.go").click()
    note, reason = page.locator(".answer .notes"), page.locator(".explanation .part .note")
    expect(note).to_contain_text("torch.utils.checkpoint：啟動值都保留下來，沒有重算")
    expect(reason).to_have_text("尚無法說明 pdist")
    page.locator("header select").nth(1).select_option("en")
    expect(note).to_contain_text("torch.utils.checkpoint: activations were kept, not computed a second time")
    expect(reason).to_have_text("pdist has no explainer yet")
