"""Values of more numbers than there are pixels: what their picture shows is computed again in NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Page

LARGE = """
import threading

import torch
from torch import nn

import liuli


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Stacked(Doubled):
    pass


def waves(*shape):
    sides = torch.meshgrid(*(torch.arange(float(side)) for side in shape), indexing="ij")
    return sum(torch.sin(side / (7 + 5 * place)) for place, side in enumerate(sides))


liuli.show(Stacked(), waves(40, 120, 100), lab=True)
print(liuli.show(Doubled(), waves(900, 1100), lab=True), flush=True)
threading.Event().wait()
"""
BLUE_TO_ORANGE = {-1: (12, 58, 118), -0.5: (92, 150, 205), 0: (247, 246, 242), 0.5: (240, 160, 82), 1: (150, 56, 4)}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("large")
    (folder / "large.py").write_text(LARGE, encoding="utf-8")
    environment = {**os.environ, "BROWSER": "true"}  # which opens nothing
    command = [sys.executable, "large.py"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as served:
        assert served.stdout is not None
        yield served.stdout.readline().strip()
        served.terminate()


def waves(*shape: int) -> np.ndarray:
    """The output of the module."""
    return np.asarray(2 * sum(np.sin(side / (7 + 5 * place)) for place, side in enumerate(np.indices(shape))))


def means(numbers: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Of all numbers that each of so many pixels covers, and be it in part."""

    def covered(pixel: int, count: int, pixels: int) -> slice:
        return slice(pixel * count // pixels, -(-(pixel + 1) * count // pixels))

    height, width = numbers.shape
    return np.array(
        [
            [numbers[covered(row, height, rows), covered(column, width, columns)].mean() for column in range(columns)]
            for row in range(rows)
        ]
    )


def colours(numbers: np.ndarray, most: float) -> np.ndarray:
    """Of the scale around zero, in the light."""
    stops = np.array(list(BLUE_TO_ORANGE.values()), float)
    return np.stack([np.interp(numbers / most, list(BLUE_TO_ORANGE), channel) for channel in stops.T], axis=-1)


READ = """canvas => {
  const drawn = document.querySelector(canvas)
  if (!drawn) return null
  const { width, height } = drawn
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  copy.drawImage(drawn, 0, 0)
  const pixels = [...copy.getImageData(0, 0, width, height).data]
  return pixels.some((one) => one > 0) ? [height, width, pixels] : null
}"""


def pixels(page: Page, canvas: str) -> np.ndarray:
    """Red, green and blue, as soon as something has been drawn."""
    height, width, drawn = page.wait_for_function(READ, arg=canvas).json_value()
    return np.array(drawn, float).reshape(height, width, 4)[..., :3]


def test_a_picture_of_a_million_numbers_shows_their_means(enter: Callable[..., Page]) -> None:
    page = enter("module", color_scheme="light", viewport={"width": 1600, "height": 1000})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("article a.go").click()
    drawn = pixels(page, ".value [role=grid] canvas")
    numbers = waves(900, 1100)
    box = page.locator(".value [role=grid] canvas").bounding_box()
    assert box is not None
    assert drawn.shape[:2] == (round(box["height"]), round(box["width"]))
    assert any("/pictures?" in one for one in asked)
    expected = colours(means(numbers, *drawn.shape[:2]), abs(numbers).max())
    assert np.abs(drawn - expected).max() <= 3  # a step of the scale


def test_a_strip_of_many_planes_shows_their_means(enter: Callable[..., Page]) -> None:
    page = enter("module", color_scheme="light", viewport={"width": 1600, "height": 1000})
    page.locator("nav a", has_text="Stacked").click()
    page.get_by_role("heading", name="Stacked", exact=True).wait_for()
    page.locator("article a.go").click()
    drawn = pixels(page, ".value .sheet canvas")
    numbers = waves(40, 120, 100)
    buttons = page.locator(".value .sheet button").evaluate_all(
        """all => all.map((one) => {
          const [box, sheet] = [one, one.parentNode].map((each) => each.getBoundingClientRect())
          return [box.left - sheet.left, box.top - sheet.top, box.width]
        })"""
    )
    assert len(buttons) == 40
    tall = 32
    wide = round(100 * tall / 120)
    for plane, (left, top, width) in enumerate(buttons):
        expected = colours(means(numbers[plane], tall, wide), abs(numbers).max())
        x, y = round(left + (width - wide) / 2), round(top) + 4
        found = drawn[y : y + tall, x : x + wide]
        assert np.abs(found - expected)[2:-2, 2:-2].mean() <= 6, plane  # it may lie half a pixel aside
