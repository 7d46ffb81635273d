"""Points in the plane in two or three classes: drawn from a few well-known patterns, placed by hand, or from a CSV.

Shapes: N points; rows (N, 2) float32, labels (N,) int64.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.playground.asking import number

Array = NDArray[Any]
MOST_POINTS = 2_000
WINDOW = 3.0  # what is seen of the plane reaches from −3 to 3 both ways, farther where points lie farther out
FARTHEST = 100.0


@dataclass(frozen=True)
class Points:
    """Points and their classes, the first `learnt` to learn from, the others to test with."""

    rows: Array
    labels: Array
    learnt: int
    classes: int

    @property
    def reach(self) -> float:
        """The plane is looked at from −reach to reach."""
        farthest = float(np.abs(self.rows).max(initial=0.0))
        return WINDOW if farthest <= WINDOW else float(ceil(farthest * 1.05))


def moons(labels: Array, place: Array, random: np.random.Generator) -> Array:
    """Two half circles, one in the arms of the other."""
    angle = pi * place
    up = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], 1)
    rows: Array = 1.4 * np.where(labels[:, None] == 0, up, -up)
    return rows


def circles(labels: Array, place: Array, random: np.random.Generator) -> Array:
    """Rings about one centre."""
    angle = 2 * pi * place
    rows: Array = (0.6 + 0.9 * labels[:, None]) * np.stack([np.cos(angle), np.sin(angle)], 1)
    return rows


def spirals(labels: Array, place: Array, random: np.random.Generator) -> Array:
    """Arms that wind about one another, one and a quarter turns each."""
    angle = 2.5 * pi * np.sqrt(place) + 2 * pi * labels / (labels.max(initial=0) + 1)
    rows: Array = 2.6 * np.sqrt(place)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return rows


def xor(labels: Array, place: Array, random: np.random.Generator) -> Array:
    """Four corners, those across from each other of one class: the exclusive or of the signs of x and y."""
    side = np.where(np.arange(len(labels)) // 2 % 2 == 0, 1.0, -1.0)
    rows: Array = 1.2 * np.stack([side, np.where(labels == 1, -side, side)], 1)
    return rows


def blobs(labels: Array, place: Array, random: np.random.Generator) -> Array:
    """A cloud for each class, about the corners of a regular figure."""
    angle = 2 * pi * labels / (labels.max(initial=0) + 1) + pi / 2 + pi / 4
    spread = random.normal(0, 0.35, (len(labels), 2))
    rows: Array = 1.5 * np.stack([np.cos(angle), np.sin(angle)], 1) + spread
    return rows


@dataclass(frozen=True)
class Pattern:
    """Points by their classes (N,) and by how far along they lie (N,), from 0 to 1."""

    draw: Callable[[Array, Array, np.random.Generator], Array]
    classes: tuple[int, ...] = (2, 3)


PATTERNS = {
    "moons": Pattern(moons, (2,)),
    "circles": Pattern(circles),
    "spirals": Pattern(spirals),
    "xor": Pattern(xor, (2,)),
    "blobs": Pattern(blobs),
}


def drawn(pattern: str, count: int, classes: int, noise: float, test: float, seed: int) -> Points:
    """Points of a pattern, each moved by `noise` times a normal draw both ways; the share `test` is held out.

    Raises:
        UserError: the pattern has not so many classes.
    """
    known = PATTERNS[pattern].classes
    if classes not in known:
        raise UserError(f"{pattern}: {classes} classes were asked for, it has {' or '.join(map(str, known))}")
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes  # (N,)
    number_of = -(-count // classes)
    place = (np.arange(count) // classes + 0.5) / number_of  # (N,), as far along in each class
    rows = PATTERNS[pattern].draw(labels, place, random) + noise * random.standard_normal((count, 2))
    return parted(rows, labels, classes, test, random)


def own(given: Sequence[Any], classes: int, test: float, seed: int) -> Points:
    """Points that a person placed: [[x, y, class], …].

    Raises:
        UserError: one of them is no point, or there are none.
    """
    if not given:
        raise UserError("there are no points yet; place some in the plane")
    rows = np.empty((len(given), 2))
    labels = np.empty(len(given), np.int64)
    for place, one in enumerate(given):
        if not isinstance(one, list) or len(one) != 3:
            raise UserError(f"point {place + 1}: {str(one)[:40]} was sent, expected [x, y, class]")
        name = f"point {place + 1}"
        rows[place] = [number(each, name, -FARTHEST, FARTHEST) for each in one[:2]]
        labels[place] = int(number(one[2], f"{name}, class", 0, classes - 1))
    return parted(rows, labels, classes, test, np.random.default_rng(seed))


def parted(rows: Array, labels: Array, classes: int, test: float, random: np.random.Generator) -> Points:
    """Shuffled, so that the last of them can be held out; at least one is left to learn from."""
    order = random.permutation(len(rows))
    learnt = max(1, len(rows) - int(len(rows) * test))
    return Points(rows[order].astype(np.float32), labels[order].astype(np.int64), learnt, classes)


# A file.


def read_csv(text: str) -> Json:
    """The points of a CSV with the columns x, y, class: {"points": [[x, y, class], …], "names": […], "scaled": …}.

    A first line that names its columns is passed over. Points that lie beyond the window are brought to the mean 0
    and the deviation 1, column by column: "scaled" says by what, null where they were left as they are.

    Raises:
        UserError: it is no such file; the sentence names the line.
    """
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows: list[tuple[float, float]] = []
    labels: list[str] = []
    try:
        lines = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UserError(f"the file is no CSV ({error}); expected lines such as 0.5,-1.2,red") from error
    for line, fields in enumerate(lines, 1):
        fields = [field.strip() for field in fields]
        if not any(fields) or (line == 1 and heading(fields)):
            continue
        rows.append(point(fields, line))
        labels.append(fields[2])
        if len(rows) > MOST_POINTS:
            raise UserError(f"line {line:,}: the file holds more than {MOST_POINTS:,} points; give a part of it")
    names = sorted(set(labels))
    if not 2 <= len(names) <= 3:
        raise UserError(f"the file has {len(names)} classes, expected two or three in its third column")
    array = np.array(rows)
    scaled = None
    if np.abs(array).max() > WINDOW:
        mean, deviation = array.mean(0), array.std(0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        array = (array - mean) / deviation
        scaled = {"mean": mean.tolist(), "deviation": deviation.tolist()}
    points = [[float(x), float(y), names.index(label)] for (x, y), label in zip(array, labels, strict=True)]
    return {"points": points, "names": names, "scaled": scaled}


def heading(fields: list[str]) -> bool:
    """Whether these are the names of columns."""
    return not any(of_text(field) is not None for field in fields[:2])


def point(fields: list[str], line: int) -> tuple[float, float]:
    """The two numbers of a line.

    Raises:
        UserError: it is none of three columns, or they are no numbers.
    """
    if len(fields) != 3 or not fields[2]:
        raise UserError(f"line {line:,}: {len(fields)} columns, expected three: x, y, class")
    found = [of_text(field) for field in fields[:2]]
    for field, value in zip(fields, found, strict=False):
        if value is None or abs(value) > 1e12:
            raise UserError(f"line {line:,}: {field[:40]!r} is no number to place a point by; expected x, y, class")
    return float(found[0] or 0), float(found[1] or 0)


def of_text(field: str) -> float | None:
    """The number that a field holds; None for none."""
    try:
        value = float(field)
    except ValueError:
        return None
    return value if isfinite(value) else None
