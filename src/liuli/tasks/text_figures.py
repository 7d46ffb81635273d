"""Drawings of what a classifier of sentences answered.

Each function returns a matplotlib `Figure` that belongs to nobody else: pyplot and its global state are not used.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from liuli.tasks.figures import INK, PALE, WRONG, entitle, new_figure, no_mistakes
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SENTENCES = 40
WIDTH = 150  # characters of a line
MOST_LINES = 4  # of one sentence
LINE = 0.17  # inches


def mistakes(texts: Sequence[str], labels: Tensor, probabilities: Tensor, classes: Sequence[str]) -> Figure:
    """A table of wrong answers as they come, at most 40: true class, answer, its probability, and the sentence.

    Args:
        texts: M sentences.
        labels: what they are (M,).
        probabilities: that were answered (M, K).
        classes: K names.
    """
    if not texts:
        return no_mistakes()
    confidence, answers = probabilities.max(1)
    blocks = [
        textwrap.wrap(text, WIDTH, max_lines=MOST_LINES, placeholder=" …") or [""] for text in texts[:MOST_SENTENCES]
    ]
    total = sum(len(block) + 0.6 for block in blocks) + 0.4
    figure = new_figure(11.5, LINE * total + 0.5)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(total, 0))
    axes.axis("off")
    top = 0.8
    for number, block in enumerate(blocks):
        true, answer = classes[int(labels[number])], classes[int(answers[number])]
        axes.text(0, top, f"{true} →", fontsize=8, color=INK, va="center")
        sure = f"{answer}  {float(confidence[number]):.0%}"
        axes.text(0.07, top, sure, fontsize=8, color=WRONG, weight="bold", va="center")
        for line in block:
            axes.text(0.18, top, line, fontsize=8, color=INK, va="center", parse_math=False)
            top += 1
        axes.axhline(top - 0.2, color=PALE, linewidth=0.3)
        top += 0.6
    if len(blocks) < len(texts):
        which = worded("Mistakes: the {shown} surest of {wrong:,}", shown=len(blocks), wrong=len(texts))
    else:
        which = worded("Mistakes: {wrong:,}", wrong=len(texts))
    entitle(axes, f"{which}    {worded('true class → answer, its probability')}")
    return figure
