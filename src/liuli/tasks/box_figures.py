"""Drawings of boxes: on pictures, beside the truth, and precision against recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from liuli.files import replacing
from liuli.tasks import box_measures, figures
from liuli.tasks.pictures import QUICK
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

COLOURS = ("#e69f00", "#0072b2", "#009e73", "#cc3311", "#aa4499", "#56b4e9", "#882255", "#44aa99")  # told apart by all
PICTURES = 6  # shown beside their truth
LONG = 640  # pixels of the long side of a drawn picture


def detection(
    answers: Tensor,
    pixels: Tensor,
    truth: Tensor,
    sizes: Tensor,
    classes: Sequence[str],
    shown: float,
    folder: Path,
) -> list[Path]:
    """Draw all figures into `folder`.

    Args:
        answers: (N, R, 6): class (−1: none), score, corners in pixels of the pictures.
        pixels: the pictures, stretched, (N, 3, H, W), 0 to 255.
        truth: (N, M, 5): class (−1: none), corners in pixels of the pictures.
        sizes: width and height of the pictures, (N, 2).
        classes: names.
        shown: the least score that is drawn.
    """
    answers, pixels, truth, sizes = (one.cpu() for one in (answers, pixels, truth, sizes))
    drawn = {
        "detections": side_by_side(answers, pixels, truth, sizes, classes, shown),
        "precision-recall": precision_recall(answers, truth, classes),
    }
    return figures.save(drawn, folder)


def side_by_side(
    answers: Tensor, pixels: Tensor, truth: Tensor, sizes: Tensor, classes: Sequence[str], shown: float
) -> Figure:
    """Some pictures: above as they are marked, below as the network marks them."""
    from matplotlib.lines import Line2D

    count = min(PICTURES, len(pixels))
    chosen = np.linspace(0, len(pixels) - 1, count).round().astype(int)
    figure = figures.new_figure(3.2 * count, 5.6)
    for column, place in enumerate(chosen.tolist()):
        marks = [(int(row[0]), "", row[1:]) for row in truth[place].double().tolist() if row[0] >= 0]
        found = [
            (int(row[0]), f"{row[1]:.2f}", row[2:])
            for row in answers[place].double().tolist()
            if row[0] >= 0 and row[1] >= shown
        ]
        titles = worded("truth: {count}", count=len(marks)), worded("found: {count}", count=len(found))
        for line, (title, boxes) in enumerate(zip(titles, (marks, found), strict=True)):
            axes = figure.add_subplot(2, count, 1 + column + line * count)
            axes.imshow(with_boxes(pixels[place], sizes[place], boxes, classes, written=False))
            axes.set_axis_off()
            figures.entitle(axes, title)
    handles = [Line2D([], [], color=colour(number), linewidth=3, label=name) for number, name in enumerate(classes)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(classes), frameon=False)
    return figure


def precision_recall(answers: Tensor, truth: Tensor, classes: Sequence[str]) -> Figure:
    """A curve for each class, at an IoU of 0.5, and the area under it."""
    precision = box_measures.judged(answers, truth, len(classes)).precision[box_measures.HALF]  # (101, C)
    figure = figures.new_figure(5.6, 4.6)
    axes: Axes = figure.add_subplot()
    for number, name in enumerate(classes):
        if (precision[:, number] >= 0).all():
            label = f"{name}  AP {precision[:, number].mean():.3f}"
            axes.plot(box_measures.RECALLS, precision[:, number], color=colour(number), label=label)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.03), xlabel=worded("recall"), ylabel=worded("precision"))
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=min(4, len(classes)), frameon=False)
    figures.entitle(axes, worded("Precision against recall, IoU ≥ 0.5"))
    return figure


def save_drawn(pixels: Tensor, size: Tensor, answer: Tensor, classes: Sequence[str], shown: float, path: Path) -> Path:
    """One picture with its answer (R, 6) drawn on it, as a PNG.

    Raises:
        UserError: the file cannot be written.
    """
    rows = [row for row in answer.double().tolist() if row[0] >= 0 and row[1] >= shown]
    boxes = [(int(row[0]), f"{row[1]:.2f}", row[2:]) for row in rows]
    drawn = with_boxes(pixels, size, boxes, classes, written=True)
    with replacing(path) as temporary:
        Image.fromarray(drawn).save(temporary, format="PNG", compress_level=QUICK)
    return path


def with_boxes(
    pixels: Tensor, size: Tensor, boxes: Sequence[tuple[int, str, list[float]]], classes: Sequence[str], written: bool
) -> NDArray[np.uint8]:
    """A stretched picture (3, H, W) in its own shape again, (h, w, 3), with boxes in the colours of their classes.

    Args:
        boxes: class, what is written after its name, corners in pixels of the picture.
        written: whether anything is written.
    """
    width, height = size.tolist()
    scale = LONG / max(width, height)
    picture = Image.fromarray(pixels.byte().permute(1, 2, 0).numpy())
    picture = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BICUBIC)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for number, note, corners in sorted(boxes, key=lambda box: box[2][1]):
        x1, y1, x2, y2 = (one * scale for one in corners)
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour(number), width=3)
        if written:
            label = f"{classes[number]} {note}"
            place = (x1 + 3, max(0, y1 - 15))
            pen.rectangle(pen.textbbox(place, label, font=font), fill=colour(number))
            pen.text(place, label, fill="white", font=font)
    return np.asarray(picture)


def colour(number: int) -> str:
    """Of a class."""
    return COLOURS[number % len(COLOURS)]


def before_and_after(candidates: Tensor, output: Tensor, kept: float) -> Figure:
    """The boxes of some pictures, all of them and those that are left; both (N, M, 6): corners, score, class."""
    candidates, output = candidates.cpu(), output.cpu()
    count = min(4, len(candidates))
    chosen = np.linspace(0, len(candidates) - 1, count).round().astype(int)
    figure = figures.new_figure(3.2 * count, 5.6)
    for column, place in enumerate(chosen.tolist()):
        before, after = (
            boxes[place][(boxes[place, :, 5] >= 0) & (boxes[place, :, 4] >= least)]
            for boxes, least in ((candidates, 0.0), (output, kept))
        )
        titles = worded("before: {count}", count=len(before)), worded("after: {count}", count=len(after))
        for line, (title, shown) in enumerate(zip(titles, (before, after), strict=True)):
            axes = figure.add_subplot(2, count, 1 + column + line * count)
            axes.imshow(on_paper(shown, candidates[place]))
            axes.set_axis_off()
            figures.entitle(axes, title)
    return figure


def by_threshold(rows: Mapping[float, Mapping[str, object]], chosen: float) -> Figure:
    """Precision, recall and F1 against the threshold, the chosen one marked."""
    figure = figures.new_figure(5.6, 4.2)
    axes: Axes = figure.add_subplot()
    labels = {"precision": worded("precision"), "recall": worded("recall"), "f1": "F1"}
    for (name, label), shade in zip(labels.items(), (COLOURS[1], COLOURS[0], figures.INK), strict=True):
        axes.plot(list(rows), [float(str(row[name])) for row in rows.values()], color=shade, label=label)
    axes.axvline(chosen, color=figures.PALE, linestyle="--", label=worded("chosen: {threshold:.2f}", threshold=chosen))
    axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel=worded("threshold"), ylabel=worded("share"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    figures.entitle(axes, worded("What a threshold keeps"))
    return figure


def save_suppressed(candidates: Tensor, answer: Tensor, kept: float, path: Path) -> Path:
    """Boxes (M, 6) on white: those that are left in the colours of their classes, the others pale, as a PNG.

    Raises:
        UserError: the file cannot be written.
    """
    with replacing(path) as temporary:
        Image.fromarray(on_paper(answer[answer[:, 4] >= kept], candidates, behind=candidates)).save(temporary, "PNG")
    return path


def on_paper(boxes: Tensor, frame: Tensor, behind: Tensor | None = None) -> NDArray[np.uint8]:
    """Boxes (K, 6) drawn on white that holds all of `frame` (M, 6); those `behind` are pale."""
    real = frame[frame[:, 5] >= 0]
    first, last = real[:, :2].amin(0).double(), real[:, 2:4].amax(0).double()
    scale = LONG / max(1e-9, float((last - first).max()))
    width, height = ((last - first) * scale).round().long().clamp(min=1).tolist()
    picture = Image.new("RGB", (width + 9, height + 9), "white")
    pen = ImageDraw.Draw(picture)
    for rows, thick in ((behind, 1), (boxes, 3)):
        for row in [] if rows is None else rows.double():
            corners = ((row[:4] - first.repeat(2)) * scale + 4).tolist()
            pen.rectangle(corners, outline=colour(int(row[5])) if thick > 1 else figures.PALE, width=thick)
    return np.asarray(picture)
