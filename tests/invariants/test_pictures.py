"""Pictures of garments and photographs in the form of their data, and digits of 8 × 8 in MNIST's."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from liuli.data.dataset import Facts, Split
from liuli.data.store import load
from liuli.tasks.image_classification import ImageClassification
from liuli.tasks.pictures import bring, garment, photograph, small_digits

NAMES = tuple("abcdefghij")


def boot(ground: str, thing: str, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A plain shape, wider than high, not in the middle."""
    picture = Image.new("RGB", size, ground)
    ImageDraw.Draw(picture).polygon([(40, 60), (120, 60), (140, 150), (280, 170), (280, 200), (40, 200)], fill=thing)
    return picture


@pytest.mark.parametrize(("ground", "thing"), [("white", "#404040"), ("#f2f2f2", "brown"), ("black", "#c0c0c0")])
def test_a_garment_fills_the_frame_on_black(ground: str, thing: str) -> None:
    shown = garment(boot(ground, thing))
    rows, columns = np.flatnonzero((shown > 40).any(1)), np.flatnonzero((shown > 40).any(0))
    assert (columns[0], columns[-1]) == (0, 27), "the longer side is 28"
    assert abs(rows[0] - (27 - rows[-1])) <= 1, "centred"
    assert shown[0, 0] == 0
    assert shown[20, 5] > 80


def test_a_garments_shades_are_negated_on_a_light_ground() -> None:
    assert garment(boot("white", "#202020"))[20, 5] > garment(boot("white", "#909090"))[20, 5]


def test_the_middle_of_a_photograph() -> None:
    picture = Image.new("RGB", (300, 100), "red")
    picture.paste("blue", (100, 0, 200, 100))
    shown = photograph(picture, 32)
    assert shown.shape == (32, 32, 3)
    assert (shown[:, 2:-2] == (0, 0, 255)).all()


def test_a_transparent_photograph_lies_on_white() -> None:
    assert (photograph(Image.new("RGBA", (64, 64), (9, 9, 9, 0)), 32) == 255).all()


@pytest.mark.parametrize(("form", "shape"), [("garment", (28, 28, 1)), ("photograph", (32, 32, 3))])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_gets_the_channels_it_takes(form: str, shape: tuple[int, ...], channels: int) -> None:
    facts = Facts("made", "", "", "image", form, shape, NAMES)
    task = ImageClassification(size=32, channels=channels)
    stream = io.BytesIO()
    boot("white", "green").save(stream, "PNG")
    example = task.read(stream.getvalue(), facts, "boot")
    assert bring(stream.getvalue(), facts, "boot").shape == shape
    assert task.inputs(example.batch)[0].shape == (1, channels, 32, 32)
    held, _ = task.tensors(Split(np.zeros((4, *shape), np.uint8), np.arange(4)), facts)
    assert task.inputs((held,))[0].shape == (4, channels, 32, 32)
    assert held.dtype == torch.uint8


@pytest.mark.parametrize(("size", "side"), [(28, 28), (32, 28), (28, 32), (64, 28)])
def test_rim_or_resizing(size: int, side: int) -> None:
    pixels = torch.full((2, 1, side, side), 255, dtype=torch.uint8)
    (shown,) = ImageClassification(size=size, channels=1).inputs((pixels,))
    assert shown.shape == (2, 1, size, size)
    if (size, side) == (32, 28):
        assert shown[:, :, 2:-2, 2:-2].min() == 1
        assert shown.sum() == 2 * 28 * 28, "the rim is dark"
    else:
        torch.testing.assert_close(shown, torch.ones_like(shown))


def test_embedded_digits_come_in_mnists_form() -> None:
    data = load("digits")
    pixels = small_digits(data.test.inputs.astype(np.uint8))[..., 0]
    assert pixels.shape == (len(data.test), 28, 28)
    for digit in pixels:
        rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    mass = pixels / pixels.sum((1, 2), keepdims=True)
    assert np.abs(mass.sum(2) @ np.arange(28) - 14).max() < 1.01
    held, labels = ImageClassification(size=28, channels=1).tensors(data.test, data.facts)
    assert held.shape == (len(data.test), 1, 28, 28)
    assert torch.equal(labels, torch.tensor(data.test.targets))
