"""Drawings of how masked words were named.

Each function makes a matplotlib `Figure` that belongs to nobody else: pyplot and its global state are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from liuli.data.dataset import Facts
from liuli.tasks import pieces
from liuli.tasks.figures import INK, PALE, RIGHT, WRONG, entitle, new_figure, save
from liuli.tasks.passages import NOWHERE
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

READABLE = 20  # pieces of the text whose attention is drawn
SHOWN = 24  # blanks in the table
AROUND = 6  # pieces to either side of a blank
BINS = 10
IDEOGRAPHS = (
    "Noto Sans CJK TC",
    "PingFang TC",
    "Microsoft JhengHei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK SC",
    "SimHei",
)


def answers(output: Tensor, truth: Tensor, words: Tensor, places: Tensor, facts: Facts, folder: Path) -> list[Path]:
    """Accuracy by frequency, and a table of blanks.

    Args:
        output: (N, M + 1, 1 + 2 K), see `MaskedLanguage.respond`.
        truth: what stood at the masked places (N, M), negative where none is.
        words: what was read, blanks among it (N, T).
        places: (N, M).
        facts: with the names of the pieces, and how often each came.
        folder: where to draw.
    """
    asked = places != NOWHERE
    counts = torch.tensor(facts.learnt["counts"])[truth[asked]]
    right = output[:, :-1, 1][asked] == truth[asked]
    drawn = {
        "frequency": by_frequency(counts, right),
        "blanks": blanks(output, truth, words, places, pieces.names(facts.learnt)),
    }
    return save(drawn, folder)


def by_frequency(counts: Tensor, right: Tensor) -> Figure:
    """How many masked pieces are named, in ten groups as large as one another, from the rarest to the most frequent."""
    order = counts.argsort(stable=True)
    groups = [group for group in torch.tensor_split(order, BINS) if len(group)]
    shares = [float(right[group].double().mean()) for group in groups]
    labels = [
        worded("{low:,} to\n{high:,}", low=int(counts[group].min()), high=int(counts[group].max())) for group in groups
    ]
    figure = new_figure(8.0, 3.4)
    axes = figure.add_subplot()
    bars = axes.bar(range(len(groups)), shares, color=RIGHT, width=0.8)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], fontsize=8, color=INK, padding=2)
    axes.set_xticks(range(len(groups)), labels, fontsize=7, color=INK)
    axes.set(ylim=(0, 1.1), ylabel=worded("named right"))
    axes.set_xlabel(worded("times that the piece comes in the training text"))
    axes.spines[["top", "right"]].set_visible(False)
    whole = {"count": len(right), "share": float(right.double().mean())}
    entitle(axes, worded("{count:,} masked pieces, {share:.1%} named right, by their frequency", **whole))
    return figure


def blanks(output: Tensor, truth: Tensor, words: Tensor, places: Tensor, names: Sequence[str]) -> Figure:
    """A table of blanks as they come: what stands around, what stood there, and the three likeliest answers."""
    masked = (words.gather(1, places) == names.index(pieces.BLANK)) & (places != NOWHERE)  # (N, M)
    rows = masked.any(1).nonzero().flatten().tolist()
    rows = rows[:: max(1, len(rows) // SHOWN)][:SHOWN]
    chosen = [(row, int(masked[row].nonzero()[0])) for row in rows]
    figure = new_figure(11.5, 0.24 * len(chosen) + 0.6)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(len(chosen) + 0.2, -0.8))
    fonts = families()
    axes.axis("off")
    for line, (row, column) in enumerate(chosen):
        place, text = int(places[row, column]), words[row].tolist()
        stood, best = int(truth[row, column]), output[row, column, 1:]
        before = pieces.joined([names[one] for one in text[max(0, place - AROUND) : place]])
        after = pieces.joined([names[one] for one in text[place + 1 : place + 1 + AROUND] if one != pieces.PADDING])
        mine = [(names[int(best[k])], float(best[k + len(best) // 2].exp())) for k in range(3)]
        good = int(best[0]) == stood
        style: dict[str, Any] = {"fontsize": 8, "va": "center", "parse_math": False, "family": fonts}
        axes.text(0.3, line, before, ha="right", color=INK, **style)
        axes.text(0.36, line, names[stood], ha="center", color=RIGHT, weight="bold", **style)
        axes.text(0.42, line, after, ha="left", color=INK, **style)
        axes.text(0.73, line, f"{mine[0][0]} {mine[0][1]:.0%}", color=RIGHT if good else WRONG, weight="bold", **style)
        axes.text(0.85, line, ", ".join(f"{name} {share:.0%}" for name, share in mine[1:]), color=PALE, **style)
        axes.axhline(line + 0.5, color=PALE, linewidth=0.2)
    entitle(axes, worded("Some masked pieces, what stood there, and the three likeliest answers"))
    return figure


def looks(maps: Tensor, names: Sequence[str], folder: Path) -> list[Path]:
    """What each piece (a row) looks at (a column): a row of maps for each layer, a map for each head.

    Args:
        maps: (L, h, T, T), each row of a map sums to 1.
        names: T pieces.
        folder: where to draw.
    """
    layers, heads, count = maps.shape[:3]
    fonts = families()
    figure = new_figure(2.3 * heads + 0.9, 2.3 * layers + 0.9)
    for layer in range(layers):
        for head in range(heads):
            axes = figure.add_subplot(layers, heads, layer * heads + head + 1)
            axes.imshow(maps[layer, head].numpy(), cmap="Blues", vmin=0, vmax=float(maps[layer, head].max()))
            below, beside = layer == layers - 1, head == 0
            axes.set_xticks(range(count), names if below else [""] * count, rotation=90, fontsize=5, family=fonts)
            axes.set_yticks(range(count), names if beside else [""] * count, fontsize=5, family=fonts)
            axes.tick_params(length=0, pad=1)
            title = worded("layer {layer}, head {head}", layer=layer + 1, head=head + 1)
            axes.set_title(title, fontsize=7, color=INK, pad=3)
    return save({"attention": figure}, folder)


def families() -> list[str]:
    """Fonts in which any piece can be written, as far as they are here."""
    from matplotlib import font_manager

    here = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(font for font in IDEOGRAPHS if font in here)]
