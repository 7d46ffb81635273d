"""Drawings of word vectors: beside what people say, by kind of analogy, and as points of a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from liuli.tasks.figures import INK, PALE, RIGHT, WRONG, new_figure, save
from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREQUENT = slice(60, 180)  # by rank: the words before are nearly all such as "the" and "of"
MOST_CAPITALS = 20


def answers(cosines: Tensor, people: Tensor, measured: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw what the vectors answer.

    Args:
        cosines: (P,) of the pairs that people judged.
        people: (P,), from 0 to 10.
        measured: what `WordVectors.metrics` gives.
    """
    drawn = {"similarity": similarity(cosines, people, measured["wordsim"])}
    if rows := [row for row in measured["sections"] if row["questions"]]:
        drawn["analogies"] = analogies(rows)
    return save(drawn, folder)


def similarity(cosines: Tensor, people: Tensor, correlation: float) -> Figure:
    """A point a pair: what people say, and the cosine."""
    figure = new_figure(6, 5)
    axes = figure.subplots()
    axes.scatter(people, cosines, s=14, color=RIGHT, alpha=0.7, linewidths=0)
    axes.set(xlabel=worded("people: from 0, not alike, to 10"), ylabel=worded("cosine of the vectors"))
    found = {"count": len(people), "correlation": correlation}
    axes.set_title(worded("{count} pairs of words, rank correlation {correlation:.3f}", **found), color=INK)
    axes.grid(alpha=0.3)
    return figure


def analogies(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """A bar a section: the share of its questions answered right."""
    figure = new_figure(7, 0.32 * len(rows) + 1.2)
    axes = figure.subplots()
    names = [f"{row['section']} ({row['questions']:,})" for row in rows][::-1]
    axes.barh(names, [row["accuracy"] for row in rows][::-1], color=RIGHT)
    axes.set_xlabel(worded("share answered right"))
    axes.set_title(worded("Analogies by section (questions whose words were learnt)"))
    axes.grid(axis="x", alpha=0.3)
    return figure


def planes(vectors: Tensor, pairs: Tensor, words: Sequence[str], folder: Path) -> list[Path]:
    """Draw vectors (V, D) as points: frequent words, and pairs (P, 2) of a capital and its country with a line each.

    All are brought to length 1 first, so that it is their directions that differ.
    """
    vectors = normalize(vectors, dim=1)
    chosen = list(range(len(vectors)))[FREQUENT] or list(range(len(vectors)))
    drawn = {"words": points(plane(vectors[chosen]), [words[one] for one in chosen])}
    pairs = pairs[pairs.sum(1).argsort()][:MOST_CAPITALS].long()  # the most frequent
    if len(pairs) > 1:
        drawn["capitals"] = lines(plane(vectors[pairs.flatten()]), [words[one] for one in pairs.flatten().tolist()])
    return save(drawn, folder)


def plane(vectors: Tensor) -> Tensor:
    """The plane in which vectors (N, D) differ most (PCA): (N, 2)."""
    centred = (vectors - vectors.mean(0)).double()  # (N, D)
    _, axes = torch.linalg.eigh(centred.T @ centred)  # (D, D), the largest spread last
    places: Tensor = centred @ axes[:, -2:].flip(1)  # (N, 2)
    return places


def points(places: Tensor, names: Sequence[str]) -> Figure:
    """Words at their places (N, 2)."""
    figure = new_figure(9, 7)
    axes = figure.subplots()
    axes.scatter(places[:, 0], places[:, 1], s=6, color=PALE)
    for (x, y), name in zip(places.tolist(), names, strict=True):
        axes.annotate(name, (x, y), fontsize=7, color=INK, ha="center", va="bottom")
    axes.set_title(worded("Frequent words in the plane in which they differ most"), color=INK)
    axes.set(xticks=[], yticks=[])
    return figure


def lines(places: Tensor, names: Sequence[str]) -> Figure:
    """Pairs of words, one after the other in (2P, 2), each joined by a line."""
    figure = new_figure(9, 7)
    axes = figure.subplots()
    for (start, end), (capital, country) in zip(
        places.view(-1, 2, 2).tolist(), zip(names[::2], names[1::2], strict=True), strict=True
    ):
        axes.plot(*zip(start, end, strict=True), color=PALE, linewidth=0.8)
        for (x, y), name, colour in ((start, capital, WRONG), (end, country, RIGHT)):
            axes.plot(x, y, "o", markersize=3, color=colour)
            axes.annotate(name, (x, y), fontsize=8, color=colour, ha="center", va="bottom")
    axes.set_title(worded("Countries and their capitals in the plane in which they differ most"), color=INK)
    axes.set(xticks=[], yticks=[])
    return figure
