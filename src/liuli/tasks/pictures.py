"""A person's own picture, opened whatever it is, and brought into the form that a data set's pictures were made in.

handwriting   MNIST: see `handwriting`
garment       Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017, section 2): edges of the ground's colour trimmed, the
              longer side brought to 28, sharpened, centred, negated, grey
photograph    CIFAR-10: the middle square, 32 × 32, in colour
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from liuli.data.dataset import Facts
from liuli.data.opening import on_white, opened, photograph
from liuli.errors import UserError
from liuli.files import made, replacing
from liuli.tasks.handwriting import handwriting, in_frame
from liuli.tasks.maps import NoInkError, bounds
from liuli.tasks.paper import border_colour, distance_to_colour

ENLARGED = 10
QUICK, USUAL = 1, 6  # how hard a PNG is packed: of a photograph, a fifth of the time for a tenth more bytes
Pixels = NDArray[np.uint8]


def bring(source: Path | bytes, facts: Facts, name: str) -> Pixels:
    """The picture in the form of the data, (height, width, channels): 28 × 28 × 1, 28 × 28 × 1, or 32 × 32 × 3.

    Args:
        source: a file, or the bytes of one.
        facts: of the data that the network learnt from; `form` decides.
        name: that messages call it by.

    Raises:
        UserError: it is no picture, damaged, empty, too large or too small, or nothing is drawn on it.
    """
    picture = opened(source, name)
    try:
        if facts.form == "handwriting":
            return handwriting(picture)[..., None]
        if facts.form == "garment":
            return garment(picture)[..., None]
    except NoInkError:
        raise UserError(
            f"{name}: nothing is drawn in it (all of it is one colour, or noise); expected {example_of(facts)}"
        ) from None
    return photograph(picture, facts.shape[0])


def example_of(facts: Facts) -> str:
    """What a picture should show: `one of 0 … 9 on a plain ground`."""
    return f"one of {facts.classes[0]} … {facts.classes[-1]} on a plain ground"


def garment(picture: Image.Image) -> Pixels:
    """A thing on a plain ground as Fashion-MNIST would hold it: (28, 28), on black.

    Raises:
        NoInkError: all of it is the ground.
    """
    picture = on_white(picture)
    picture.thumbnail((512, 512), Image.Resampling.BOX)
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    ground = border_colour(pixels)
    top, left, bottom, right = bounds(distance_to_colour(pixels, ground) > 0.1)  # "within 5 %", and JPEG's noise
    thing = picture.crop((left, top, right, bottom)).convert("L")
    thing.thumbnail((28, 28), Image.Resampling.LANCZOS)
    if max(thing.size) < 28:
        thing = ImageOps.contain(thing, (28, 28), Image.Resampling.BICUBIC)
    grey = np.asarray(thing.filter(ImageFilter.UnsharpMask(radius=1, percent=100, threshold=0)), np.float32)
    behind = 255 * float(ground @ np.array([0.299, 0.587, 0.114], np.float32))
    # Negated on a light ground, so that the ground is 0; on a dark one it is near 0 already.
    shown = (behind - grey) / behind * 255 if behind > 127 else (grey - behind) / (255 - behind) * 255
    frame = np.zeros((28, 28), np.uint8)
    height, width = shown.shape
    y, x = (28 - height) // 2, (28 - width) // 2
    frame[y : y + height, x : x + width] = shown.clip(0, 255).round()
    return frame


def small_digits(pixels: Pixels) -> Pixels:
    """Digits of 8 × 8 counts (N, 8, 8, 1), 0 to 255, in MNIST's form (N, 28, 28, 1), as a person's own picture.

    The counts are means over 4 × 4 black-and-white pixels: enlarged, their edges are made steep again.
    """
    framed = np.zeros((len(pixels), 28, 28, 1), np.uint8)
    for index, digit in enumerate(pixels[..., 0]):
        enlarged = Image.fromarray(digit).resize((40, 40), Image.Resampling.BICUBIC)
        ink = ((np.asarray(enlarged, np.float32) - 64) / 128).clip(0, 1)
        framed[index, ..., 0] = in_frame(ink)
    return framed


def save_enlarged(pixels: Pixels, path: Path, times: int = ENLARGED) -> Path:
    """Save (H, W, C) as a PNG in which every pixel is a square of 10, or of so many times.

    Raises:
        UserError: the file cannot be written.
    """
    large = pixels.repeat(times, 0).repeat(times, 1)
    with replacing(path) as temporary:
        picture = Image.fromarray(large.squeeze(2) if large.shape[2] == 1 else large)
        picture.save(temporary, format="PNG", compress_level=QUICK if large.shape[2] == 3 else USUAL)
    return path


def save_all(shown: Mapping[str, Pixels], folder: Path) -> list[Path]:
    """Save pictures (H, W, C) by name as PNG files in `folder`, made where it is not; each pixel twice as large.

    Raises:
        UserError: the folder may not be written to.
    """
    made(folder)
    return [save_enlarged(pixels, folder / f"{name}.png", 2) for name, pixels in shown.items()]
