"""A browser, and a page to open in it. Skipped where there is no Chromium (see skips.md)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from liuli.cli import run
from tests.small_run import seven, small_run

PATIENCE = 60_000  # ms: a busy machine is no fault of the page
expect.set_options(timeout=PATIENCE)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium; name one in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a LeNet about a drawn seven, as the command line makes it."""
    folder = tmp_path_factory.mktemp("lenet")
    made, picture = small_run(folder / "run"), seven(folder / "seven.png")
    assert run(["explain", str(made.folder), str(picture), "--no-open"]) == 0
    return made.folder / "explanations" / "seven.html"


class Watched:
    """A page, and what it did that it must not do."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.faults: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda message: self.faults.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self.asked)
        self.file = file.as_uri()
        self.page.goto(self.file)
        self.page.wait_for_selector(".explanation .check", state="attached")

    def asked(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if url != self.file and not url.startswith(("blob:", "data:")):
            self.faults.append(f"asked for {url}")


@pytest.fixture(params=["en-US", "zh-TW"])
def page(browser: Browser, explained: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page in both languages, which must be left without a fault."""
    context = browser.new_context(locale=request.param, viewport={"width": 1600, "height": 1000})
    watched = Watched(context, explained)
    yield watched.page
    context.close()
    assert watched.faults == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[object]:
    """Open any file; it must be left without a fault."""
    contexts: list[tuple[BrowserContext, Watched]] = []

    def opened(file: Path, **settings: object) -> Page:
        context = browser.new_context(locale="en-US", **settings)  # type: ignore[arg-type]
        contexts.append((context, Watched(context, file)))
        return contexts[-1][1].page

    yield opened
    for context, watched in contexts:
        context.close()
        assert watched.faults == []


@contextmanager
def laboratory(folder: Path) -> Iterator[str]:
    """The address of a laboratory of its own process, which has the runs in `folder`."""
    command = [sys.executable, "-m", "liuli", "lab", "--no-open"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture
def enter(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open the laboratory at the file's own `address`; left without a fault or a request to anywhere else."""
    opened: list[tuple[BrowserContext, list[str]]] = []

    def entered(place: str = "", **settings: object) -> Page:
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1600, "height": 1000}, **settings})  # type: ignore[arg-type]
        faults: list[str] = []
        opened.append((context, faults))
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: faults.extend([message.text] * ("status of 422" not in message.text)))
        page.on("pageerror", lambda error: faults.append(str(error)))
        home = urlsplit(address).netloc
        page.on("request", lambda asked: faults.extend([asked.url] * (not known(asked.url, home))))
        page.goto(address)
        page.wait_for_selector("ol a")
        assert "token" not in page.url
        if place:
            page.goto(f"http://{home}/#/{place}")
        return page

    yield entered
    for context, faults in opened:
        context.close()
        assert faults == []


def known(url: str, home: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.netloc == home
