"""Drawings of what a recommender foretold. Shapes: N ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from liuli.tasks.figures import INK, PALE, RIGHT, entitle, new_figure, plain
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGES = (0, 1, 5, 10, 20, 50, 100, 200, 400)  # of the bins of how many ratings an item has


def foretold_and_given(foretold: Tensor, ratings: Tensor) -> Figure:
    """For each rating given, how the ratings foretold (N,) lie."""
    figure = new_figure(6, 4.4)
    axes = figure.add_subplot()
    steps = sorted(set(ratings.tolist()))
    boxes = [foretold[ratings == step].numpy() for step in steps]
    axes.plot([steps[0], steps[-1]], [steps[0], steps[-1]], color=PALE, linewidth=1, linestyle="--")
    apart = min(np.diff(steps), default=1)
    parts = axes.violinplot(boxes, steps, widths=0.7 * apart, showmedians=True, showextrema=False)
    for body in parts["bodies"]:  # type: ignore[attr-defined]
        body.set_facecolor(RIGHT)
        body.set_alpha(0.6)
    parts["cmedians"].set_color(INK)
    axes.set_xlabel(worded("rating given"))
    axes.set_ylabel(worded("rating foretold"))
    entitle(axes, worded("Foretold against given (line: the median; dashed: right)"))
    plain(axes)
    return figure


def error_by_count(errors: Tensor, plain_errors: Tensor, counts: Tensor) -> Figure:
    """RMSE of the network and of the biases alone, by how many ratings the item has in what was learnt from."""
    figure = new_figure(6.4, 4)
    axes = figure.add_subplot()
    place = np.searchsorted(EDGES, counts.numpy(), side="right") - 1
    bins = np.unique(place)
    for name, one, colour in (
        (worded("network"), errors, RIGHT),
        (worded("biases alone"), plain_errors, PALE),
    ):
        axes.plot(
            range(len(bins)),
            [np.sqrt(one.square().numpy()[place == each].mean()) for each in bins],
            marker="o",
            color=colour,
            label=name,
        )
    labels = [f"{EDGES[each]}–{EDGES[each + 1] - 1}" if each + 1 < len(EDGES) else f"{EDGES[each]}–" for each in bins]
    axes.set_xticks(
        range(len(bins)), [f"{label}\n{(place == each).sum():,}" for label, each in zip(labels, bins, strict=True)]
    )
    axes.set_xlabel(worded("ratings of the item learnt from; below, test ratings"))
    axes.set_ylabel(worded("RMSE"))
    axes.legend(frameon=False, labelcolor=INK, fontsize=8)
    entitle(axes, worded("Error by how much is known of the item"))
    plain(axes)
    return figure
