"""A picture file opened, whatever kind it is and whoever made it; every fault told in a sentence."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from liuli.errors import UserError

LARGEST = 120_000_000  # pixels
ENOUGH = 4096  # pixels of the long side: a larger JPEG is decoded to no less than this
SMALLEST = 8  # pixels of the long side
Pixels = NDArray[np.uint8]


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
            raise unknown(name, data) from None
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


def unknown(name: str, data: bytes) -> UserError:
    """One sentence for a file that is something else than a picture that can be read."""
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return UserError(f"{name}: is a HEIC picture, which cannot be read here; save it as JPEG or PNG")
    if data[:256].lstrip().lower().startswith((b"<svg", b"<?xml")):
        return UserError(f"{name}: is a drawing in SVG, which cannot be read here; save it as PNG")
    if data[:5] == b"%PDF-":
        return UserError(f"{name}: is a PDF, expected a picture; save the page as PNG")
    if b"\0" not in data[:1024]:
        return UserError(f"{name}: holds text, expected a picture (PNG, JPEG, GIF, WebP, TIFF, BMP, …)")
    return UserError(f"{name}: is no picture that can be read, expected PNG, JPEG, GIF, WebP, TIFF, BMP, …")


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
