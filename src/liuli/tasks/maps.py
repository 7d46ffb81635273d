"""Small tools on pictures as arrays: boxes, sizes, neighbourhoods, thresholds, connected parts, distances.

They are written in NumPy because importing `scipy.ndimage` would take a third of the time in which `liuli predict`
is to answer.

Shapes: a map is float32 (H, W), a mask bool (H, W).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int64]
Box = tuple[int, int, int, int]
"""Top, left, bottom, right; the last two exclusive."""


class NoInkError(Exception):
    """Nothing is drawn: every pixel is alike, or there is nothing but noise."""


def bounds(mask: Mask) -> Box:
    """The smallest box around what is true.

    Raises:
        NoInkError: nothing is.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        raise NoInkError
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def longer_side(box: Box) -> int:
    """Height or width, whichever is more."""
    return max(box[2] - box[0], box[3] - box[1])


def gap(a: Box, b: Box) -> int:
    """Pixels between two boxes, 0 where they overlap."""
    return max(0, a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])


def resized(values: Map, height: int, width: int) -> Map:
    """Stretched; made smaller by means over the pixels that fall into one (a triangular window)."""
    return np.array(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def shrunk(values: Map, longest: int) -> Map:
    """Made smaller, where it is larger, until its longer side is `longest`."""
    scale = longest / max(values.shape)
    return resized(values, *(max(1, round(side * scale)) for side in values.shape)) if scale < 1 else values


def blurred(values: Map, half: int) -> Map:
    """The mean over a square that reaches `half` pixels to each side, the border repeated."""
    span = 2 * half + 1
    for _ in range(2):  # down the columns, then along the rows
        sums = np.cumsum(np.pad(values, ((half + 1, half), (0, 0)), mode="edge"), axis=0, dtype=np.float64)
        values = ((sums[span:] - sums[:-span]) / span).astype(np.float32).T
    return values


def largest(values: Map, half: int) -> Map:
    """The largest in a square that reaches `half` pixels to each side; of windows twice as long at every turn."""
    span = 2 * half + 1
    for _ in range(2):
        run, covered = np.pad(values, ((half, half), (0, 0)), mode="edge"), 1
        while covered < span:
            step = min(covered, span - covered)
            run = np.maximum(run[:-step], run[step:])
            covered += step
        values = run.T
    return values


def smallest(values: Map, half: int) -> Map:
    """The smallest in a square that reaches `half` pixels to each side."""
    return -largest(-values, half)


def grown(mask: Mask, half: int) -> Mask:
    """The mask and what is within `half` pixels of it."""
    return largest(mask.astype(np.float32), half) > 0


def otsu(values: Map) -> tuple[float, float]:
    """The threshold that parts values into two classes, and how well: their share of the variance (Otsu, 1979).

    Raises:
        NoInkError: the values, from 0 to 1, hardly differ from zero.
    """
    top = float(values.max())
    if top < 0.02:
        raise NoInkError
    counts, edges = np.histogram(values, 256, (0, top))
    middles = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts)[:-1] / values.size
    moment = np.cumsum(counts * middles)[:-1] / values.size
    mean = float(counts @ middles) / values.size
    between = np.zeros(len(weight))
    two = (weight > 0) & (weight < 1)
    between[two] = (mean * weight[two] - moment[two]) ** 2 / (weight[two] * (1 - weight[two]))
    best = int(between.argmax())
    variance = float(counts @ (middles - mean) ** 2) / values.size
    return float(edges[1 + best]), float(between[best] / max(variance, 1e-12))


def components(mask: Mask) -> tuple[Labels, int]:
    """Labels 1, 2, … of the connected parts (neighbours also across corners), 0 elsewhere; and how many there are.

    Each row is cut into runs. Runs of neighbouring rows that touch are joined: every run takes the
    smallest number among those it touches, again and again.
    """
    height, width = mask.shape
    line = width + 1  # one column more, so that no run goes on in the next row
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1).ravel()
    start, stop = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    first = np.searchsorted(stop, start - line, side="left")  # of the runs above that reach this one …
    last = np.searchsorted(start, stop - line, side="right")  # … up to the last that begins before it ends
    touching = np.maximum(last - first, 0)
    below = np.repeat(np.arange(len(start)), touching)
    above = np.arange(len(below)) - np.repeat(np.cumsum(touching) - touching - first, touching)
    number = np.arange(len(start))
    while True:
        least = np.minimum(number[below], number[above])
        joined = number.copy()
        np.minimum.at(joined, number[below], least)
        np.minimum.at(joined, number[above], least)
        joined = joined[joined]
        if (joined == number).all():
            break
        number = joined
    names, compact = np.unique(number, return_inverse=True)
    labels = np.zeros(height * line, np.int64)
    np.add.at(labels, start, compact + 1)
    np.subtract.at(labels, stop, compact + 1)
    return np.cumsum(labels).reshape(height, line)[:, :width], len(names)


def distance_to(mask: Mask, reach: int) -> Map:
    """Distance of every pixel to the nearest true one, exact up to `reach` pixels (Felzenszwalb & Huttenlocher, 2012).

    Squared, it is the least over the columns of (squared distance in the column + squared step aside).
    """
    squared = np.where(mask, np.float32(0), np.float32((reach + 1) ** 2))
    for _ in range(2):
        line, squared = squared, squared.copy()
        for step in range(1, reach + 1):
            np.minimum(squared[:-step], line[step:] + np.float32(step**2), out=squared[:-step])
            np.minimum(squared[step:], line[:-step] + np.float32(step**2), out=squared[step:])
        squared = squared.T
    return np.sqrt(squared)
