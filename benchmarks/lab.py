"""How soon the laboratory answers, in Chromium, on LeNet, ResNet-18 at 224² and the shape of GPT-2 small.

    pip install 'liuli[benchmarks,dev]'
    python benchmarks/lab.py [--times 20] [--json FILE] [lenet|resnet18|gpt2|million …]

LeNet is the exhibit that comes with liuli, asked about a drawn seven; the weights of the two others are drawn. The
server is a process of its own. Everything is measured by the page's clock, from the event to the end of the frame that
shows what it brought:

    first paint    of the road, and of the inside of a record, loaded again
    drawn          the largest value that the map shows at first, from the arrival of the last byte of what it is drawn
                   from: its numbers, or, where several come to one pixel, their means, which are sent first
    click          on a number of a value, to its formula and what it comes to
    stroke         on the pad, to the new answer and the activations of every layer
    frame          of the projector, from one to the next while 10,000 points in space turn (30 a second: 33 ms)

Bars: `BARS`, against the 95th percentile.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import multiprocessing
import os
import platform
import random
import re
import shutil
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import BrowserContext, Page, sync_playwright
from torch import Tensor, nn

BARS = {"first paint": 1000.0, "drawn": 50.0, "click": 150.0, "stroke": 150.0, "frame": 34.0}  # ms
PATIENCE = 120_000  # ms
WORDS = 20  # that GPT-2 reads: of each come 50,257 scores, a million together
STROKE = [(0.3, 0.25), (0.7, 0.25), (0.6, 0.45), (0.5, 0.65), (0.42, 0.8)]  # a seven

IN_PAGE = """
const arrivals = (globalThis.arrivals = {}) // when the last byte came of so many numbers, or of means of planes
const whole = Response.prototype.arrayBuffer
Response.prototype.arrayBuffer = async function () {
  const found = await whole.call(this)
  const { pathname, searchParams } = new URL(this.url)
  const means = pathname.endsWith('/pictures') && (searchParams.get('planes') === '1' ? 'grid' : 'strip')
  arrivals[means || found.byteLength / 4] ??= performance.now()
  return found
}
const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))
/** From the next `event` to the end of the frame in which `ready` is found true. */
globalThis.measured = (event, ready) => new Promise((done) => {
  addEventListener(event, (given) => {
    const begin = given.timeStamp
    const look = async () => {
      if (ready()) done((await frame()) - begin)
      else requestAnimationFrame(look)
    }
    look()
  }, { capture: true, once: true })
})
globalThis.frame = frame
globalThis.told = () => document.querySelector('.explanation .unit')?.innerText
const drawings = [] // on which canvas, when, and when the frame ended that shows it
for (const how of ['drawImage', 'putImageData']) {
  const draw = CanvasRenderingContext2D.prototype[how]
  CanvasRenderingContext2D.prototype[how] = function (...given) {
    draw.apply(this, given)
    if (!this.canvas.isConnected) return // an intermediate that nobody sees
    const one = { at: performance.now(), shown: null, within: this.canvas }
    drawings.push(one)
    frame().then((now) => (one.shown = now))
  }
}
/** From the arrival of what they are drawn from, so many numbers or the means of them, to the end of the frame that
 * shows it, of the grid or of the strip of planes, whichever takes longer; null until both stand there. */
globalThis.drawn = (size) => {
  const times = [['grid', '.value [role=grid]'], ['strip', '.value .sheet']].map(([part, place]) => {
    if (!document.querySelector(place)) return 0
    const arrived = arrivals[part] ?? arrivals[size]
    const one = drawings.find(({ at, within }) => within.closest(place) && at >= arrived)
    return one?.shown ? one.shown - arrived : null
  })
  return times.includes(null) ? null : Math.max(...times)
}
/** Whether each layer has been drawn anew since `begin`. */
globalThis.activated = (begin) =>
  [...document.querySelectorAll('.drawing .layers canvas')].every((canvas) =>
    drawings.some(({ at, within }) => within === canvas && at > begin))
"""


class Million(nn.Module):
    """A value of exactly a million numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2


def made(name: str) -> Any:
    """A record, and what a page is told of it."""
    from liuli.lab import subjects
    from liuli.runs import Run

    torch.manual_seed(0)
    if name == "lenet":
        run = Run.open("exhibit:lenet")
        with tempfile.TemporaryDirectory() as folder:
            return subjects.of_run(run, run.system.task.read(seven(Path(folder) / "seven.png"), run.facts, "seven"))
    if name == "resnet18":
        from tracing import resnet18

        module, inputs, _ = resnet18()
        return subjects.of_module(module.eval(), *inputs, title=name)
    if name == "gpt2":
        from transformers import GPT2Config, GPT2LMHeadModel

        module = GPT2LMHeadModel(GPT2Config(use_cache=False)).eval()
        return subjects.of_module(module, torch.randint(0, 50257, (1, WORDS)), title=name)
    return subjects.of_module(Million(), torch.randn(1000, 1000), title=name)


def seven(file: Path) -> Path:
    """A seven in dark ink on light paper."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (280, 300), 240)
    ImageDraw.Draw(picture).line([(70, 60), (210, 65), (120, 250)], fill=30, width=20, joint="curve")
    picture.save(file)
    return file


def serve(names: list[str], told: Connection) -> None:
    """`liuli lab` with a record of each lying open; says its address and their names."""
    from liuli.cli import COLLECTED
    from liuli.lab.serving import Serving

    gc.set_threshold(*COLLECTED)
    torch.set_num_threads(1)
    os.chdir(tempfile.mkdtemp())  # no runs of the user's
    serving = Serving()
    records = {name: serving.desk.put(*made(name)) for name in names}
    told.send((serving.address, records))
    gc.freeze()  # as `liuli lab` does
    serving.run()


def painted(page: Page, address: str, shown: str, times: int) -> list[tuple[float, float]]:
    """The first paint of a page loaded again, and when what it is about was there; ms."""
    found = []
    for _ in range(times + 1):
        page.goto("about:blank")
        page.goto(address)
        page.wait_for_selector(shown, state="attached", timeout=PATIENCE)
        found.append(
            page.evaluate(
                """async () => {
                const paint = performance.getEntriesByName('first-contentful-paint')[0]
                return [paint ? paint.startTime : (await frame()), await frame()]
                }"""
            )
        )
    return [(one, other) for one, other in found[1:]]  # the first filled the caches


def clicks(page: Page, times: int) -> list[float]:
    """On numbers of the values that the map shows: ms until each formula stands there."""
    drawing, found = random.Random(0), []
    for turn in range(5 * times):
        if turn % 4 == 0:
            drawing.choice(page.locator("[role=treeitem]").all()).click()
            settled(page)
        grid = page.locator(".value [role=grid] canvas")
        box = grid.bounding_box() if grid.count() else None
        if box is None:  # a few bars, or no numbers
            continue
        unit = page.locator(".explanation .unit").inner_text()
        page.evaluate("unit => { globalThis.clicked = measured('pointerdown', () => told() && told() !== unit) }", unit)
        place = [box[one] + drawing.uniform(0.05, 0.95) * box[side] for one, side in (("x", "width"), ("y", "height"))]
        page.mouse.click(*place)
        if page.evaluate("() => Promise.race([clicked.then(() => true), new Promise((no) => setTimeout(no, 5000))])"):
            found.append(page.evaluate("() => clicked"))  # else it was the number that was chosen already
        settled(page)
        if len(found) == times:
            break
    return found


def settled(page: Page) -> None:
    """Wait until nothing is under way."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => frame()")


def large(context: BrowserContext, place: str, times: int) -> tuple[int, list[float]]:
    """How many numbers the largest value has that the map shows, and in how many ms they are drawn when first asked.

    Each time in a new page, as a person opens it: one that has been loaded many times over is slower.
    """
    found = []
    for _ in range(times + 1):
        page = context.new_page()
        page.goto(place)
        page.wait_for_selector(".explanation .unit", state="attached")
        settled(page)
        rows = page.locator("[role=treeitem]").all()
        shapes = [shape_of(row.get_attribute("aria-label") or "") for row in rows]
        most = max(range(len(rows)), key=lambda row: math.prod(shapes[row]))
        size = math.prod(shapes[most])
        if not page.evaluate("size => size in arrivals", size):
            rows[most].click()
        page.wait_for_function("size => drawn(size) !== null", arg=size, timeout=30_000)
        found.append(page.evaluate("size => drawn(size)", size))
        page.close()
    return size, found[1:]


def shape_of(label: str) -> list[int]:
    """Of what a row of the map stands for: its label ends in it."""
    shape = re.search(r"(\d+(?: × \d+)*)\s*$", label)
    return [int(one) for one in shape[1].split(" × ")] if shape else [1]


def strokes(page: Page, times: int) -> list[float]:
    """On the pad of LeNet: ms from each to the answer that knows it, with what every layer makes of it."""
    page.wait_for_selector(".pad canvas")
    box = page.locator(".pad canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKE]
    found = []
    page.mouse.move(*places[0])
    page.mouse.down()
    page.wait_for_selector(".drawing .layers canvas")
    for turn in range(times):
        begin, end = places[turn % 4], places[turn % 4 + 1]
        share = random.Random(turn).random()
        page.evaluate(
            """() => { let busy = false
            const begin = performance.now()
            globalThis.stroked = measured('pointermove', () => {
            const now = document.querySelector('.said').getAttribute('aria-busy') === 'true'
            busy ||= now
            return busy && !now && activated(begin)
            }) }"""
        )
        page.mouse.move(*(a + share * (b - a) for a, b in zip(begin, end, strict=True)))
        found.append(page.evaluate("() => stroked"))
    page.mouse.up()
    return found


def frames(page: Page, times: int) -> list[float]:
    """Of the projector while keys turn its points: ms from each frame to the next."""
    page.wait_for_selector(".field canvas")
    settled(page)
    return page.evaluate(
        """async times => {
        const [field, found] = [document.querySelector('.field'), []]
        const next = () => new Promise(requestAnimationFrame)
        for (let before = await next(); found.length < times; ) {
          field.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }))
          const now = await next()
          found.push(now - before)
          before = now
        }
        return found
        }""",
        times,
    )


def percentile(times: list[float], share: float = 0.95) -> float:
    """The least of them that so large a share of them does not exceed: of twenty times the nineteenth."""
    return sorted(times)[math.ceil(share * len(times)) - 1]


def said(what: str, kind: str, times: list[float]) -> dict[str, Any]:
    """Print a line, and give it for a file."""
    high, bar = percentile(times), BARS[kind]
    verdict = "met" if high <= bar else "MISSED"
    print(
        f"{what:<42} median {statistics.median(times):7.0f} ms   p95 {high:7.0f} ms   ≤ {bar:5.0f} ms {verdict}",
        flush=True,
    )
    return {"what": what, "milliseconds": times, "median": statistics.median(times), "p95": high, "bar": bar}


def measure(page: Page, address: str, records: dict[str, str], times: int) -> list[dict[str, Any]]:
    """Everything, in order."""
    page.goto(address)
    page.wait_for_selector("ol a")
    address = address.partition("?")[0]  # the token has become a cookie
    found = [said("road, first paint", "first paint", [one for one, _ in painted(page, address, "ol a", times)])]
    for name, record in records.items():
        place = f"{address}#/record/{record}/{name}"
        seen = painted(page, place, ".explanation .unit", max(3, times // 4))
        found.append(said(f"{name}, first paint", "first paint", [one for one, _ in seen]))
        found.append(said(f"{name}, its inside is shown", "first paint", [one for _, one in seen]))
        settled(page)
        size, drawing = large(page.context, place, times)
        found.append(said(f"{name}, {size:,} numbers drawn", "drawn", drawing))
        if name != "million":
            found.append(said(f"{name}, click to formula", "click", clicks(page, times)))
    if "lenet" in records:
        page.goto(f"{address}#/system/lenet")
        found.append(said("lenet, stroke to activations", "stroke", strokes(page, 5 * times)))
        page.goto(f"{address}#/projector/exhibit:word2vec/input")
        found.append(said("projector, frame of 10,000 points", "frame", frames(page, 5 * times)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    subjects = ("lenet", "resnet18", "gpt2", "million")
    parser.add_argument("subjects", nargs="*", metavar="subject", help=", ".join(subjects) + "; all, if none is named")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if unknown := set(options.subjects) - set(subjects):
        parser.error(f"{unknown.pop()!r} is not one of {', '.join(subjects)}")
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    server = spawning.Process(target=serve, args=(options.subjects or list(subjects), theirs), daemon=True)
    server.start()
    address, records = ours.recv()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    print(f"{platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1600, "height": 1000}, locale="en-US")
        context.set_default_timeout(PATIENCE)
        context.add_init_script(IN_PAGE)
        found = measure(context.new_page(), address, records, options.times)
        browser.close()
    server.terminate()
    if options.json:
        options.json.write_text(json.dumps({"load": os.getloadavg(), "rows": found}, indent=2))


if __name__ == "__main__":
    main()
