"""Cora: 2,708 papers on machine learning, the words of each, who cites whom, and the field of each (McCallum et al.).

One graph. A paper is a node; its features say which of 1,433 words it holds. The parts are those of Yang, Cohen &
Salakhutdinov (2016), whose files these are: the labels of 140 papers to learn from, 20 of each field, of 500 to
choose by and of 1,000 to test on; all words and all citations may be seen. Citations count in both directions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.data import pickles
from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError

ADDRESS = "https://raw.githubusercontent.com/kimiyoung/planetoid/master/data/"
FILES = tuple(
    RemoteFile(f"ind.cora.{name}", size, sha256, (f"{ADDRESS}ind.cora.{name}",))
    for name, size, sha256 in (
        ("x", 22_119, "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab"),
        ("y", 4_054, "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1"),
        ("tx", 148_025, "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a"),
        ("ty", 28_135, "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad"),
        ("allx", 257_305, "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543"),
        ("ally", 47_959, "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71"),
        ("graph", 59_847, "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d"),
        ("test.index", 5_000, "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875"),
    )
)
HELD = 500  # papers after those to learn from

FACTS = Facts(
    name="cora",
    variant="",
    sha256=fingerprint(FILES),
    kind="graph",
    form="",
    shape=(2708, 1433),
    classes=(
        "theory",
        "reinforcement learning",
        "genetic algorithms",
        "neural networks",
        "probabilistic methods",
        "case based",
        "rule learning",
    ),
)


def load(folder: Path | None) -> Data:
    """The graph three times, each with the nodes of one part marked.

    Raises:
        UserError: a file is damaged.
    """
    assert folder is not None

    def read(name: str) -> Any:
        return pickles.read(folder / f"ind.cora.{name}")

    path = folder / "ind.cora.test.index"
    try:
        tested = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
        learnt, others = len(read("y")), len(read("ally"))
        features = placed(read("allx").dense(), read("tx").dense(), tested)
        labels = placed(read("ally"), read("ty"), tested).argmax(1)
        edges = both_ways(read("graph"))
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise UserError(f"{folder}: its files do not fit together ({error}); get them again") from error
    if not learnt + HELD <= others <= len(labels) or edges.max(initial=0) >= len(labels):
        raise UserError(f"{folder}: its files do not fit together; get them again")

    def part(nodes: Any) -> Split:
        marked = np.zeros((1, len(labels)), dtype=bool)
        marked[0, nodes] = True
        return Split(features[None].astype(np.uint8), labels[None], {"edges": edges[None], "marked": marked})

    return Data(FACTS, part(slice(learnt)), part(tested), part(slice(learnt, learnt + HELD)))


def placed(others: NDArray[Any], tested: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Rows of all nodes: `others` as they come, those `tested` where `places` says."""
    rows = np.concatenate([others, np.zeros_like(tested)])
    rows[places] = tested
    return rows


def both_ways(neighbours: dict[int, list[int]]) -> NDArray[np.int64]:
    """Edges (2, E) from source to target, each in both directions, once, and none from a node to itself."""
    cited = {(node, other) for node, others in neighbours.items() for other in others if node != other}
    return np.array(sorted(cited | {(other, node) for node, other in cited}), dtype=np.int64).T


DATA = DataSet(
    name="cora",
    title="Cora citation graph, Planetoid split",
    about="2,708 papers of 7 fields, 1,433 words, 5,278 citations",
    licence="MIT; A. McCallum, P. Sen et al., split by Z. Yang, W. Cohen, R. Salakhutdinov",
    homepage="https://github.com/kimiyoung/planetoid",
    files=FILES,
    load=load,
)
