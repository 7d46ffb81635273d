"""Take the pictures of the laboratory that the book shows: every view, as Chromium draws it.

python docs/screenshots.py            all of them
python docs/screenshots.py road       those whose names begin so

The laboratory that is looked at has the exhibits of the package, and one module of its own (`OWN`). No picture
is larger than 150 KB.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).resolve().parent / "pictures" / "lab"
MOST = 150_000  # bytes of a picture
PATIENCE = 60_000  # ms
STEPS = 80  # of learning in the playground
OWN = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(16, 4, 32, batch_first=True).eval(), torch.randn(1, 5, 16)
"""
SEVEN = [(0.28, 0.24), (0.72, 0.24), (0.62, 0.45), (0.52, 0.65), (0.44, 0.82)]  # parts of the paper's width


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        name: of its file.
        place: what stands behind "#/" in the address.
        prepare: brings the page to where it is worth seeing.
        language: of the page, "en" or "zh-TW".
        light: "light" or "dark".
        size: of the window, in pixels.
    """

    name: str
    place: str
    prepare: Callable[[Page], None]
    language: str = "en"
    light: str = "light"
    size: tuple[int, int] = (1280, 800)


def road(page: Page) -> None:
    """All systems, with the lines from one of them lit."""
    page.locator("a[href='#/system/lenet']").dispatch_event("pointerenter")


def draw_seven(page: Page) -> None:
    """With the mouse, on the first canvas of the page."""
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def drawn(page: Page) -> None:
    """A seven, and the answer to it."""
    draw_seven(page)
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")  # the last of the answers, to the whole of the stroke
    page.wait_for_selector("[aria-busy=false] .said strong, .said[aria-busy=false] strong")


def inside(page: Page) -> None:
    """The record of the answer to the seven."""
    drawn(page)
    page.locator("button.inside").click()
    page.wait_for_url("**/#/record/**")
    page.wait_for_selector(".explanation .check", state="attached")
    page.wait_for_load_state("networkidle")


def number_of_a_map(page: Page) -> None:
    """A number of the first convolution: its window, its kernel, their products."""
    inside(page)
    page.get_by_role("treeitem").filter(has_text="c1").first.click()
    page.locator(".explanation .part", has_text="conv2d").wait_for()


def weight(page: Page) -> None:
    """A weight of the first convolution."""
    inside(page)
    page.get_by_role("treeitem").filter(has_text="c1").get_by_role("button").first.click()
    page.get_by_role("treeitem").filter(has_text="weight").first.click()
    page.locator(".explanation h2", has_text="c1.weight").wait_for()


def backward(page: Page) -> None:
    """The gradient of the same weight, and how the optimizer would move it."""
    weight(page)
    page.locator(".explanation").get_by_text("Backward").click()
    page.locator(".explanation .part").first.wait_for()


def what_if(page: Page) -> None:
    """A weight of the first convolution is set to 3: what became of the answer, and of what lies between."""
    weight(page)
    page.locator(".whatif input").fill("3")
    page.locator(".whatif .main").click()
    page.locator(".set").first.wait_for()
    page.locator("[data-part] canvas").first.wait_for()


def played(page: Page) -> None:
    """A network that learns two moons: its boundary after some steps."""
    page.wait_for_selector(".unit data")
    for _ in range(STEPS):
        page.get_by_role("button", name=re.compile("One step|一步")).click()
    page.get_by_text(re.compile(rf"\b{STEPS} (steps|步) ·")).wait_for()
    page.wait_for_selector(".explanation .check", state="attached")


def raced(page: Page) -> None:
    """The optimizers' ways down, to their ends."""
    page.wait_for_selector("canvas")
    page.get_by_label("Step", exact=True).press("End")


def learnt(page: Page) -> None:
    """The curves of a run."""
    page.wait_for_selector("figure svg path")


def own(page: Page) -> None:
    """The module that was opened."""
    page.wait_for_selector("article table")


def judged(page: Page) -> None:
    """Metrics, confusion and mistakes."""
    page.wait_for_selector(".gallery img, figure img, li img")


def projected(page: Page) -> None:
    """The points, drawn."""
    page.wait_for_selector("canvas")
    page.wait_for_load_state("networkidle")


SHOTS = (
    Shot("road", "", road, size=(1440, 1500)),
    Shot("road-zh-dark", "", road, language="zh-TW", light="dark", size=(1440, 1500)),
    Shot("system", "system/lenet", drawn, size=(1440, 1000)),
    Shot("system-zh-phone", "system/lenet", drawn, language="zh-TW", size=(390, 844)),
    Shot("inside", "system/lenet", inside, size=(1440, 900)),
    Shot("inside-convolution", "system/lenet", number_of_a_map, size=(1440, 1000)),
    Shot("inside-backward-dark", "system/lenet", backward, light="dark", size=(1440, 1000)),
    Shot("what-if", "system/lenet", what_if, size=(1440, 1000)),
    Shot("learning", "learning/exhibit:lenet", learnt),
    Shot("learning-zh-dark", "learning/exhibit:gpt", learnt, language="zh-TW", light="dark"),
    Shot("playground", "playground", played, size=(1440, 1000)),
    Shot("playground-zh-phone", "playground", played, language="zh-TW", light="dark", size=(390, 844)),
    Shot("race", "playground/race", raced, size=(1440, 1000)),
    Shot("my-module", "module", own, size=(1280, 480)),
    Shot("judging", "judging/exhibit:lenet", judged, size=(1440, 1000)),
    Shot("judging-zh-phone", "judging/exhibit:lenet", judged, language="zh-TW", light="dark", size=(390, 844)),
    Shot("projector", "projector/exhibit:lenet", projected, size=(1440, 900)),
    Shot("projector-zh-dark", "projector/exhibit:lenet", projected, language="zh-TW", light="dark", size=(1440, 900)),
)


def main(beginnings: list[str]) -> None:
    """Take the pictures whose names begin with one of these, or all."""
    wanted = [shot for shot in SHOTS if not beginnings or shot.name.startswith(tuple(beginnings))]
    PICTURES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, laboratory(Path(folder)) as address, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in wanted:
            picture = small(taken(browser, address, shot))
            (PICTURES / f"{shot.name}.png").write_bytes(picture)
            print(f"{shot.name}.png  {len(picture) / 1000:.0f} KB")
        browser.close()


@contextmanager
def laboratory(folder: Path) -> Iterator[str]:
    """The address of a laboratory at work in `folder`, with the module laid open."""
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    command = [sys.executable, "-m", "liuli", "explain", "own.py:make", "--lab", "--no-open"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def taken(browser: Browser, address: str, shot: Shot) -> bytes:
    """What the window shows: a PNG."""
    width, height = shot.size
    context = browser.new_context(
        locale=shot.language,
        color_scheme=shot.light,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("ol a")
    if shot.place:
        page.goto(f"http://{urlsplit(address).netloc}/#/{shot.place}")
        page.wait_for_selector("main section, main form, main article")
    shot.prepare(page)
    page.wait_for_load_state("networkidle")
    picture = page.screenshot(animations="disabled", caret="hide")
    context.close()
    return picture


def small(picture: bytes) -> bytes:
    """The same in 256 colours, chosen so that none is far from its own, however small its place.

    Raises:
        SystemExit: it is still too large for the repository.
    """
    packed = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        fewer = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE)
        fewer.save(packed, "png", optimize=True)
    if packed.tell() > MOST:
        sys.exit(f"a picture has {packed.tell():,} bytes, at most {MOST:,} are kept; make its window smaller")
    return packed.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
