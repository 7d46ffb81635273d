"""Drawings of label maps: classes as colours over pictures, beside the truth; intersection over union by class."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from liuli.tasks.figures import INK, PALE, RIGHT, WRONG, entitle, new_figure, plain
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pixels = NDArray[np.uint8]

ROWS = 6
COLOURS = ("#7ec8f2", "#9c4a3c", "#d9d2b0", "#6b5b95", "#e8a0bf", "#3f8f4f", "#f2c230", "#a8b545", "#1f4e9e", "#ee6c2c",
           "#17becf")  # fmt: skip
"""Of the first classes; further ones go round the circle of hues by the golden section."""
WHITE = np.array([235, 235, 235], np.uint8)
STRENGTH = 0.6  # of the colours over a picture
MOST_NAMED = 40  # classes in a legend


def colours(classes: int) -> Pixels:
    """A colour for each class: (K, 3)."""
    further = (colorsys.hsv_to_rgb(0.618 * place % 1, 0.65, 0.85) for place in range(max(0, classes - len(COLOURS))))
    given = [tuple(bytes.fromhex(one[1:])) for one in COLOURS[:classes]]
    return np.array([*given, *(tuple(round(255 * part) for part in one) for one in further)], np.uint8)


def painted(labels: Pixels, classes: int) -> Pixels:
    """A label map (H, W) in its colours, what is not labelled in a pale grey: (H, W, 3)."""
    return np.concatenate([colours(classes), WHITE[None]])[np.minimum(labels, classes)]


def blended(pixels: Pixels, labels: Pixels, classes: int) -> Pixels:
    """A picture (H, W, 3) under the colours of its label map."""
    mixed = (1 - STRENGTH) * pixels + STRENGTH * painted(labels, classes)
    known = (labels < classes)[..., None]
    return np.where(known, mixed.round(), pixels).astype(np.uint8)


def missed(pixels: Pixels, truth: Pixels, answer: Pixels, classes: int) -> Pixels:
    """A grey, pale picture with wrong pixels in red: (H, W, 3)."""
    grey = (255 - (255 - pixels.mean(2, keepdims=True)) * 0.5).repeat(3, 2)
    wrong = (truth != answer) & (truth < classes)
    red = np.array(tuple(bytes.fromhex(WRONG[1:])))
    return np.where(wrong[..., None], red, grey).astype(np.uint8)


def compared(
    pixels: Tensor, labels: Tensor, answers: Tensor, rows: Tensor, classes: Sequence[str], title: str
) -> Figure:
    """A row a picture: itself, truth, answer, mistakes; below, the colours of the classes.

    Args:
        pixels: uint8 (N, 3, H, W).
        labels: (N, H, W).
        answers: (N, H, W).
        rows: which of the N.
        classes: K names.
        title: of the whole.
    """
    count = len(classes)
    height, width = labels.shape[1:]
    figure = new_figure(9.6, len(rows) * 2.4 * height / width + 1.1)
    grid = figure.subplots(len(rows), 4, squeeze=False)
    for place, (axes_row, row) in enumerate(zip(grid, rows.tolist(), strict=True)):
        picture = pixels[row].permute(1, 2, 0).numpy()
        truth, answer = labels[row].numpy(), answers[row].cpu().numpy()
        known = truth < count
        share = (answer == truth)[known].mean() if known.any() else 0.0
        shown = {
            worded("picture"): picture,
            worded("truth"): blended(picture, truth, count),
            worded("answer"): blended(picture, answer, count),
            worded("mistakes"): missed(picture, truth, answer, count),
        }
        for axes, (what, drawn) in zip(axes_row, shown.items(), strict=True):
            axes.imshow(drawn)
            axes.set_axis_off()
            if place == 0:
                axes.set_title(what, fontsize=9, color=INK)
        last, right = axes_row[3], worded("{share:.0%} right", share=share)
        last.text(0.98, 0.03, right, transform=last.transAxes, ha="right", fontsize=8, color=INK)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK)
    seen = np.unique(np.concatenate([labels[rows].numpy().ravel(), answers[rows].cpu().numpy().ravel()]))
    legend(figure, classes, (int(place) for place in seen if place < count))
    return figure


def overlaid(pixels: Pixels, labels: Pixels, classes: Sequence[str]) -> Figure:
    """A picture (H, W, 3), the same under the colours of its label map, and the colours with the classes' shares."""
    height, width = labels.shape
    side_by_side = height >= width * 0.6
    figure = new_figure(9.6, (4.8 if side_by_side else 19.2) * min(height / width, 2.5) + 1.0)
    grid = figure.subplots(*((1, 2) if side_by_side else (2, 1)))
    for axes, shown in zip(grid, (pixels, blended(pixels, labels, len(classes))), strict=True):
        axes.imshow(shown)
        axes.set_axis_off()
    shares = np.bincount(labels.ravel(), minlength=len(classes)) / labels.size
    order = [int(place) for place in np.argsort(-shares, kind="stable") if shares[place] > 0]
    named = [f"{name} {share:.1%}" for name, share in zip(classes, shares, strict=True)]
    legend(figure, named, order)
    return figure


def legend(figure: Figure, names: Sequence[str], places: Iterable[int]) -> None:
    """The colours of some classes with their names, below everything."""
    from matplotlib.patches import Patch

    tints = colours(len(names)) / 255
    handles = [Patch(facecolor=tints[place], edgecolor=PALE, linewidth=0.5, label=names[place]) for place in places]
    figure.legend(
        handles=handles[:MOST_NAMED], loc="outside lower center", ncols=6, frameon=False, fontsize=9, labelcolor=INK
    )


def by_class(overlaps: Tensor, classes: Sequence[str]) -> Figure:
    """Intersection over union (K,) of each class as a bar, the hardest at the top, and their mean as a line."""
    known = (~overlaps.isnan()).nonzero().flatten()
    order = known[overlaps[known].argsort()].tolist()
    values = [float(overlaps[place]) for place in order]
    figure = new_figure(6, 0.32 * len(order) + 1.2)
    axes = figure.add_subplot()
    places = np.arange(len(order))
    axes.barh(places, values, 0.7, color=RIGHT)
    for place, value in enumerate(values):
        axes.text(value + 0.01, place, f"{value:.2f}", va="center", fontsize=8, color=INK)
    mean = sum(values) / max(1, len(values))
    axes.axvline(mean, color=WRONG, linewidth=1, linestyle="--")
    axes.set_yticks(places, [classes[place] for place in order])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.05)
    entitle(axes, worded("Intersection over union, the hardest class at the top    mean {mean:.3f}", mean=mean))
    plain(axes)
    return figure
