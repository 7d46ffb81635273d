"""Drawings of what a language model foretells.

Each function returns a matplotlib `Figure` that belongs to nobody else: pyplot and its global state are not used.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from liuli.tasks.figures import INK, PALE, RIGHT, entitle, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS, MOST_LINES = 96, 40  # characters
POINTS = 9.0  # size of a letter
ADVANCE, LEADING = 0.602, 1.45  # width and height of its place, in sizes; DejaVu Sans Mono
SURE, UNSURE = 0.0, 5.0  # nats, the ends of the colours
FONT = "DejaVu Sans Mono"


def by_place(losses: Tensor) -> Figure:
    """The mean loss at each place of a window, (T,): what it is worth to have seen more."""
    figure = new_figure(6.5, 3.6)
    axes = figure.add_subplot()
    axes.plot(range(1, len(losses) + 1), losses.tolist(), color=RIGHT, linewidth=1.5)
    axes.set_xlabel("place in the window: tokens seen before, and one", color=INK)
    axes.set_ylabel("loss in nats", color=INK)
    axes.grid(color=PALE, linewidth=0.3)
    entitle(axes, "What it is worth to have seen more")
    return figure


def surprise(shown: Sequence[str], losses: Tensor) -> Figure:
    """A text, each token (N,) on a ground as dark as it was unlikely, −log p (N,)."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    lines: list[list[tuple[str, float]]] = [[]]
    for text, loss in zip(shown, losses.tolist(), strict=True):
        for character in text:
            if character == "\n" or len(lines[-1]) == COLUMNS:
                if len(lines) == MOST_LINES:
                    break
                lines.append([])
            lines[-1].append(("↵" if character == "\n" else character, loss))
            if character == "\n":
                lines[-2].append(lines[-1].pop())
    figure = new_figure((COLUMNS + 2) * ADVANCE * POINTS / 72, (len(lines) + 4) * LEADING * POINTS / 72)
    axes = figure.add_axes((0.01, 0.0, 0.98, 0.93))
    axes.set(xlim=(0, COLUMNS + 1), ylim=(len(lines), 0))
    axes.axis("off")
    scale = ScalarMappable(Normalize(SURE, UNSURE), colormaps["OrRd"])
    for row, line in enumerate(lines):
        for column, (_, loss) in enumerate(line):
            axes.add_patch(Rectangle((column, row), 1, 1, color=scale.to_rgba(loss), linewidth=0))
        for column, (character, _) in enumerate(line):
            axes.text(
                column + 0.5,
                row + 0.5,
                character,
                fontsize=POINTS,
                family=FONT,
                color=PALE if character == "↵" else "black",
                ha="center",
                va="center_baseline",
                parse_math=False,
            )
    entitle(axes, "What surprised it: from pale, foreseen, to dark, not at all (5 nats: 1 in 150)")
    return figure


def samples(prompt: str, texts: Mapping[str, str]) -> Figure:
    """How a prompt was gone on with, by a word on how it was drawn."""
    blocks = [(name, wrapped(prompt + text)) for name, text in texts.items()]
    height = sum(len(lines) + 2.5 for _, lines in blocks)
    figure = new_figure((COLUMNS + 2) * ADVANCE * POINTS / 72, (height + 3) * LEADING * POINTS / 72)
    axes = figure.add_axes((0.01, 0.0, 0.98, 0.93))
    axes.set(xlim=(0, COLUMNS + 1), ylim=(height, 0))
    axes.axis("off")
    top = 0.5
    for name, lines in blocks:
        axes.text(0, top, name, fontsize=POINTS, weight="bold", color=RIGHT, va="top")
        body = "\n".join(lines)
        style = {"fontsize": POINTS, "family": FONT, "linespacing": LEADING / 1.164}
        axes.text(0, top + 1.2, body, color=INK, va="top", parse_math=False, **style)
        top += len(lines) + 2.5
    entitle(axes, f"Gone on with: {textwrap.shorten(prompt, 60, placeholder=' …')}")
    return figure


def wrapped(text: str) -> list[str]:
    """The lines of a text, none longer than the picture is wide."""
    return [part for line in text.split("\n") for part in textwrap.wrap(line, COLUMNS) or [""]][:MOST_LINES]
