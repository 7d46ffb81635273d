"""Drawings of translations: how good they are by length, some beside the right ones, and what each word looked at.

Each function returns a matplotlib `Figure` that belongs to nobody else: pyplot and its global state are not used.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.errors import from_extra
from liuli.tasks.figures import INK, PALE, RIGHT, WRONG, entitle, new_figure, plain
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 6
SHOWN = 4  # translations of each sort
WIDTH = 105  # characters of a line
LINE = 0.17  # inches
ALIGNED = 4
SHORTEST, LONGEST = 8, 15  # words of a sentence whose alignment is easily seen
CELL = 0.3  # inches of a word in it
Aligned = tuple[Sequence[str], Sequence[str], Tensor]


def by_length(source: Sequence[str], right: Sequence[str], answers: Sequence[str]) -> Figure:
    """BLEU of the sentences in groups of like length, of as many each."""
    with from_extra("language"):
        from sacrebleu import BLEU

    words = np.array([len(one.split()) for one in source])
    groups = []
    for mine in np.array_split(np.argsort(words, kind="stable"), min(BINS, len(words))):
        score = BLEU().corpus_score([answers[i] for i in mine.tolist()], [[right[i] for i in mine.tolist()]]).score
        low, high = words[mine].min(), words[mine].max()
        groups.append((f"{low}–{high}" if low < high else f"{low}", score))
    whole = BLEU().corpus_score(list(answers), [list(right)]).score
    figure = new_figure(6, 3.4)
    axes = figure.add_subplot()
    axes.axhline(whole, color=PALE, linewidth=1, linestyle="--", zorder=1)
    for place, (_, score) in enumerate(groups):
        axes.bar(place, score, 0.7, color=RIGHT, zorder=2)
        axes.text(place, score, f"{score:.1f}", ha="center", va="bottom", fontsize=8, color=INK)
    axes.set_xticks(range(len(groups)), [name for name, _ in groups])
    each = len(source) // max(len(groups), 1)
    axes.set_xlabel(worded("words of the sentence (a group has {count:,} sentences)", count=each))
    axes.set_ylabel(worded("BLEU"))
    entitle(axes, worded("BLEU by length (dashed: {whole:.1f} over all)", whole=whole))
    plain(axes)
    return figure


def chrf(right: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
    """How much of each right translation's character sequences the network's has, and the reverse: (N,), 0 to 100."""
    with from_extra("language"):
        from sacrebleu import CHRF

    judge = CHRF()
    return np.array([judge.sentence_score(one, [other]).score for one, other in zip(answers, right, strict=True)])


def examples(source: Sequence[str], right: Sequence[str], answers: Sequence[str], languages: Sequence[str]) -> Figure:
    """The best, middling and worst translations by their chrF: the sentence, the right translation, the network's."""
    scores = chrf(right, answers)
    order = np.argsort(-scores, kind="stable")
    middle = max(0, len(order) // 2 - SHOWN // 2)
    sorts = {
        worded("best"): order[:SHOWN],
        worded("middling"): order[middle : middle + SHOWN],
        worded("worst"): order[::-1][:SHOWN],
    }
    rows: list[tuple[str, str, str, str]] = []  # what stands left, the text, its colour and weight
    for sort, places in sorts.items():
        for place in places.tolist():
            rows.append((f"{sort}  {scores[place]:.0f}", source[place], INK, "normal"))
            rows.append((languages[1], right[place], RIGHT, "normal"))
            rows.append((worded("answer"), answers[place] or worded("(nothing)"), WRONG, "bold"))
    blocks = [textwrap.wrap(text, WIDTH) or [""] for _, text, _, _ in rows]
    total = sum(map(len, blocks)) + 0.8 * len(rows) / 3 + 0.6
    figure = new_figure(10.5, LINE * total + 0.5)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(total, 0))
    axes.axis("off")
    top = 0.8
    for number, ((left, _, colour, weight), block) in enumerate(zip(rows, blocks, strict=True)):
        axes.text(0, top, left, fontsize=8, color=INK if number % 3 == 0 else PALE, va="center")
        for line in block:
            axes.text(0.11, top, line, fontsize=8, color=colour, weight=weight, va="center", parse_math=False)
            top += 1
        if number % 3 == 2:
            axes.axhline(top - 0.2, color=PALE, linewidth=0.3)
            top += 0.8
    told = {"source": languages[0], "target": languages[1], "count": len(answers)}
    entitle(axes, worded("{source} → {target}: translations by their chrF, out of {count:,}", **told))
    return figure


def chosen(lengths: Tensor) -> Tensor:
    """Indexes of some sentences of easily seen length, spread over the part; of any where there are none such."""
    fitting = ((lengths >= SHORTEST) & (lengths <= LONGEST)).nonzero().flatten()
    fitting = fitting if len(fitting) else torch.arange(len(lengths))
    return fitting[torch.linspace(0, len(fitting) - 1, min(ALIGNED, len(fitting))).long()]


def alignments(drawn: Sequence[Aligned]) -> Figure:
    """One square for each word of the answer (down) and each word of the source (across): how much it was looked at.

    Args:
        drawn: source words (S,), answered words (T,), shares (T, S) whose rows sum to 1.
    """
    across, down = (max(len(one[side]) for one in drawn) for side in (0, 1))
    columns = min(2, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = new_figure(columns * (CELL * across + 1.6), rows * (CELL * down + 1.2))
    for place, (source, answer, shares) in enumerate(drawn):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.imshow(shares.float().numpy(), cmap="gray", vmin=0, vmax=1, aspect="equal")
        axes.xaxis.tick_top()
        axes.set_xticks(range(len(source)), source, rotation=60, ha="left", fontsize=8, parse_math=False)
        axes.set_yticks(range(len(answer)), answer, fontsize=8, parse_math=False)
        axes.tick_params(length=0, colors=INK)
        axes.spines[:].set_visible(False)
    return figure
