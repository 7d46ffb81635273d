"""Drawings of what a classifier answered: confusion matrix, gallery of mistakes, calibration, classes.

Each function returns a matplotlib `Figure` that belongs to nobody else: pyplot and its global state are not used.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from liuli.files import made, replacing
from liuli.tasks import measures
from liuli.tasks.examples import Batch
from liuli.tasks.wording import chosen, families, worded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MOST_MISTAKES = 200
COLUMNS = 10
INK, PALE, RIGHT, WRONG, GAP = "#1f2933", "#9aa5b1", "#1f6f78", "#c8553d", "#eec3b8"
DOTS_PER_INCH = 130
LACKING = "missing from font"  # in matplotlib's warning


def classification(scores: Tensor, batch: Batch, classes: Sequence[str], folder: Path) -> list[Path]:
    """Draw all figures into `folder`.

    Args:
        scores: logits (N, K).
        batch: pixels (N, C, H, W), 0 to 255, and labels (N,).
        classes: K names.
        folder: made if it does not exist.

    Returns:
        The PNG files written.

    Raises:
        UserError: the folder may not be written to.
    """
    pixels, labels = batch[0].cpu(), batch[1].cpu()
    scores = scores.detach().double().cpu()
    matrix = measures.confusion(scores.argmax(1), labels, len(classes))
    probabilities = scores.softmax(1)
    drawn = {
        "confusion": confusion(matrix, classes),
        "mistakes": mistakes(pixels, labels, probabilities, classes),
        "calibration": calibration(measures.calibration_bins(probabilities, labels)),
        "classes": per_class(matrix, classes),
    }
    return save(drawn, folder)


def save(drawn: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Write figures as PNG files called by their names into `folder`, which is made where it does not exist.

    Raises:
        UserError: the folder may not be written to.
    """
    made(folder)
    files = []
    for name, figure in drawn.items():
        files.append(folder / f"{name}.png")
        with replacing(files[-1]) as temporary:
            write(figure, temporary)
    return files


def write(figure: Figure, file: Path) -> None:
    """Write a figure as a PNG; where the usual font lacks what is written, Chinese say, by another of this machine."""
    form: dict[str, Any] = {"format": "png", "dpi": DOTS_PER_INCH, "bbox_inches": "tight", "pad_inches": 0.15}
    if chosen.get() != "en":
        widen(figure)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure.savefig(file, **form)
    lacking = [one for one in said if LACKING in str(one.message)]
    for one in said:
        if one not in lacking:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if lacking:
        widen(figure)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", f".*{LACKING}")  # a machine may have no such font
            figure.savefig(file, **form)


def widen(figure: Figure) -> None:
    """Let what the font of a text lacks be written by one that holds Chinese."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontfamily([*text.get_fontfamily(), *families()[1:]])


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure, inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white", layout="constrained")


def confusion(matrix: Tensor, classes: Sequence[str]) -> Figure:
    """Counts (K, K); a cell's colour is its share of its row, right answers in one hue and mistakes in another."""
    counts = matrix.numpy()
    count = len(classes)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = max(4.5, 0.52 * count + 1.2)
    figure = new_figure(side + 0.8, side)
    axes = figure.add_subplot()
    right = np.eye(count, dtype=bool)
    axes.imshow(np.where(right, share, np.nan), cmap=fading(RIGHT), vmin=0, vmax=1)
    wrong = np.where(right, np.nan, share)
    most = max(0.05, float(np.nanmax(wrong, initial=0)))
    axes.imshow(wrong, cmap=fading(WRONG), vmin=0, vmax=most)
    if count <= 30:
        for i, j in np.argwhere(counts > 0):
            strong = share[i, j] / (1 if i == j else most) > 0.6
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", fontsize=8, color="white" if strong else INK)
    long = max(map(len, classes)) > 3
    axes.set_xticks(range(count), classes, rotation=40 if long else 0, ha="right" if long else "center")
    axes.set_yticks(range(count), classes)
    axes.set_xlabel(worded("answer"))
    axes.set_ylabel(worded("true class"))
    hits, total = int(np.trace(counts)), int(counts.sum())
    share_right = hits / max(total, 1)
    entitle(axes, worded("{right:,} of {total:,} right ({share:.2%})", right=hits, total=total, share=share_right))
    axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0, labelsize=9, labelcolor=INK)
    axes.spines[:].set_visible(False)
    return figure


def mistakes(pixels: Tensor, labels: Tensor, probabilities: Tensor, classes: Sequence[str]) -> Figure:
    """Wrong answers, the surest first, at most 200: over each picture the true class and the answer."""
    confidence, answers = probabilities.max(1)
    wrong = surest_mistakes(probabilities, labels)
    shown = wrong[:MOST_MISTAKES]
    if not len(shown):
        return no_mistakes()
    height, width = pixels.shape[-2:]
    columns = min(COLUMNS, max(len(shown), 5))
    rows = -(-len(shown) // columns)
    cell, head = round(width * 1.18), round(height * 1.42)  # a picture with the space around it, in its pixels
    sheet = np.full((rows * head, columns * cell, 3), 255, np.uint8)
    figure = new_figure(columns * 1.15, rows * 1.15 * head / cell + 0.4)
    axes = figure.add_subplot()
    for place, index in enumerate(shown.tolist()):
        left, top = place % columns * cell, place // columns * head + head - height
        sheet[top : top + height, left : left + width] = pixels[index].permute(1, 2, 0).byte().numpy()
        true, answer = shorten(classes[int(labels[index])]), shorten(classes[int(answers[index])])
        sure = f"{answer}  {float(confidence[index]):.0%}"
        axes.text(left, top - 0.17 * height, f"{true} →", fontsize=7, color=INK, va="bottom")
        axes.text(left, top - 0.04 * height, sure, fontsize=7, color=WRONG, weight="bold", va="bottom")
    axes.imshow(sheet, extent=(0, columns * cell, rows * head, 0), interpolation="nearest")
    axes.axis("off")
    counts = {"shown": len(shown), "wrong": len(wrong), "total": len(labels)}
    if len(shown) < len(wrong):
        which = worded("Mistakes: the {shown} surest of {wrong:,} in {total:,} pictures", **counts)
    else:
        which = worded("Mistakes: {wrong:,} in {total:,} pictures", **counts)
    entitle(axes, f"{which}    {worded('true class → answer, its probability')}")
    return figure


def surest_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Indexes of the wrong answers, the surest first."""
    confidence, answers = probabilities.max(1)
    wrong = (answers != labels).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True, stable=True)]


def no_mistakes() -> Figure:
    """What stands where there is nothing to show."""
    figure = new_figure(5, 1.5)
    axes = figure.add_subplot()
    axes.text(0.5, 0.5, worded("No mistakes."), ha="center", va="center", color=INK, fontsize=12)
    axes.axis("off")
    return figure


def calibration(bins: Sequence[measures.Bin]) -> Figure:
    """Reliability diagram: accuracy against confidence in 15 bins, and how many answers each bin holds."""
    figure = new_figure(5, 5.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    width = 1 / len(bins)
    middles = [(one["above"] + one["to"]) / 2 for one in bins]
    filled = [(middle, one) for middle, one in zip(middles, bins, strict=True) if one["count"]]
    top.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--", zorder=4)
    for middle, one in filled:
        low, high = sorted((one["accuracy"], one["confidence"]))
        top.bar(middle, low, 0.92 * width, color=RIGHT, zorder=2)
        top.bar(middle, high - low, 0.92 * width, bottom=low, color=GAP, zorder=2)
        top.hlines(one["accuracy"], one["above"], one["to"], color=INK, linewidth=2, zorder=3)
    top.set_ylabel(worded("accuracy"))
    top.set_ylim(0, 1.005)
    error = measures.calibration_error(bins)
    entitle(top, worded("Calibration error {error:.4f}", error=error))
    top.plot([], [], color=PALE, linestyle="--", label=worded("perfectly calibrated"))
    top.plot([], [], color=INK, linewidth=2, label=worded("accuracy"))
    top.bar(0, 0, color=GAP, label=worded("gap to the mean confidence"))
    top.legend(frameon=False, fontsize=8, loc="upper left", labelcolor=INK)
    bottom.bar(middles, [one["count"] for one in bins], 0.92 * width, color=PALE)
    bottom.set_yscale("symlog", linthresh=1)
    bottom.set_ylim(bottom=0)
    bottom.set_ylabel(worded("answers"))
    bottom.set_xlabel(worded("confidence (probability of the answer)"))
    bottom.set_xlim(0, 1)
    for axes in (top, bottom):
        plain(axes)
    return figure


def per_class(matrix: Tensor, classes: Sequence[str]) -> Figure:
    """Precision, recall and F1 of each class, the hardest class first."""
    precision, recall, f1 = (values.numpy() for values in measures.precision_recall_f1(matrix))
    order = np.argsort(-f1, kind="stable")
    places = np.arange(len(classes))
    figure = new_figure(6, 0.32 * len(classes) + 1.5)
    axes = figure.add_subplot()
    both = np.stack([precision, recall])[:, order]
    axes.hlines(places, both.min(0), both.max(0), color=PALE, linewidth=1.5, zorder=1)
    axes.scatter(precision[order], places, marker=">", s=30, color=RIGHT, label=worded("precision"), zorder=2)
    axes.scatter(recall[order], places, marker="<", s=30, color=WRONG, label=worded("recall"), zorder=2)
    axes.scatter(f1[order], places, marker="|", s=90, color=INK, label="F1", zorder=3)
    axes.set_yticks(places, [classes[i] for i in order])
    low = float(both.min())
    axes.set_xlim(max(0.0, low - 0.1 * (1 - low) - 0.005), 1 + 0.05 * (1 - low) + 0.001)
    entitle(axes, worded("Classes, the hardest at the top"))
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.1), labelcolor=INK)
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.8, zorder=0)
    plain(axes)
    return figure


def sheet(pictures: Tensor, columns: int, title: str) -> Figure:
    """Pictures (N, C, H, W) in [0, 1] in rows of so many."""
    shown = tiled(pictures, columns)
    figure = new_figure(0.62 * columns, 0.62 * columns * shown.shape[0] / shown.shape[1] + 0.35)
    axes = figure.add_subplot()
    axes.imshow(shown.repeat(3, 2) if shown.shape[2] == 1 else shown, interpolation="nearest")
    axes.axis("off")
    entitle(axes, title)
    return figure


def tiled(pictures: Tensor, columns: int) -> NDArray[np.uint8]:
    """Pictures (N, C, H, W) in [0, 1] in rows of so many, with a thin line between: one picture of bytes (…, …, C)."""
    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, channels), 128, np.uint8)
    for place, one in enumerate((pictures.detach() * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()):
        top, left = place // columns * (height + 1), place % columns * (width + 1)
        canvas[top : top + height, left : left + width] = one
    return canvas


def scattered(points: Tensor, labels: Tensor, classes: Sequence[str], title: str) -> Figure:
    """Points (N, 2), each in the colour of its class."""
    figure = new_figure(6.4, 6)
    axes = figure.add_subplot()
    for number, name in enumerate(classes):
        mine = points[labels == number]
        axes.scatter(mine[:, 0], mine[:, 1], s=4, alpha=0.6, linewidths=0, color=f"C{number % 10}", label=name)
    axes.set_aspect("equal")
    axes.legend(frameon=False, fontsize=8, markerscale=3, labelcolor=INK, bbox_to_anchor=(1, 1), loc="upper left")
    entitle(axes, title)
    plain(axes)
    return figure


def fading(colour: str) -> Colormap:
    """A colour map from white to `colour`."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(colour, ["#ffffff", colour])


def entitle(axes: Axes, text: str) -> None:
    """A title, flush left."""
    axes.set_title(text, loc="left", fontsize=10, color=INK, pad=8)


def plain(axes: Axes) -> None:
    """Without the box around it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=8, length=3)
    axes.set_axisbelow(True)


def shorten(name: str, most: int = 13) -> str:
    """A class name that fits over a picture."""
    return name if len(name) <= most else name[: most - 1] + "…"
