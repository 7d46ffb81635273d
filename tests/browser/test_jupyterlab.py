"""The page in a cell of JupyterLab itself, with its own kernel: the same view and numbers, nothing asked abroad."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from liuli.models.vision.lenet import LeNet
from tests.browser.reader import check

CELL = """import torch, liuli
from liuli.models.vision.lenet import LeNet
torch.manual_seed(0)
liuli.show(LeNet().eval(), torch.rand(1, 1, 32, 32))"""
NOTEBOOK = {
    "cells": [{"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": CELL}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR")


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab that keeps everything in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder / "notebooks",
        "IdentityProvider.token": "secret",
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in settings.items()]
    environment = {**os.environ, **{name: str(folder / name) for name in FOLDERS}}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if "is running at" in line:
                break
        try:
            yield f"http://127.0.0.1:{port}/lab/tree/a.ipynb?token=secret"
        finally:
            server.terminate()
            server.stderr.read()  # so that it does not wait for a reader


def ran(page: Page) -> None:
    """Have the cell run: a kernel that has only just begun may lose the first that it is asked."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    for patience in (5_000, 5_000, 5_000, 60_000):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        with suppress(AssertionError):
            expect(cell.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"[*\d]"), timeout=patience)
            return
    raise AssertionError("the cell does not run")


def test_a_cell_shows_the_page_and_every_number_explains_itself(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "a.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    with jupyterlab(tmp_path) as address:
        context = browser.new_context(viewport={"width": 1600, "height": 1000}, locale="en-US")
        page = context.new_page()
        page.set_default_timeout(60_000)
        asked: set[str] = set()
        page.on("request", lambda one: asked.add(urlsplit(one.url).hostname or ""))
        page.goto(address)
        ran(page)
        page.wait_for_selector(".explanation .check", state="attached")
        torch.manual_seed(0)
        scores = LeNet().eval()(torch.rand(1, 1, 32, 32))[0]
        assert check(page) == pytest.approx(float(scores[scores.abs().argmax()]), rel=1e-6)
        heading = page.locator(".explanation h2")
        before = heading.inner_text()
        page.locator(".explanation .line button.operand[data-address^='%']").first.click()
        expect(heading).not_to_have_text(before)
        check(page)
        assert page.locator(".value dl dt").first.evaluate("one => getComputedStyle(one).float") == "none"
        page.locator("form.whatif input").fill("7.5")
        page.locator("form.whatif button.main").click()
        expect(page.get_by_test_id("whatif")).to_contain_text("7.5")
        context.close()
    assert asked <= {"127.0.0.1", ""}
