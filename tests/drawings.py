"""Digits drawn as a dozen different people would: for testing how a person's own picture is read, never for training.

A *glyph* is a few strokes in the unit square (x right, y down). A *hand* is one person: slant, width,
roundness, shake, favourite variants. A *medium* turns strokes into a picture: mouse, paint program,
scanned or photographed pen.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Points = NDArray[np.float64]  # (P, 2)
Strokes = list[Points]
Generator = np.random.Generator


def line(*points: tuple[float, float]) -> Points:
    """A polyline, its corners kept sharp."""
    ends = np.array(points, dtype=float)
    pieces = [np.linspace(a, b, 24, endpoint=False) for a, b in zip(ends[:-1], ends[1:], strict=True)]
    return np.concatenate([*pieces, ends[-1:]])


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Points:
    """Part of an ellipse; degrees, 0 to the right, growing clockwise."""
    angle = np.radians(np.linspace(start, end, 60))
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1)


def curve(*points: tuple[float, float]) -> Points:
    """A smooth curve through the points (Catmull-Rom)."""
    p = np.array([points[0], *points, points[-1]], dtype=float)
    t = np.linspace(0, 1, 24, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True)
    ]
    return np.concatenate([*pieces, p[-1:]])


def joined(*pieces: Points) -> Points:
    return np.concatenate(pieces)


GLYPHS: dict[int, list[Callable[[], Strokes]]] = {
    0: [
        lambda: [arc(0.5, 0.5, 0.5, 0.5, -90, 275)],
        lambda: [arc(0.5, 0.5, 0.34, 0.5, -100, 262)],
        lambda: [arc(0.5, 0.5, 0.5, 0.45, -60, 292)],
        lambda: [curve((0.6, 0.02), (0.2, 0.1), (0.05, 0.5), (0.25, 0.95), (0.7, 0.92), (0.92, 0.5), (0.7, 0.08), (0.5, 0.0))],
    ],
    1: [
        lambda: [line((0.5, 0), (0.5, 1))],
        lambda: [line((0.58, 0), (0.45, 1))],
        lambda: [line((0.3, 0.22), (0.55, 0), (0.55, 1))],
        lambda: [line((0.22, 0.28), (0.55, 0), (0.55, 1)), line((0.25, 1), (0.85, 1))],
        lambda: [curve((0.3, 0.2), (0.45, 0.1), (0.55, 0.0)), line((0.55, 0), (0.52, 1))],
    ],
    2: [
        lambda: [joined(arc(0.48, 0.28, 0.42, 0.28, -165, 20), line((0.86, 0.4), (0.06, 1), (0.98, 1)))],
        lambda: [curve((0.08, 0.22), (0.45, 0.0), (0.85, 0.25), (0.6, 0.62), (0.1, 0.98), (0.5, 0.93), (0.98, 0.97))],
        lambda: [curve((0.1, 0.2), (0.5, 0.0), (0.85, 0.3), (0.45, 0.78), (0.12, 0.96), (0.06, 0.84), (0.25, 0.78), (0.55, 0.93), (0.98, 0.92))],
        lambda: [line((0.08, 0.04), (0.88, 0.02), (0.06, 0.98), (0.95, 0.98))],
    ],
    3: [
        lambda: [joined(arc(0.42, 0.25, 0.45, 0.25, -150, 85), arc(0.42, 0.74, 0.53, 0.26, -85, 150))],
        lambda: [joined(line((0.08, 0.02), (0.9, 0.02), (0.42, 0.42)), arc(0.42, 0.7, 0.5, 0.29, -80, 145))],
        lambda: [curve((0.1, 0.1), (0.55, 0.0), (0.85, 0.2), (0.65, 0.42), (0.3, 0.48), (0.75, 0.52), (0.95, 0.75), (0.6, 1.0), (0.05, 0.9))],
    ],
    4: [
        lambda: [line((0.2, 0), (0.08, 0.58), (0.95, 0.58)), line((0.72, 0.15), (0.68, 1))],
        lambda: [line((0.7, 1), (0.7, 0), (0.05, 0.68), (1.0, 0.68))],
        lambda: [line((0.72, 0), (0.04, 0.66), (1.0, 0.66)), line((0.72, 0.02), (0.72, 1))],
        lambda: [curve((0.15, 0.0), (0.08, 0.35), (0.2, 0.52), (0.8, 0.5)), line((0.82, 0.0), (0.78, 1))],
    ],
    5: [
        lambda: [joined(line((0.92, 0), (0.22, 0), (0.17, 0.42)), arc(0.42, 0.68, 0.48, 0.31, -125, 140))],
        lambda: [joined(line((0.2, 0.04), (0.16, 0.42)), arc(0.42, 0.68, 0.48, 0.31, -125, 140)), line((0.3, 0.0), (0.95, -0.03))],
        lambda: [joined(line((0.22, 0.06), (0.18, 0.45)), arc(0.42, 0.68, 0.46, 0.31, -125, 150)), line((0.16, 0.02), (0.9, 0.0))],
        lambda: [curve((0.9, 0.02), (0.4, 0.03), (0.25, 0.1), (0.18, 0.4), (0.6, 0.42), (0.9, 0.68), (0.55, 1.0), (0.05, 0.93))],
    ],
    6: [
        lambda: [curve((0.75, 0.0), (0.3, 0.25), (0.08, 0.65), (0.3, 0.97), (0.75, 0.93), (0.9, 0.68), (0.6, 0.52), (0.2, 0.65))],
        lambda: [joined(curve((0.6, 0.0), (0.25, 0.35), (0.08, 0.72)), arc(0.5, 0.72, 0.42, 0.28, 180, -175))],
        lambda: [joined(line((0.3, 0.0), (0.1, 0.68)), arc(0.46, 0.7, 0.37, 0.29, 180, -170))],
    ],
    7: [
        lambda: [line((0.05, 0.02), (0.95, 0.02), (0.38, 1))],
        lambda: [line((0.05, 0.02), (0.95, 0.02), (0.38, 1)), line((0.28, 0.5), (0.88, 0.48))],
        lambda: [line((0.08, 0.18), (0.08, 0.02), (0.92, 0.02), (0.45, 1))],
        lambda: [joined(line((0.05, 0.05), (0.92, 0.0)), curve((0.92, 0.0), (0.62, 0.4), (0.48, 1.0)))],
        lambda: [joined(line((0.05, 0.05), (0.92, 0.0)), curve((0.92, 0.0), (0.62, 0.4), (0.48, 1.0))), line((0.35, 0.48), (0.9, 0.46))],
    ],
    8: [
        lambda: [arc(0.5, 0.25, 0.37, 0.25, 90, 450), arc(0.5, 0.74, 0.47, 0.26, -90, 270)],
        lambda: [curve((0.8, 0.12), (0.5, 0.0), (0.18, 0.2), (0.5, 0.47), (0.9, 0.75), (0.5, 1.0), (0.1, 0.76), (0.5, 0.48), (0.84, 0.2), (0.72, 0.06))],
        lambda: [curve((0.5, 0.47), (0.15, 0.25), (0.5, 0.0), (0.85, 0.25), (0.5, 0.47), (0.08, 0.75), (0.5, 1.0), (0.92, 0.75), (0.5, 0.47))],
    ],
    9: [
        lambda: [joined(arc(0.47, 0.29, 0.4, 0.29, 0, -360), line((0.87, 0.25), (0.82, 1)))],
        lambda: [joined(arc(0.47, 0.29, 0.4, 0.29, -20, -375), curve((0.87, 0.25), (0.85, 0.7), (0.6, 0.97), (0.12, 0.93)))],
        lambda: [joined(arc(0.45, 0.27, 0.38, 0.27, -10, -365), curve((0.84, 0.25), (0.75, 0.65), (0.45, 1.0)))],
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """How one person writes."""

    slant: float
    width: float
    turn: float
    warp: float
    variants: tuple[int, ...]

    @staticmethod
    def of(person: int) -> Hand:
        rng = np.random.default_rng([7, person])
        return Hand(
            slant=rng.uniform(-0.12, 0.32),
            width=rng.uniform(0.5, 0.85),
            turn=rng.uniform(-6, 6),
            warp=rng.uniform(0.01, 0.035),
            variants=tuple(rng.integers(0, 60, 10)),
        )

    def write(self, digit: int, rng: Generator) -> Strokes:
        """Strokes of one digit, about 1 high, around (0, 0)."""
        glyphs = GLYPHS[digit]
        own = self.variants[digit] if rng.random() < 0.6 else rng.integers(60)
        strokes = glyphs[own % len(glyphs)]()
        width = self.width * rng.uniform(0.88, 1.14)
        slant = self.slant + rng.normal(0, 0.05)
        turn = np.radians(self.turn + rng.normal(0, 3))
        rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        bend = rng.normal(0, self.warp, (2, 3, 3))  # a slow wave over the digit
        written = []
        for stroke in strokes:
            p = stroke - 0.5 + rng.normal(0, 0.012, 2)
            waves = np.stack([np.ones(len(p)), np.sin(3 * p[:, 0]), np.cos(4 * p[:, 1])], 1)
            p = p + np.einsum("pi,kij,pj->pk", waves, bend, waves)
            p[:, 0] = p[:, 0] * width - slant * p[:, 1]
            written.append(p @ rotate.T)
        return written


def shaken(stroke: Points, amount: float, rng: Generator) -> Points:
    """A stroke as a mouse makes it: fewer points, each off by a little."""
    step = int(rng.integers(3, 10))
    kept = np.concatenate([stroke[:-1:step], stroke[-1:]])
    return kept + rng.normal(0, amount, kept.shape)


def ink(
    strokes: Strokes, shape: tuple[int, int], thickness: float, smooth: bool, sway: float, rng: Generator
) -> Image.Image:
    """Coverage 0–255 of strokes in pixels; `sway` is how much the width changes along a stroke."""
    scale = (4 if max(shape) < 1000 else 2 if max(shape) < 2000 else 1) if smooth else 1
    canvas = Image.new("L", (shape[0] * scale, shape[1] * scale))
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        phase, pace = rng.uniform(0, 6.3), rng.uniform(0.03, 0.12)
        widths = thickness * scale * (1 + sway * np.sin(phase + pace * np.arange(len(stroke))))
        points = stroke * scale
        for a, b, w in zip(points[:-1], points[1:], widths, strict=False):
            if w <= 1.5:
                draw.line([tuple(a), tuple(b)], fill=255, width=1)
                continue
            draw.line([tuple(a), tuple(b)], fill=255, width=round(w))
            draw.ellipse([b[0] - w / 2, b[1] - w / 2, b[0] + w / 2, b[1] + w / 2], fill=255)
            draw.ellipse([a[0] - w / 2, a[1] - w / 2, a[0] + w / 2, a[1] + w / 2], fill=255)
    return canvas.reduce(scale) if scale > 1 else canvas


def placed(
    strokes: Strokes, shape: tuple[int, int], share: float, rng: Generator, cut: float = 0.0
) -> tuple[Strokes, float]:
    """Strokes scaled so that the digit takes `share` of the canvas, put somewhere in it; and the digit's height."""
    every = np.concatenate(strokes)
    low, high = every.min(0), every.max(0)
    extent = high - low
    size = np.array(shape, float)
    scale = share * float(np.min(size / np.maximum(extent, 0.2)))
    room = np.maximum(size - extent * scale, 0)
    corner = room * rng.uniform(0.1, 0.9, 2)
    if cut:
        side = int(rng.integers(2))
        corner[side] = (
            -cut * extent[side] * scale if rng.random() < 0.5 else size[side] - (1 - cut) * extent[side] * scale
        )
    return [(p - low) * scale + corner for p in strokes], float(scale)


def coloured(coverage: Image.Image, stroke: tuple[int, ...], ground: tuple[int, ...]) -> Image.Image:
    return Image.composite(Image.new("RGB", coverage.size, stroke), Image.new("RGB", coverage.size, ground), coverage)


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue()))


def mouse(strokes: Strokes, rng: Generator) -> Image.Image:
    """A canvas drawn on with a mouse: constant width, shaky, black on white or the reverse."""
    side = int(rng.choice([50, 100, 200, 280, 400, 600, 1000]))
    shape = (side, int(side * rng.choice([1, 1, 1.4, 0.75])))
    strokes = [shaken(s, 0.006, rng) for s in strokes]
    strokes, height = placed(strokes, shape, rng.uniform(0.25, 0.92), rng)
    thickness = max(1.0, min(60.0, height * np.exp(rng.uniform(np.log(0.012), np.log(0.2)))))
    coverage = ink(strokes, shape, thickness, bool(rng.random() < 0.6), 0, rng)
    dark, light = (0, 0, 0), (255, 255, 255)
    return coloured(coverage, dark, light) if rng.random() < 0.6 else coloured(coverage, light, dark)


def paint(strokes: Strokes, rng: Generator) -> Image.Image:
    """A paint program: thick brushes, aliased or not, any colours, sometimes a transparent ground or a palette."""
    side = int(rng.choice([64, 128, 256, 512, 800]))
    shape = (side, int(side * rng.choice([1, 1, 1.5, 0.7])))
    strokes, height = placed([shaken(s, 0.004, rng) for s in strokes], shape, rng.uniform(0.3, 0.9), rng)
    thickness = max(1.0, min(60.0, height * rng.uniform(0.03, 0.2)))
    coverage = ink(strokes, shape, thickness, bool(rng.random() < 0.5), 0, rng)
    while True:
        stroke, ground = rng.integers(0, 256, (2, 3))
        if np.abs(stroke - ground).sum() > 140:
            break
    kind = rng.random()
    if kind < 0.3:
        picture = Image.new("RGBA", shape, (*rng.choice([0, 255], 1).repeat(3).tolist(), 0))
        picture.paste(Image.new("RGBA", shape, (*stroke.tolist(), 255)), mask=coverage)
        if rng.random() < 0.5:  # colour kept, only the alpha is soft
            picture = Image.merge("RGBA", (*Image.new("RGB", shape, tuple(stroke.tolist())).split(), coverage))
        return picture
    picture = coloured(coverage, tuple(stroke.tolist()), tuple(ground.tolist()))
    if kind < 0.45:
        return picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    if kind < 0.6:
        return jpeg(picture, int(rng.integers(30, 90)))
    return picture


def paper(shape: tuple[int, int], rng: Generator, uneven: float) -> NDArray[np.float32]:
    """Light falling on paper: (H, W) in about 0–1, with a gradient, a vignette and sometimes a shadow."""
    w, h = shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = x / w - 0.5, y / h - 0.5
    a, b = rng.normal(0, uneven, 2)
    light = 1 + a * x + b * y - uneven * rng.uniform(0, 1.5) * (x**2 + y**2)
    if rng.random() < uneven * 1.5:
        angle, offset = rng.uniform(0, 6.3), rng.uniform(-0.3, 0.3)
        edge = (np.cos(angle) * x + np.sin(angle) * y - offset) / rng.uniform(0.01, 0.1)
        light *= 1 - rng.uniform(0.15, 0.35) / (1 + np.exp(-np.clip(edge, -30, 30)))
    return light.astype(np.float32)


INKS = [(25, 25, 30), (30, 40, 120), (20, 20, 20), (170, 30, 35), (40, 60, 160), (90, 90, 95), (20, 90, 50)]


def pen(
    strokes: Strokes,
    rng: Generator,
    shape: tuple[int, int],
    share: float,
    uneven: float,
    rules: bool = False,
    cut: float = 0.0,
) -> Image.Image:
    """A pen or pencil on paper, scanned (`uneven` near 0) or photographed."""
    strokes, height = placed(strokes, shape, share, rng, cut)
    thickness = max(1.2, height * rng.uniform(0.025, 0.11))
    coverage = ink(strokes, shape, thickness, True, rng.uniform(0, 0.35), rng)
    coverage = coverage.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.02 * thickness + max(shape) / 1500 + 0.5)))
    cover = np.asarray(coverage, np.float32)[..., None] / 255 * rng.uniform(0.65, 1.0)
    tint = np.array([1, rng.uniform(0.95, 1), rng.uniform(0.85, 1)], np.float32)
    base = rng.uniform(150, 250) * tint * np.ones((shape[1], shape[0], 1), np.float32)
    if rules:
        pitch = height * rng.uniform(0.3, 1.1)
        colour = np.array([(150, 175, 215), (175, 175, 180), (190, 160, 170)][int(rng.integers(3))], np.float32) / 255
        ruling = Image.new("L", shape)
        drawer = ImageDraw.Draw(ruling)
        tilt, thin = rng.normal(0, 0.01), max(1, round(thickness * rng.uniform(0.15, 0.4)))
        for k in np.arange(rng.uniform(0, pitch), shape[1], pitch):
            drawer.line([(0, k), (shape[0], k + tilt * shape[0])], fill=255, width=thin)
        if rng.random() < 0.5:
            for k in np.arange(rng.uniform(0, pitch), shape[0], pitch):
                drawer.line([(k, 0), (k - tilt * shape[1], shape[1])], fill=255, width=thin)
        ruled = np.asarray(ruling.filter(ImageFilter.GaussianBlur(0.6)), np.float32)[..., None] / 255
        base = base * (1 - ruled * (1 - colour))
    stroke = np.array(INKS[int(rng.integers(len(INKS)))], np.float32)
    picture = base * (1 - cover) + np.minimum(stroke, base) * cover
    grain = rng.normal(0, rng.uniform(0.5, 7), (shape[1], shape[0], 1)).astype(np.float32)
    picture = picture * paper(shape, rng, uneven)[..., None] + grain
    for _ in range(int(rng.integers(0, 4))):  # specks
        x, y, r = (
            int(rng.integers(shape[0])),
            int(rng.integers(shape[1])),
            max(1, int(thickness * rng.uniform(0.1, 0.35))),
        )
        picture[max(0, y - r) : y + r, max(0, x - r) : x + r] *= 0.6
    return jpeg(Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)), int(rng.integers(45, 95)))


def scan(strokes: Strokes, rng: Generator) -> Image.Image:
    side = int(rng.choice([120, 300, 600, 1000]))
    return pen(strokes, rng, (side, int(side * rng.uniform(0.8, 1.4))), rng.uniform(0.3, 0.9), 0.03)


def photo(strokes: Strokes, rng: Generator) -> Image.Image:
    side = int(rng.choice([400, 800, 1200, 1600]))
    return pen(strokes, rng, (side, int(side * rng.choice([0.75, 1.33]))), rng.uniform(0.1, 0.95), 0.35)


def large_photo(strokes: Strokes, rng: Generator) -> Image.Image:
    return pen(strokes, rng, (3000, 4000), rng.uniform(0.1, 0.9), 0.35)


def ruled(strokes: Strokes, rng: Generator) -> Image.Image:
    side = int(rng.choice([300, 600, 1200]))
    return pen(
        strokes, rng, (side, int(side * rng.choice([0.75, 1.0, 1.33]))), rng.uniform(0.25, 0.8), 0.12, rules=True
    )


def touching(strokes: Strokes, rng: Generator) -> Image.Image:
    """The digit fills the canvas, or a little of it is cut off."""
    side = int(rng.choice([60, 200, 500]))
    if rng.random() < 0.5:
        return pen(strokes, rng, (side, side), rng.uniform(0.8, 1.0), 0.1, cut=rng.uniform(0.0, 0.07))
    shape = (side, int(side * rng.uniform(0.9, 1.4)))
    strokes, height = placed(strokes, shape, rng.uniform(0.8, 1.0), rng, cut=rng.uniform(0.0, 0.07))
    coverage = ink(strokes, shape, max(1.0, height * rng.uniform(0.03, 0.15)), True, 0, rng)
    return coloured(coverage, (0, 0, 0), (255, 255, 255))


def framed(strokes: Strokes, rng: Generator) -> Image.Image:
    """A line around the canvas, or a sheet of paper lying on a table."""
    inner = mouse(strokes, rng) if rng.random() < 0.5 else scan(strokes, rng)
    inner = inner.convert("RGB")
    w, h = inner.size
    if rng.random() < 0.5:
        ImageDraw.Draw(inner).rectangle([0, 0, w - 1, h - 1], outline=(90, 90, 90), width=max(1, w // 150))
        return inner
    rim = int(w * rng.uniform(0.03, 0.25))
    table = rng.integers(30, 140, 3)
    outer = np.clip(table + rng.normal(0, 4, (h + 2 * rim, w + 2 * rim, 3)), 0, 255).astype(np.uint8)
    outer[rim : rim + h, rim : rim + w] = np.asarray(inner)
    return jpeg(Image.fromarray(outer), 80)


MEDIA: dict[str, Callable[[Strokes, Generator], Image.Image]] = {
    "mouse": mouse,
    "paint": paint,
    "scan": scan,
    "photo": photo,
    "large photo": large_photo,
    "ruled": ruled,
    "touching": touching,
    "framed": framed,
}


def drawing(digit: int, person: int, medium: str, seed: int = 0) -> Image.Image:
    """One picture of `digit` by `person` (0, 1, 2, …) in a medium of `MEDIA`; the same for the same arguments."""
    rng = np.random.default_rng([digit, person, list(MEDIA).index(medium), seed])
    return MEDIA[medium](Hand.of(person).write(digit, rng), rng)
