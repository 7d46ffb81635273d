"""A person's own digit comes out in MNIST's form, whatever it was drawn with, on and how: told by pixel statistics."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageOps

from liuli.data import opening
from liuli.data.dataset import Facts
from liuli.tasks.handwriting import handwriting
from liuli.tasks.maps import NoInkError, components, distance_to
from liuli.tasks.paper import stroke_thickness
from liuli.tasks.pictures import bring
from tests.drawings import MEDIA, Hand, drawing, ink, line, paper, placed

FACTS = Facts("made", "", "", "image", "handwriting", (28, 28, 1), tuple("0123456789"))
FAST = [medium for medium in MEDIA if medium != "large photo"]
Digit = NDArray[np.uint8]


def coverage(digit: int, person: int = 0, side: int = 240, thickness: float = 12, share: float = 0.7) -> Image.Image:
    """A digit as coverage from 0 to 255 on a square canvas."""
    rng = np.random.default_rng([digit, person])
    strokes, _ = placed(Hand.of(person).write(digit, rng), (side, side), share, rng)
    return ink(strokes, (side, side), thickness, True, 0, rng)


def on(ground: str | tuple[int, ...], stroke: str | tuple[int, ...], cover: Image.Image) -> Image.Image:
    return Image.composite(Image.new("RGB", cover.size, stroke), Image.new("RGB", cover.size, ground), cover)


def apart(one: Digit, other: Digit) -> float:
    """Mean difference of two digits as a share of their ink: 0 the same, about 1 for different digits."""
    return float(np.abs(one.astype(int) - other).sum() / (0.5 * (int(one.sum()) + int(other.sum()))))


def assert_in_form(digit: Digit) -> None:
    assert (digit.shape, digit.dtype) == ((28, 28), np.uint8)
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    assert 18 <= longest <= 20, "a box of 20 by aspect"
    assert digit.max() == 255, "full ink is white"
    mass = digit / digit.sum()
    for axis in (0, 1):
        assert abs(mass.sum(1 - axis) @ np.arange(28) - 14) <= 1.01, "centred by mass"
    assert 1.7 < stroke_thickness((digit / 255).astype(np.float32)) < 4.6, "strokes as thick as MNIST's"


@pytest.mark.parametrize(("digit", "medium"), [(digit, FAST[digit % len(FAST)]) for digit in range(21)])
def test_every_drawing_comes_into_the_form(digit: int, medium: str) -> None:
    picture = drawing(digit % 10, person=digit + 20, medium=medium)
    assert_in_form(handwriting(picture.convert("RGBA" if picture.mode == "RGBA" else "RGB")))


@pytest.mark.parametrize("digit", range(10))
def test_light_on_dark_is_dark_on_light(digit: int) -> None:
    cover = coverage(digit)
    assert apart(handwriting(on("white", "black", cover)), handwriting(on("black", "white", cover))) < 0.01


@pytest.mark.parametrize(
    ("ground", "stroke"),
    [("yellow", "white"), ("lime", "red"), ("#808080", "#9090ff"), ("navy", "purple"), ("#d0b090", "#70757a")],
)
def test_any_colour_on_any_other(ground: str, stroke: str) -> None:
    cover = coverage(4)
    assert apart(handwriting(on(ground, stroke, cover)), handwriting(on("white", "black", cover))) < 0.05


@pytest.mark.parametrize("corner", [(0, 0), (5, 300), (311, 40), (310, 310)])
def test_where_it_stands_does_not_matter(corner: tuple[int, int]) -> None:
    cover = coverage(5, side=190)
    canvas = Image.new("L", (500, 500))
    canvas.paste(cover, corner)
    assert apart(handwriting(on("white", "black", canvas)), handwriting(on("white", "black", cover))) < 0.01


@pytest.mark.parametrize("side", [60, 120, 480, 1500])
def test_how_large_it_is_does_not_matter(side: int) -> None:
    cover = coverage(3, side=240)
    scaled = cover.resize((side, side), Image.Resampling.LANCZOS)
    assert apart(handwriting(on("white", "black", scaled)), handwriting(on("white", "black", cover))) < 0.2


def test_a_thin_line_does_not_vanish_and_a_thick_one_does_not_fill() -> None:
    thicknesses = [
        stroke_thickness((handwriting(on("white", "black", coverage(2, 0, 1000, thickness))) / 255).astype(np.float32))
        for thickness in (1, 4, 16, 60, 110)
    ]
    assert min(thicknesses) > 1.8
    assert max(thicknesses) < 4.2
    hole = 255 - handwriting(on("white", "black", coverage(0, 0, 400, 90)))
    assert components(hole > 128)[1] == 2, "the inside of a thick nought stays open"


def test_a_small_digit_in_a_large_canvas_is_looked_at_closely() -> None:
    cover = coverage(6, side=300)
    canvas = Image.new("L", (3000, 2500))
    canvas.paste(cover, (2500, 1900))
    assert apart(handwriting(on("white", "black", canvas)), handwriting(on("white", "black", cover))) < 0.15


@pytest.mark.parametrize("colour", ["black", "white", "red"])
@pytest.mark.parametrize("behind", ["black", "white"])
def test_strokes_on_a_transparent_ground(colour: str, behind: str) -> None:
    cover = coverage(7)
    picture = Image.composite(
        Image.new("RGBA", cover.size, colour),
        Image.new("RGBA", cover.size, (*ImageColor.getrgb(behind), 0)),
        cover.point(lambda v: 255 * (v > 127)),
    )
    assert apart(handwriting(picture), handwriting(on("white", "black", cover))) < 0.15


def test_a_card_with_round_transparent_corners() -> None:
    cover = coverage(9)
    card = on("white", "black", cover).convert("RGBA")
    alpha = Image.new("L", card.size)
    ImageDraw.Draw(alpha).rounded_rectangle([4, 4, card.width - 5, card.height - 5], 40, fill=255)
    card.putalpha(alpha)
    assert apart(handwriting(card), handwriting(on("white", "black", cover))) < 0.05


def saved(picture: Image.Image, **how: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, **how)  # type: ignore[arg-type]
    return stream.getvalue()


FORMATS: dict[str, Callable[[Image.Image], bytes]] = {
    "PNG": lambda p: saved(p, format="PNG"),
    "grey": lambda p: saved(p.convert("L"), format="PNG"),
    "one bit": lambda p: saved(p.convert("1"), format="PNG"),
    "palette": lambda p: saved(p.convert("P", palette=Image.Palette.ADAPTIVE), format="PNG"),
    "grey and alpha": lambda p: saved(p.convert("LA"), format="PNG"),
    "16 bits": lambda p: saved(Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 257), format="PNG"),
    "12 bits of 16": lambda p: saved(Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 16), format="PNG"),
    "32-bit floats": lambda p: saved(
        Image.fromarray(np.asarray(p.convert("L")).astype(np.float32) / 255), format="TIFF"
    ),
    "CMYK": lambda p: saved(p.convert("CMYK"), format="JPEG", quality=95),
    "JPEG": lambda p: saved(p, format="JPEG", quality=40),
    "GIF of two frames": lambda p: saved(p, format="GIF", save_all=True, append_images=[ImageOps.invert(p)]),
    "TIFF of two pages": lambda p: saved(p, format="TIFF", save_all=True, append_images=[ImageOps.invert(p)]),
    "WebP": lambda p: saved(p, format="WEBP"),
    "BMP": lambda p: saved(p, format="BMP"),
    "PPM": lambda p: saved(p, format="PPM"),
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_of_file(form: str) -> None:
    picture = on("white", "black", coverage(8))
    assert apart(bring(FORMATS[form](picture), FACTS, form)[..., 0], handwriting(picture)) < 0.12


@pytest.mark.parametrize(("tag", "undo"), [(3, 180), (6, 90), (8, 270)])
def test_a_camera_held_sideways(tag: int, undo: int) -> None:
    picture = on("white", "black", coverage(7))
    exif = Image.Exif()
    exif[0x0112] = tag
    turned = picture.rotate(undo, expand=True)
    assert (
        apart(bring(saved(turned, format="PNG", exif=exif.tobytes()), FACTS, "")[..., 0], handwriting(picture)) < 0.01
    )


def test_a_large_jpeg_is_decoded_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "ENOUGH", 400)
    picture = on("white", "black", coverage(5, side=300))
    data = saved(picture.resize((1700, 1700)), format="JPEG")
    assert 400 <= max(opening.opened(data, "").size) <= 800
    assert apart(bring(data, FACTS, "")[..., 0], handwriting(picture)) < 0.15


def test_the_bar_of_a_five_survives_and_specks_do_not() -> None:
    rng = np.random.default_rng(0)
    body = [line((0.3, 0.1), (0.25, 0.45), (0.7, 0.5), (0.75, 0.85), (0.2, 0.95))]
    bar = [line((0.42, 0.0), (0.95, -0.02))]
    strokes, _ = placed([*body, *bar], (300, 300), 0.6, rng)
    whole = on("white", "black", ink(strokes, (300, 300), 14, True, 0, rng))
    without = on("white", "black", ink(strokes[:1], (300, 300), 14, True, 0, rng))
    assert components(np.asarray(whole.convert("L")) < 128)[1] == 2
    assert apart(handwriting(whole), handwriting(without)) > 0.3
    specked = whole.copy()
    for x, y in [(12, 20), (280, 15), (20, 285), (288, 270)]:
        ImageDraw.Draw(specked).ellipse([x, y, x + 5, y + 5], fill="black")
    assert apart(handwriting(specked), handwriting(whole)) < 0.01


def with_frame(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    ImageDraw.Draw(picture).rectangle([2, 2, picture.width - 3, picture.height - 3], outline="#404040", width=3)
    return picture


def on_a_table(picture: Image.Image) -> Image.Image:
    table = Image.new("RGB", (picture.width + 120, picture.height + 90), (70, 50, 35))
    table.paste(picture, (50, 40))
    return table


def on_squared_paper(picture: Image.Image) -> Image.Image:
    squares = Image.new("RGB", picture.size, "white")
    for k in range(15, picture.width, 42):
        ImageDraw.Draw(squares).line([(k, 0), (k + 4, picture.height)], fill="#a0b8e0", width=2)
        ImageDraw.Draw(squares).line([(0, k), (picture.width, k - 4)], fill="#a0b8e0", width=2)
    return Image.fromarray(np.minimum(np.asarray(picture), np.asarray(squares)))


def in_uneven_light(picture: Image.Image) -> Image.Image:
    light = paper(picture.size, np.random.default_rng(2), 0.5)[..., None]
    return Image.fromarray((np.asarray(picture) * light).clip(0, 255).astype(np.uint8))


def in_a_shadow(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture).astype(np.float32)
    pixels[: len(pixels) // 2] *= 0.55
    return Image.fromarray(pixels.astype(np.uint8))


def in_noise(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 12, (picture.height, picture.width, 3))
    return Image.fromarray((np.asarray(picture) * 0.8 + 20 + noise).clip(0, 255).astype(np.uint8))


DISTURBED = [with_frame, on_a_table, on_squared_paper, in_uneven_light, in_a_shadow, in_noise]


@pytest.mark.parametrize("disturb", DISTURBED, ids=lambda function: function.__name__)
@pytest.mark.parametrize("digit", [0, 2, 4, 5, 7])
def test_what_is_not_ink_is_left_out(digit: int, disturb: Callable[[Image.Image], Image.Image]) -> None:
    plain = on(
        "#f4f4f0", "#202028", coverage(digit, side=400, share=0.55, thickness=14).filter(ImageFilter.GaussianBlur(0.7))
    )
    disturbed, expected = handwriting(disturb(plain)), handwriting(plain)
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]  # the centre of mass is rounded
    assert min(apart(np.roll(disturbed, shift, (0, 1)), expected) for shift in shifts) < 0.2


def test_the_bar_of_a_seven_cut_out_closely_is_no_ruling() -> None:
    cover = coverage(7, person=3, side=300)
    cut = on("white", "black", cover).crop(cover.getbbox())
    assert apart(handwriting(cut), handwriting(on("white", "black", cover))) < 0.1


def ruled_under(cover: Image.Image, stroke: str, ruling: str, rows: list[int], tilt: float) -> Image.Image:
    """A digit written on a page with lines that begin at these rows and fall by `tilt`."""
    sheet = Image.new("RGB", cover.size, "white")
    for row in rows:
        ImageDraw.Draw(sheet).line([(0, row), (cover.width, row + tilt * cover.width)], fill=ruling, width=3)
    return Image.composite(Image.new("RGB", cover.size, stroke), sheet, cover)


@pytest.mark.parametrize("tilt", [0.0, 0.02, -0.0275, 0.05])
def test_ruling_is_taken_away_however_it_is_tilted(tilt: float) -> None:
    cover = coverage(6, side=400, thickness=16, share=0.5)
    page = ruled_under(cover, "black", "#7090c0", [60, 140, 220, 300], tilt)
    assert apart(handwriting(page), handwriting(on("white", "black", cover))) < 0.15


def test_a_line_along_the_border_is_ruling_where_another_is_not() -> None:
    cover = coverage(6, side=400, thickness=16, share=0.5)
    page = ruled_under(cover, "#777777", "#909090", [120, 390], 0.0)
    assert apart(handwriting(page), handwriting(on("white", "#777777", cover))) < 0.15


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(8, 90), st.integers(1, 90), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.3, 1.0]))
def test_whatever_is_in_the_picture(width: int, height: int, seed: int, amount: float) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, 3) + np.zeros((height, width, 3))
    pixels = np.where(rng.random((height, width, 1)) < amount, rng.integers(0, 256, pixels.shape), pixels)
    try:
        digit = handwriting(Image.fromarray(pixels.astype(np.uint8)))
    except NoInkError:
        return
    assert digit.shape == (28, 28)
    assert digit.max() == 255


# ------------------------------------------------------------------ the small tools


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_connected_parts_are_those_of_a_flood(height: int, width: int, seed: int) -> None:
    from scipy import ndimage

    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    labels, count = components(mask)
    theirs, expected = ndimage.label(mask, np.ones((3, 3)))
    assert count == expected
    assert len({*zip(labels.ravel().tolist(), theirs.ravel().tolist(), strict=True)}) == count + (not mask.all())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_distances_are_exact_within_reach(height: int, width: int, reach: int, seed: int) -> None:
    from scipy import ndimage

    mask = np.random.default_rng(seed).random((height, width)) < 0.05
    mask[0, 0] = True
    exact = ndimage.distance_transform_edt(~mask)
    near = exact <= reach
    np.testing.assert_allclose(distance_to(mask, reach)[near], exact[near], atol=1e-5)
    assert (distance_to(mask, reach)[~near] > reach).all()


@pytest.mark.parametrize(("width", "slope"), [(2, 0.0), (5, 0.0), (9, 0.3), (14, 1.0), (20, 2.0)])
def test_thickness_of_a_straight_stroke(width: float, slope: float) -> None:
    canvas = Image.new("L", (1200, 1200))
    ends = [(300, 600 - 300 * slope / np.hypot(1, slope)), (900, 600 + 300 * slope / np.hypot(1, slope))]
    ImageDraw.Draw(canvas).line(ends, fill=255, width=round(width * 4))
    ink = np.asarray(canvas.reduce(4), np.float32) / 255
    assert stroke_thickness(ink) == pytest.approx(width, rel=0.2)
