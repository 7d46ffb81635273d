"""Drawings of what a language model foretells.

Each function returns a matplotlib `Figure` that belongs to nobody else: pyplot and its global state are not used.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from torch import Tensor

from liuli.tasks.figures import INK, PALE, RIGHT, entitle, new_figure
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, MOST_LINES, LINES_OF_SAMPLE = 96, 40, 16  # characters, lines
POINTS = 9.0  # size of a letter
ADVANCE, LEADING = 0.602, 1.45  # width and height of its place, in sizes; DejaVu Sans Mono
UNSURE = 5.0  # nats, where the darkest colour begins
FONTS = ("DejaVu Sans Mono", "Noto Sans Mono CJK TC", "Noto Sans CJK TC", "PingFang TC", "Microsoft JhengHei")
"""The first comes with matplotlib; the others, where they are installed, have what it has not."""
NO_GLYPH = "□"


def by_place(losses: Tensor) -> Figure:
    """The mean loss at each place of a window, (T,): what it is worth to have seen more."""
    figure = new_figure(6.5, 3.6)
    axes = figure.add_subplot()
    axes.plot(range(1, len(losses) + 1), losses.tolist(), color=RIGHT, linewidth=1.5)
    axes.set_xlabel(worded("place in the window: tokens seen before, and one"), color=INK)
    axes.set_ylabel(worded("loss in nats"), color=INK)
    axes.grid(color=PALE, linewidth=0.3)
    entitle(axes, worded("What it is worth to have seen more"))
    return figure


@cache
def fonts() -> list[str]:
    """Those of FONTS that are here."""
    from matplotlib.font_manager import fontManager

    names = {entry.name for entry in fontManager.ttflist}
    return [name for name in FONTS if name in names]


@cache
def drawable() -> frozenset[int]:
    """The characters that one of these fonts has."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    files = (findfont(FontProperties(family=name)) for name in fonts())
    return frozenset(number for file in files for number in get_font(file).get_charmap())


def legible(text: str) -> str:
    """A text with a box for every character that no font here has."""
    return "".join(one if one == "\n" or ord(one) in drawable() else NO_GLYPH for one in text)


def page(lines: float) -> tuple[Figure, Axes]:
    """An empty figure with room for so many lines, whose axes count characters and lines."""
    figure = new_figure((COLUMNS + 2) * ADVANCE * POINTS / 72, (lines + 3) * LEADING * POINTS / 72)
    axes = figure.add_subplot()
    axes.set(xlim=(0, COLUMNS + 1), ylim=(lines, 0))
    axes.axis("off")
    return figure, axes


def surprise(shown: Sequence[str], losses: Tensor) -> Figure:
    """A text, each token (N,) on a ground as dark as it was unlikely, −log p (N,)."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    marked = [(character, loss) for text, loss in zip(shown, losses.tolist(), strict=True) for character in text]
    lines = list(islice(broken(marked), MOST_LINES))
    figure, axes = page(len(lines))
    shades = colormaps["OrRd"]
    for row, line in enumerate(lines):
        for column, (_, loss) in enumerate(line):
            axes.add_patch(Rectangle((column, row), 1, 1, color=shades(min(loss / UNSURE, 1.0)), linewidth=0))
        for column, (character, _) in enumerate(line):
            seen, colour = ("↵", PALE) if character == "\n" else (legible(character), "black")
            place: dict[str, Any] = {"ha": "center", "va": "center_baseline", "parse_math": False}
            axes.text(column + 0.5, row + 0.5, seen, fontsize=POINTS, family=fonts(), color=colour, **place)
    entitle(axes, worded("What surprised it: from pale, foreseen, to dark, not at all (5 nats: 1 in 150)"))
    return figure


def broken(text: Iterable[tuple[str, float]]) -> Iterator[list[tuple[str, float]]]:
    """Characters in lines, each of which ends with its newline or where the picture does."""
    line: list[tuple[str, float]] = []
    for one in text:
        line.append(one)
        if one[0] == "\n" or len(line) == COLUMNS:
            yield line
            line = []
    if line:
        yield line


def samples(prompt: str, texts: Mapping[str, str]) -> Figure:
    """How a prompt was gone on with, by a word on how it was drawn."""
    blocks = [(name, wrapped(legible(prompt + text))) for name, text in texts.items()]
    height = sum(len(lines) + 2.5 for _, lines in blocks)
    figure, axes = page(height)
    top = 0.5
    for name, lines in blocks:
        axes.text(0, top, name, fontsize=POINTS, weight="bold", color=RIGHT, va="top")
        body = "\n".join(lines)
        style: dict[str, Any] = {"fontsize": POINTS, "family": fonts(), "linespacing": LEADING / 1.164}
        axes.text(0, top + 1.2, body, color=INK, va="top", parse_math=False, **style)
        top += len(lines) + 2.5
    entitle(axes, worded("How it goes on with the first words of the held-out text, more and less boldly"))
    return figure


def wrapped(text: str) -> list[str]:
    """The first lines of a text, none longer than the picture is wide; of empty ones at most one together."""
    lines = re.sub(r"\n{3,}", "\n\n", text).strip("\n").split("\n")
    return [part for line in lines for part in textwrap.wrap(line, COLUMNS) or [""]][:LINES_OF_SAMPLE]
