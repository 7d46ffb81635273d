"""A drawing of where a classifier of rows changes its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from liuli.tasks.figures import INK, entitle, new_figure, plain
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINE = 300  # points along each side
RIM = 0.08  # of the picture around the rows


def over_two(
    answers: Callable[[Tensor], Tensor], rows: Tensor, labels: Tensor, classes: Sequence[str], columns: Sequence[str]
) -> Figure:
    """The answer everywhere over two columns, the others at their mean, and the rows as points.

    The two are those in which the means of the classes lie farthest apart, measured by the spread of the rows.

    Args:
        answers: the classes (M,) of points (M, d).
        rows: (N, d), d at least 2.
        labels: (N,).
        classes: K names.
        columns: d names.
    """
    means = torch.stack([rows[labels == label].mean(0) for label in sorted(set(labels.tolist()))])  # (K', d)
    apart = means.var(0, correction=0) / rows.var(0, correction=0).clamp(min=1e-12)  # (d,)
    across, up = sorted(apart.topk(2).indices.tolist())
    low, high = rows.amin(0), rows.amax(0)
    rim = RIM * (high - low).clamp(min=1e-6)
    x, y = (torch.linspace(float((low - rim)[i]), float((high + rim)[i]), FINE) for i in (across, up))
    points = rows.mean(0).repeat(FINE, FINE, 1)  # (FINE, FINE, d)
    points[..., across], points[..., up] = x, y[:, None]
    found = answers(points.flatten(0, 1)).view(FINE, FINE)

    figure = new_figure(6.2, 5.2)
    axes = figure.add_subplot()
    count = len(classes)
    colours = [f"C{number % 10}" for number in range(count)]
    levels = [number - 0.5 for number in range(count + 1)]
    axes.contourf(x, y, found, levels=levels, colors=colours, alpha=0.18)
    for number in range(count - 1):
        axes.contour(x, y, (found > number).float(), levels=[0.5], colors=[INK], linewidths=0.8)
    for number, name in enumerate(classes):
        mine = rows[labels == number]
        axes.scatter(mine[:, across], mine[:, up], s=18, color=colours[number], label=name, edgecolors="white", lw=0.5)
    axes.set_xlabel(columns[across])
    axes.set_ylabel(columns[up])
    if rows.size(1) == 2:
        title = worded("The answer over two columns; points: rows to test")
    else:
        others = rows.size(1) - 2
        title = worded(
            "The answer over two columns, the other {others} columns at their mean; points: rows to test", others=others
        )
    entitle(axes, title)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="best")
    plain(axes)
    return figure
