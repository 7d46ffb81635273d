"""What is not ink in a picture of handwriting: the table and the paper, frames, light and shadow, ruling.

The *contrast* of a pixel is how far its colour is from the ground behind it. The ground of a drawing or a
scan is one colour, the commonest along the border. The ground of a photograph is a surface: what remains
when all that is narrower than a window is wiped out (an *opening*: the smallest in the window, then the
largest), so that light may fall as it likes. Which of these it is, the contrast shows that it gives.

Shapes: pixels are float32 (H, W, 3) from 0 to 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liuli.tasks.maps import Box, Map, Mask, blurred, bounds, components, largest, otsu, resized, shrunk, smallest

COARSE = 128  # long side at which the ground of a photograph is estimated
WINDOWS = (0.5, 0.2, 0.1)  # of the short side: what is wider belongs to the ground
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
SLOPES = np.linspace(-0.08, 0.08, 65)  # at which ruling may run


def border_colour(pixels: Map) -> Map:
    """The commonest colour in a ring along the border, (3,)."""
    height, width, _ = pixels.shape
    ring = max(1, round(0.03 * min(height, width)))
    sides = (pixels[:ring], pixels[-ring:], pixels[:, :ring], pixels[:, -ring:])
    border = np.concatenate([side.reshape(-1, 3) for side in sides])
    codes = (border * 15.99).astype(np.int64) @ np.array([256, 16, 1])
    colour = border[codes == np.bincount(codes).argmax()].mean(0)
    for _ in range(3):  # from the middle of the bin to the middle of the colours around it
        colour = border[np.abs(border - colour).max(1) < 0.08].mean(0)
    return np.asarray(colour, np.float32)


def distance_to_colour(pixels: Map, colour: Map) -> Map:
    """Euclidean, so that ink of any colour stands out from paper of any other."""
    distance: Map = np.sqrt(np.square(pixels - colour).sum(2))
    return distance


# ------------------------------------------------------------------ the sheet that was written on


def sheet(pixels: Map) -> Box | None:
    """The box inside a frame drawn around the picture, or of a sheet that lies on a table; None without either."""
    distance = distance_to_colour(pixels, border_colour(pixels))
    other = distance > 0.4 * otsu(distance)[0]
    return inside_frame(other) or sheet_on_table(other, distance)


def inside_frame(other: Mask) -> Box | None:
    """The box inside lines that run close to the border, along at least three sides."""
    inside, lines = [0, 0, *other.shape], 0
    for side, strip in enumerate((other, other.T, other[::-1], other.T[::-1])):  # from the top, left, bottom, right
        depth = max(2, round(0.06 * len(strip)))
        filled = strip[: depth + 2].mean(1)
        full = np.flatnonzero(filled[:depth] > 0.9)
        if full.size and filled[-1] < 0.7:
            edge = int(full[-1]) + 2
            inside[side] = edge if side < 2 else len(strip) - edge
            lines += 1
    return (inside[0], inside[1], inside[2], inside[3]) if lines >= 3 else None


def sheet_on_table(other: Mask, distance: Map) -> Box | None:
    """The box of one large solid part with sharp edges, of which at least three lie in the picture."""
    labels, _ = components(other)
    solid = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
    top, left, bottom, right = bounds(solid)
    if solid[top:bottom, left:right].mean() < 0.7:
        return None
    rows = solid.sum(1) > (right - left) / 2  # leaves out what JPEG has smeared over the edge
    columns = solid.sum(0) > (bottom - top) / 2
    top, left, bottom, right = bounds(rows[:, None] & columns)
    height, width = bottom - top, right - left
    within = solid[top:bottom, left:right]
    free = (top > 0) + (left > 0) + (bottom < len(solid)) + (right < solid.shape[1])
    if free < 3 or min(height, width) < 12 or within.size < 0.08 * solid.size:
        return None
    step = largest(distance, 2) - smallest(distance, 2)
    down, across = np.arange(top, bottom), np.arange(left, right)
    outline = [
        step[down, left + within.argmax(1)],
        step[down, right - 1 - within[:, ::-1].argmax(1)],
        step[top + within.argmax(0), across],
        step[bottom - 1 - within[::-1].argmax(0), across],
    ]
    if np.median(np.concatenate(outline)) < 0.4 * np.median(distance[solid]):
        return None  # the light falls off slowly: no edge of anything
    inset = max(2, max(height, width) // 40)
    return top + inset, left + inset, bottom - inset, right - inset


# ------------------------------------------------------------------ the ground behind the ink


def contrast_with_ground(pixels: Map) -> Map:
    """How far each pixel is from the ground behind it, (H, W), before the ground where ink stands out best."""
    best = distance_to_colour(pixels, border_colour(pixels))
    fit = fitness(best)
    if fit > 0.9 or is_even(best):
        return best
    surfaces = [contrast_with_surface(pixels, window) for window in WINDOWS]
    for contrast in surfaces:
        if (better := fitness(contrast)) > fit + 0.02:  # a window no narrower than it need be: it must not eat strokes
            best, fit = contrast, better
    return best if fit > 0.65 else max(surfaces, key=quiet)


def fitness(contrast: Map) -> float:
    """How well the contrast parts into ink and ground, from 0 to 1, less for ink along the border: it is shadow."""
    limit, share = otsu(contrast)
    ink = contrast > limit
    return share - 0.5 * float(np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]).mean())


def is_even(contrast: Map) -> bool:
    """Whether the ground has one colour, and no long piece of the border is ink, as where a shadow falls in."""
    limit, _ = otsu(contrast)
    ink = contrast > limit
    around = np.concatenate([ink[0], ink[1:, -1], ink[-1, -2::-1], ink[-2:0:-1, 0]])
    turns = np.flatnonzero(np.diff(np.concatenate([around, around[:1]])))
    run = np.diff(turns, append=turns[:1] + len(around))[around[(turns + 1) % len(around)]].max() if turns.size else 0
    return bool(run < 0.3 * len(around) and np.percentile(contrast[~ink], 60) < 0.06 * contrast[ink].mean())


def quiet(contrast: Map) -> float:
    """How far the ground lies below a little strong ink; for a small digit in much noise."""
    return -float(np.percentile(contrast, 90)) / max(full_contrast(contrast), 1e-6)


def contrast_with_surface(pixels: Map, window: float) -> Map:
    """Contrast with the opening of the picture; `window` is a share of its short side.

    It is a share of the ground's own light, so that ink in the shadow counts as much as ink in the light.
    """
    luminance = pixels @ LUMA
    coarse = shrunk(luminance, COARSE)
    detail = coarse - blurred(coarse, max(coarse.shape) // 8)
    sign = np.float32(-1 if np.mean(detail**3) < 0 else 1)  # few dark strokes pull the third moment below zero
    squares = np.zeros_like(luminance)
    for channel in np.moveaxis(sign * pixels, 2, 0):  # ink is now above the ground
        small = shrunk(channel, COARSE)
        half = max(1, round(min(small.shape) * window / 2))
        ground = resized(largest(smallest(small, half), half), *channel.shape)
        squares += np.square((channel - ground).clip(0) / (np.abs(ground) + np.float32(0.15)))
    contrast = np.sqrt(squares)
    above: Map = (contrast - np.median(contrast)).clip(0)
    return above


def full_contrast(contrast: Map) -> float:
    """The contrast of the strongest ink: the mean of the highest three pixels in ten thousand."""
    count = max(24, contrast.size // 3000)
    return (
        float(np.partition(contrast.ravel(), -count)[-count:].mean())
        if contrast.size > count
        else float(contrast.max())
    )


# ------------------------------------------------------------------ ruled and squared paper


def without_ruling(contrast: Map) -> Map:
    """Lines across the whole picture that are thinner than the strokes, filled in from both their sides."""
    if min(contrast.shape) < 64:  # a small drawing, whose strokes are thin as well
        return contrast
    return without_lines(without_lines(contrast).T).T


def without_lines(contrast: Map) -> Map:
    """Take out lines that run from the left side to the right at one small slope."""
    height, width = contrast.shape
    edges = np.linspace(0, width, min(width, 48) + 1).astype(int)
    cells = np.add.reduceat(contrast, edges[:-1], axis=1) / np.diff(edges)  # (height, up to 48)
    top = full_contrast(contrast)
    dark = cells > 0.12 * top
    thin = max(3, height // 40)
    padded = np.pad(cells, ((thin, thin), (0, 0)))
    ridge = cells - np.maximum(padded[: -2 * thin], padded[2 * thin :]) > 0.12 * top  # and light on both sides
    if ridge.mean() * height < 0.4:
        return contrast
    middles = (edges[:-1] + edges[1:] - width) / 2
    slope, lines = steepest(dark, ridge, middles)
    strength = float(np.median(cells[at_slope(slope, height, middles)][lines])) / top if lines.any() else 0.0
    rim = round(0.08 * height)
    if strength < 0.2 or (strength > 0.55 and not lines[rim:-rim].any()):
        return contrast  # too faint to be taken for ink; or as dark as ink, and the bar of a 7 cut out closely
    changes = np.flatnonzero(np.diff(np.pad(lines, 1).astype(np.int8)))
    margin = 2 + height // 120
    cleaned = contrast.copy()
    columns = np.arange(width)
    drift = np.round(slope * (columns - width / 2)).astype(int)
    for first, last in zip(changes[::2] - margin, changes[1::2] + margin - 1, strict=True):
        above, below = (contrast[(row + drift).clip(0, height - 1), columns] for row in (first, last))
        for row in range(first + 1, last):
            share = (row - first) / (last - first)
            inside = (row + drift >= 0) & (row + drift < height)
            here = (row + drift)[inside], columns[inside]
            cleaned[here] = np.minimum(cleaned[here], ((1 - share) * above + share * below)[inside])
    strokes = np.where(cleaned > 0.3 * top, cleaned, 0)
    thickness = (contrast - cleaned).sum() / top / (width * len(changes) / 2)
    return cleaned if strokes.any() and thickness < 0.6 * stroke_thickness(strokes) else contrast


def steepest(dark: Mask, ridge: Mask, middles: Map) -> tuple[float, Mask]:
    """The slope at which most rows are dark from side to side, and which rows are (a digit may hide the ridge)."""
    best, slope, lines = 0.0, 0.0, np.zeros(len(dark), bool)
    for one in SLOPES:
        at = at_slope(one, len(dark), middles)
        level = dark[at]
        along = level.mean(1)
        ends = level[:, :2].any(1) & level[:, -2:].any(1)
        found = ends & (along > 0.7) & (ridge[at].mean(1) > 0.4)
        if (total := float((along[found] ** 6).sum())) > best:
            best, slope, lines = total, float(one), found
    return slope, lines


def at_slope(slope: float, height: int, middles: Map) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the cells (height, N) of each line of this slope lie: rows (height, N) and columns (N,)."""
    rows = np.arange(height)[:, None] + np.round(slope * middles).astype(int)
    return rows.clip(0, height - 1), np.arange(len(middles))


def stroke_thickness(ink: Map) -> float:
    """Mean thickness of strokes in pixels, t = 2 Σ ink / Σ |∇ink|: twice the area over the length of the outline.

    The coarea formula gives the length of the outline of soft ink too, without a threshold.
    """
    padded = np.pad(ink, 1)
    down = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    right = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    outline = float(np.hypot(down, right).sum())
    return float(2 * ink.sum()) / max(outline, 1e-6)
