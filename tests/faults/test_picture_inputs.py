"""What is no picture, or no picture of anything, is refused in one sentence that names it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.tasks.pictures import bring

FORMS = {
    form: Facts("made", "", "", "image", form, shape, tuple("0123456789"))
    for form, shape in {"handwriting": (28, 28, 1), "garment": (28, 28, 1), "photograph": (32, 32, 3)}.items()
}


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form)
    return stream.getvalue()


def noise(side: int = 300) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises any number of pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: "seven, 七\n".encode(), "holds text"),
    "svg": (lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF"),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "HEIC"),
    "archive": (lambda: b"PK\x03\x04" + bytes(100), "is no picture"),
    "truncated PNG": (lambda: encoded(noise())[:5000], "damaged or cut short"),
    "truncated JPEG": (lambda: encoded(noise(), "JPEG")[:5000], "damaged or cut short"),
    "truncated GIF": (lambda: encoded(noise(), "GIF")[:5000], "damaged or cut short"),
    "truncated TIFF": (lambda: encoded(noise(), "TIFF")[:5000], "damaged or cut short"),
    "truncated WebP": (lambda: encoded(noise(), "WEBP")[:5000], "damaged or cut short"),
    "header only": (lambda: encoded(noise())[:12], "no picture|damaged"),
    "wrong checksum": (lambda: encoded(noise()).replace(b"IDAT", b"IDAS"), "no picture|damaged"),
    "one pixel": (lambda: encoded(Image.new("RGB", (1, 1))), "has 1 × 1 pixels, too few"),
    "30,000 × 30,000": (lambda: png_that_claims(30000, 30000), "too large"),
    "13,000 × 13,000": (lambda: png_that_claims(13000, 13000), "13,000 × 13,000 pixels, more than 120 megapixels"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BAD)
def test_refused_in_one_sentence(kind: str, form: str, recwarn: pytest.WarningsRecorder) -> None:
    make, expected = BAD[kind]
    with pytest.raises(UserError, match=expected) as refusal:
        bring(make(), FORMS[form], "mine.png")
    sentence = str(refusal.value)
    assert sentence.startswith("mine.png: ")
    assert "\n" not in sentence
    assert not recwarn.list


@pytest.mark.parametrize("form", ["handwriting", "garment"])
@pytest.mark.parametrize("colour", ["white", "black", "#7f7f7f", "#00000000", "#ff000080"])
def test_nothing_is_drawn(colour: str, form: str) -> None:
    blank = encoded(Image.new("RGBA", (300, 200), colour))
    with pytest.raises(UserError, match="nothing is drawn in it"):
        bring(blank, FORMS[form], "blank.png")


def test_blank_paper_is_blank() -> None:
    grain = np.random.default_rng(0).normal(220, 3, (400, 300, 1)).repeat(3, 2)
    light = np.linspace(0.8, 1, 300)[:, None]
    with pytest.raises(UserError, match="nothing is drawn in it"):
        bring(encoded(Image.fromarray((grain * light).astype(np.uint8))), FORMS["handwriting"], "paper.png")


def test_a_folder_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        bring(tmp_path, FORMS["handwriting"], "here")
    with pytest.raises(UserError, match="there is no such file"):
        bring(tmp_path / "none.png", FORMS["handwriting"], "none.png")


def test_limits_of_pillow_are_left_as_they_were() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(UserError):
        bring(png_that_claims(30000, 30000), FORMS["handwriting"], "")
    assert before == Image.MAX_IMAGE_PIXELS
