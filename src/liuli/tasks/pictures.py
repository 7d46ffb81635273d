"""A person's own picture, opened whatever it is, and brought into the form that a data set's pictures were made in.

handwriting   MNIST: see `handwriting`
garment       Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017, section 2): edges of the ground's colour trimmed, the
              longer side brought to 28, sharpened, centred, negated, grey
photograph    CIFAR-10: the middle square, 32 × 32, in colour
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.files import replacing, unwritable
from liuli.tasks.handwriting import handwriting, in_frame
from liuli.tasks.maps import NoInkError, bounds
from liuli.tasks.paper import border_colour, distance_to_colour

LARGEST = 120_000_000  # pixels
ENOUGH = 4096  # pixels of the long side: a larger JPEG is decoded to no less than this
SMALLEST = 8  # pixels of the long side
ENLARGED = 10
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


def opened(source: Path | bytes, name: str) -> Image.Image:
    """The first frame of a picture, upright, RGB or RGBA with 8 bits.

    Raises:
        UserError: it cannot be opened.
    """
    data = source if isinstance(source, bytes) else contents(source, name)
    if not data:
        raise UserError(f"{name}: is empty (0 bytes), expected a picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's notes on what it mended
        try:
            picture = Image.open(io.BytesIO(data))
        except UnidentifiedImageError:
            raise UserError(f"{name}: {unknown(data)}") from None
        except Image.DecompressionBombError:
            raise UserError(
                f"{name}: is far too large; make it smaller, {LARGEST // 10**6} megapixels at most"
            ) from None
        except Exception as error:
            raise damaged(name, error) from error
        width, height = picture.size
        if width * height > LARGEST:
            raise UserError(
                f"{name}: has {width:,} × {height:,} pixels, more than {LARGEST // 10**6} megapixels; make it smaller"
            )
        if max(width, height) < SMALLEST:
            raise UserError(
                f"{name}: has {width} × {height} pixels, too few to show anything; expected {SMALLEST} or more"
            )
        try:
            picture.draft("RGB", (ENOUGH, ENOUGH))
            return in_eight_bits(ImageOps.exif_transpose(picture))
        except MemoryError:
            raise UserError(f"{name}: {width:,} × {height:,} pixels do not fit into memory; make it smaller") from None
        except Exception as error:
            raise damaged(name, error) from error


def contents(path: Path, name: str) -> bytes:
    """The bytes of a file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{name}: there is no such file; expected a picture") from None
    except IsADirectoryError:
        raise UserError(f"{name}: is a folder, expected a picture") from None
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror})") from error


def damaged(name: str, error: Exception) -> UserError:
    """One sentence for what Pillow's decoders trip over: they raise errors of every kind."""
    return UserError(
        f"{name}: is damaged or cut short ({str(error).rstrip('.') or type(error).__name__}); save or copy it anew"
    )


def unknown(data: bytes) -> str:
    """What a file is instead of a picture that can be read."""
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "is a HEIC picture, which cannot be read here; save it as JPEG or PNG"
    if data[:256].lstrip().lower().startswith((b"<svg", b"<?xml")):
        return "is a drawing in SVG, which cannot be read here; save it as PNG"
    if data[:5] == b"%PDF-":
        return "is a PDF, expected a picture; save the page as PNG"
    if b"\0" not in data[:1024]:
        return "holds text, expected a picture (PNG, JPEG, GIF, WebP, TIFF, BMP, …)"
    return "is no picture that can be read, expected PNG, JPEG, GIF, WebP, TIFF, BMP, …"


def in_eight_bits(picture: Image.Image) -> Image.Image:
    """RGB, or RGBA where any of it is transparent, whatever the mode."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture).astype(np.float64)
        values = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
        known = [1.0, 255.0, 65535.0] if picture.mode == "F" else [255.0, 65535.0]
        if values.min() < 0 or values.max() > 65535:
            values -= values.min()
            known = [float(values.max())]
        top = next(top for top in known if values.max() <= top)
        picture = Image.fromarray((values * (255 / top)).round().astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("RGB")


def on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent becomes white."""
    if picture.mode == "RGB":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def photograph(picture: Image.Image, size: int) -> Pixels:
    """The middle square in colour, (size, size, 3)."""
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    square = on_white(picture).crop((left, top, left + side, top + side))  # first, or its neighbours blur into it
    return np.array(square.resize((size, size), Image.Resampling.LANCZOS))


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
        Image.fromarray(large.squeeze(2) if large.shape[2] == 1 else large).save(temporary, format="PNG")
    return path


def save_all(shown: Mapping[str, Pixels], folder: Path) -> list[Path]:
    """Save pictures (H, W, C) by name as PNG files in `folder`, made where it is not; each pixel twice as large.

    Raises:
        UserError: the folder may not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return [save_enlarged(pixels, folder / f"{name}.png", 2) for name, pixels in shown.items()]
