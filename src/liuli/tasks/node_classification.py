"""Naming what the nodes of a graph are, where the classes of a few are known.

    probabilities: pᵢ = softmax(zᵢ),   z = network(features, edges)
    loss:          L = −log pᵢ[labelᵢ], mean over the marked nodes

All parts of the data are one graph, seen whole; a part is told by which of its nodes are marked. Asked about one node,
the network is given as much of the graph around it as it can see, which gives the same answer as the whole.

Shapes:
    B  graphs (one, in a data set), N nodes, E edges, L = E + N edges with one from each node to itself, F features,
    K classes
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import graphs, marks, measures
from liuli.tasks.examples import Batch, Example, Outcome, Posed, Rows
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task
from liuli.tasks.typed import words

DRAWN_NODES = 8
DRAWN_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (4, 5), (5, 6), (6, 7), (7, 4), (4, 6))
FEATURES, CLASSES = 1433, 7  # of what is drawn: those of Cora


@dataclass(frozen=True)
class NodeClassification(Task):
    """Nodes to classes.

    A batch is `(features, edges, nodes, marked, labels)`: (B, N, F) whose rows sum to 1, int64 (B, 2, E) from source to
    target, each node's number (B, N), bool (B, N) and int64 (B, N). The network is called with features and edges
    (B, 2, L); beside `forward` it has `hidden(features, edges)`, what its last layer reads, (B, N, …), and
    `attention(features, edges)`, the share that each edge has in what its target hears there, (B, L).

    Attributes:
        hops: how many edges away the network sees: its layers.
    """

    hops: int = 2

    kind: ClassVar[str] = "graph"
    headline: ClassVar[str] = "accuracy"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The graph itself, so that a node can be asked about without the data: see `graphs.written`."""
        return graphs.written(train.inputs[0], train.extra["edges"][0])

    def drawn_facts(self) -> Facts:
        """Eight nodes of seven classes."""
        batch = self.draw(1)
        shape = (DRAWN_NODES, FEATURES)
        facts = Facts("drawn", "", "", self.kind, "", shape, tuple(f"class {number}" for number in range(CLASSES)))
        return replace(facts, learnt=graphs.written(batch[0][0].numpy(), batch[1][0].numpy()))

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of features and of classes."""
        if facts.kind != self.kind:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads graphs")
        return {"features": facts.shape[-1], "classes": len(facts.classes)}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """The graph, each node's features as shares."""
        features, labels = graphs.shares(torch.from_numpy(split.inputs)), torch.from_numpy(split.targets)
        edges, marked = (torch.from_numpy(split.extra[name]) for name in ("edges", "marked"))
        return features, edges, torch.arange(features.size(1)).expand_as(labels), marked, labels

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Two groups of four nodes; a group is of one class, which has words of its own. Half the nodes are marked."""
        generator = torch.Generator().manual_seed(seed)
        one_way = torch.tensor(DRAWN_EDGES).T  # (2, E / 2)
        both = torch.cat([one_way, one_way.flip(0)], 1)  # (2, E)
        shuffled = torch.rand(count, DRAWN_NODES, generator=generator).argsort(1)  # (B, N)
        edges = shuffled[:, both]  # (B, 2, E)
        groups = torch.randint(CLASSES, (count, 2), generator=generator).repeat_interleave(DRAWN_NODES // 2, 1)
        labels = torch.empty_like(groups).scatter_(1, shuffled, groups)  # (B, N)
        own = torch.arange(FEATURES) % CLASSES == labels.unsqueeze(-1)  # (B, N, F)
        features = graphs.shares(torch.rand(own.shape, generator=generator) < 0.001 + 0.3 * own)
        marked = torch.rand(count, DRAWN_NODES, generator=generator).argsort(1) < DRAWN_NODES // 2
        return features, edges, torch.arange(DRAWN_NODES).expand_as(labels), marked, labels

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Features (B, N, F), and edges with those from each node to itself, (B, 2, L)."""
        features, edges = batch[:2]
        own = torch.arange(features.size(1), device=features.device).expand(len(features), 2, -1)  # (B, 2, N)
        return features, torch.cat([edges, own], dim=2)

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy over the marked nodes, and the scores (logits) of all, (B, N, K)."""
        scores = model(*self.inputs(batch))
        marked, labels = batch[3].flatten(), batch[4].flatten()
        each = cross_entropy(scores.flatten(0, 1), labels, reduction="none")  # (B·N,)
        return Outcome((each * marked).sum() / marked.sum(), scores)

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of each node its number, how much the marked nodes listen to it (their attention, summed), and its scores.

        Returns:
            (B, N, 2 + K); a node's number is exact up to 2²⁴.
        """
        features, edges = self.inputs(batch)
        nodes, marked = batch[2], batch[3]
        network: Any = model
        scores = network(features, edges)
        source, target = edges[:, 0], edges[:, 1]  # (B, L) each
        paid = network.attention(features, edges) * marked.gather(1, target)  # (B, L)
        heard = torch.zeros_like(scores[..., 0]).scatter_add(1, source, paid)  # (B, N)
        return torch.cat([nodes.to(scores).unsqueeze(-1), heard.unsqueeze(-1), scores], dim=-1)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The share of the marked nodes that are right, summed over the graphs."""
        right = (output.argmax(-1) == batch[4]) & batch[3]
        return {"accuracy": (right.sum(1) / batch[3].sum(1)).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Of the marked nodes: loss, accuracy, per class precision, recall and F1, confusion matrix, calibration."""
        marked = batch[3]
        return measures.classification(output[marked][:, 2:], batch[4][marked], facts.classes)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Confusion matrix, calibration and classes, as PNG files."""
        from liuli.tasks import figures

        scores, labels = output[batch[3]][:, 2:].double(), batch[4][batch[3]]
        matrix = measures.confusion(scores.argmax(1), labels, len(facts.classes))
        drawn = {
            "confusion": figures.confusion(matrix, facts.classes),
            "calibration": figures.calibration(measures.calibration_bins(scores.softmax(1), labels)),
            "classes": figures.per_class(matrix, facts.classes),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """Of the marked nodes, in their order: the surest mistakes first."""
        marked = batch[3]
        return marks.of_scores(output[marked][:, 2:], batch[4][marked])

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The marked node of that number, and the graph around it."""
        node = int(split.extra["marked"][0].nonzero()[0][index])
        names = facts.details.get("nodes")
        example = self.read(str(names[node] if names else node), facts, f"test {index}")
        return Posed(
            replace(example, spelled=f"node {names[node] if names else node}"),
            facts.classes[int(split.targets[0, node])],
        )

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """All nodes by their hidden values in two dimensions, and what attention they pay, as PNG files."""
        from liuli.tasks import figures

        network: Any = model
        with torch.no_grad():
            features, edges = self.inputs(batch)
            hidden, attention = network.hidden(features, edges), network.attention(features, edges)
        drawn = {
            "hidden": graphs.projected(hidden[0].cpu(), batch[4][0].cpu(), facts.classes),
            "attention": graphs.listened(attention[0].cpu(), edges[0].cpu()),
        }
        return figures.save(drawn, folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A node named by its number ("17", "node 17"), and the graph around it, itself first.

        Raises:
            UserError: there is no such node, or a file cannot be read.
        """
        graph = graphs.Graph.read(facts.learnt)
        node = numbered(words(source, name, "give the number of a node, as in 'node 17'"), facts, len(graph))
        nodes, features, edges = graph.around(node, self.hops, facts.shape[-1])
        marked = torch.zeros(1, len(nodes), dtype=torch.bool)
        marked[0, 0] = True
        return Example(name, (graphs.shares(features)[None], edges[None], torch.tensor([nodes]), marked))

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The nodes."""
        names = facts.details.get("nodes") or [f"node {number}" for number in range(facts.shape[0])]
        return {"": Rows(names, names)}

    def asked(self, facts: Facts) -> str:
        """The first node."""
        return shlex.quote((facts.details.get("nodes") or ["node 0"])[0])

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The likeliest class of the first node, its probability, that of every class, and whom the node listens to."""
        names = facts.details.get("nodes")
        heard = output[:, 1].argsort(descending=True).tolist()
        neighbours = [
            {
                "node": names[int(output[one, 0])] if names else int(output[one, 0]),
                "attention": round(float(output[one, 1]), 4),
                "class": facts.classes[int(output[one, 2:].argmax())],
            }
            for one in heard
            if output[one, 1] > 0
        ]
        probabilities = output[0, 2:].double().softmax(0).tolist()
        best = int(output[0, 2:].argmax())
        return {
            "answer": facts.classes[best],
            "probability": probabilities[best],
            "probabilities": dict(zip(facts.classes, probabilities, strict=True)),
            "listens to": neighbours,
        }

    def doubt(self, output: Tensor) -> Tensor:
        """−log of the probability of the first node's likeliest class."""
        probabilities = output[:, 0].softmax(1)  # (1, K)
        return -probabilities.max().log()


def numbered(text: str, facts: Facts, count: int) -> int:
    """The place of the node that `text` names.

    Raises:
        UserError: there is none.
    """
    given = re.sub(r"^(node|paper)\s+", "", text, flags=re.IGNORECASE)
    names = facts.details.get("nodes")
    if names and given in names:
        return int(names.index(given))
    if not names and given.isdecimal() and given.isascii() and int(given) < count:
        return int(given)
    expected = f"one of {names[0]}, {names[1]}, …" if names else f"a number from 0 to {count - 1}"
    raise UserError(f"'{text[:40]}' is no node of {facts.name}, expected {expected}")
