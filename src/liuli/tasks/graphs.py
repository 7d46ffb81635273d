"""A graph kept with a run, the part of it around one node, and drawings of what a network makes of it.

Shapes: N nodes, E edges, L edges with those from each node to itself, F features, n nodes and e edges of a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.tasks.wording import worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def shares(features: Tensor) -> Tensor:
    """Features (…, F) of any type, divided by the sum of their magnitudes; a node without any keeps its zeros."""
    values = features.float()
    return values / values.abs().sum(-1, keepdim=True).clamp(min=1e-12)


def written(features: NDArray[Any], edges: NDArray[np.int64]) -> dict[str, Any]:
    """A graph as JSON, a line a node: the features that are not 0 ("17" or "17:0.5"), and whom it hears.

    Args:
        features: (N, F).
        edges: (2, E), from source to target.
    """
    hears: list[list[int]] = [[] for _ in features]
    for source, target in edges.T.tolist():
        hears[target].append(source)
    return {
        "features": [
            " ".join(f"{place}" if row[place] == 1 else f"{place}:{row[place]!s}" for place in np.flatnonzero(row))
            for row in features
        ],
        "hears": [" ".join(map(str, one)) for one in hears],
    }


@dataclass(frozen=True)
class Graph:
    """What `written` gave, read.

    Attributes:
        features: of each node, as written.
        hears: of each node, the nodes that have an edge to it.
    """

    features: Sequence[str]
    hears: Sequence[Sequence[int]]

    @classmethod
    def read(cls, learnt: Mapping[str, Any]) -> Graph:
        """From what a run keeps."""
        return cls(learnt["features"], [[int(one) for one in line.split()] for line in learnt["hears"]])

    def __len__(self) -> int:
        return len(self.features)

    def around(self, node: int, hops: int, width: int) -> tuple[list[int], Tensor, Tensor]:
        """All that a node can hear over so many edges.

        Args:
            node: whose surroundings are wanted; it is the first of them.
            hops: edges between.
            width: F.

        Returns:
            The nodes by their numbers; their features (n, F); the edges among them, int64 (2, e), by their places.
        """
        places = {node: 0}
        reached = [node]
        for _ in range(hops):
            reached = [one for each in reached for one in self.hears[each]]
            for one in reached:
                places.setdefault(one, len(places))
        features = torch.zeros(len(places), width)
        for one, place in places.items():
            for entry in self.features[one].split():
                column, _, value = entry.partition(":")
                features[place, int(column)] = float(value or 1)
        edges = [
            (places[source], place) for one, place in places.items() for source in self.hears[one] if source in places
        ]
        return list(places), features, torch.tensor(edges, dtype=torch.int64).view(-1, 2).T


def projected(hidden: Tensor, labels: Tensor, classes: Sequence[str]) -> Figure:
    """Nodes (N, …) in the plane of their two principal components, in the colours of their true classes (N,)."""
    from liuli.tasks import figures

    centred = hidden.double() - hidden.double().mean(0)
    _, values, directions = torch.linalg.svd(centred, full_matrices=False)
    share = float(values[:2].square().sum() / values.square().sum().clamp(min=1e-300))
    title = worded("What the last layer reads: its two principal components, {share:.0%} of the variance", share=share)
    return figures.scattered(centred @ directions[:2].T, labels, classes, title)


def listened(attention: Tensor, edges: Tensor) -> Figure:
    """How attention is shared: against equal shares, edge by edge; and to how many neighbours a node in effect listens.

    That is exp(−Σ α ln α), which is the number of neighbours where all have the same share, and 1 where one has all.

    Args:
        attention: (L,), the share of each edge in what its target hears.
        edges: (2, L).
    """
    from liuli.tasks import figures

    target = edges[1]
    count = torch.bincount(target)  # (N,)
    entropy = torch.zeros(len(count)).index_add(0, target, -torch.special.xlogy(attention, attention))
    figure = figures.new_figure(9, 4)
    left, right = figure.subplots(1, 2)
    relative = (attention * count[target]).clamp(max=3)
    left.hist(relative[count[target] > 1].numpy(), bins=60, color=figures.RIGHT)
    left.axvline(1, color=figures.INK, linewidth=1, linestyle="--")
    left.set_xlabel(worded("attention ÷ equal share (dashed: equal)"))
    left.set_ylabel(worded("edges"))
    figures.entitle(left, worded("Attention of the last layer"))
    most = int(count.max())
    right.plot([1, most], [1, most], color=figures.PALE, linewidth=1, linestyle="--")
    right.scatter(count, entropy.exp(), s=5, alpha=0.5, linewidths=0, color=figures.RIGHT)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel(worded("neighbours, itself among them"))
    right.set_ylabel(worded("neighbours that it in effect listens to"))
    figures.entitle(right, worded("Does a node choose? (dashed: all alike)"))
    for axes in (left, right):
        figures.plain(axes)
    return figure
