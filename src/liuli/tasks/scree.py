"""A drawing of how much of the variance each coordinate keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from liuli.tasks.figures import INK, PALE, RIGHT, entitle, new_figure, plain
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def scree(shares: Tensor) -> Figure:
    """The share of the variance along each coordinate (k,), and all up to it together."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    places = range(1, len(shares) + 1)
    together = shares.cumsum(0)
    axes.bar(places, shares, color=RIGHT, label=worded("of one coordinate"))
    axes.plot(places, together, color=INK, linewidth=1.5, marker=".", markersize=3, label=worded("of all up to it"))
    axes.set_xlabel(worded("coordinate"))
    axes.set_ylabel(worded("share of the variance"))
    axes.set_ylim(0, 1)
    axes.grid(axis="y", color=PALE, alpha=0.4, linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    kept = {"count": len(shares), "share": float(together[-1])}
    entitle(axes, worded("Scree: {count} coordinates keep {share:.1%} of the variance", **kept))
    plain(axes)
    return figure
