"""Loss and metric by epoch, of one run or of several side by side, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from liuli.files import Json, replacing

History = Sequence[Mapping[str, Json]]
FEW = 2
"""Runs whose names have room among their curves."""


def draw(histories: Mapping[str, History], headline: str, path: Path) -> Path:
    """Draw `histories` (the epochs of each run by its name) into a PNG file.

    Each run has one colour; its training part is a thin line, its validation part a thick one.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(10, 4), layout="constrained")
    known = {key for history in histories.values() for row in history for key in row}
    names = [name for name in ("loss", headline) if {f"train_{name}", f"validation_{name}"} & known] or ["loss"]
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for number, (run, history) in enumerate(histories.items()):
            epochs = [row["epoch"] for row in history]
            prefix = f"{run}: " if len(histories) > 1 else ""
            for part, width in (("train", 1.0), ("validation", 2.2)):
                values = [row[f"{part}_{name}"] for row in history if f"{part}_{name}" in row]
                if values:
                    marker = "o" if len(values) == 1 else None
                    colour = f"C{number}" if len(histories) > 1 or part == "validation" else "0.5"
                    axes.plot(epochs, values, color=colour, linewidth=width, marker=marker, label=f"{prefix}{part}")
        axes.set(xlabel="epoch", title=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if len(histories) <= FEW:
            axes.legend(frameon=False)
        low, high = axes.dataLim.intervaly
        if name == "loss" and 0 < 5 * low < high:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
    if len(histories) > FEW:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    return path
