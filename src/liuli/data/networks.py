"""Graphs of a user's own: a folder with `nodes.csv` and a list of edges, `edges.txt` or `edges.csv`.

    nodes.csv    a line a node: its name in the first column, numbers under the others, and in the column that --target
                 names its class, left empty where nobody knows it
    edges.*      a line an edge: two names, with a space, tab or comma between; what follows a # is not read

Edges count in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liuli.data import plain_text, tables
from liuli.data.dataset import Data, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError, nearest
from liuli.files import sha256

NODES = "nodes.csv"
EDGES = ("edges.txt", "edges.csv")
SHARE = 0.2  # of the nodes whose class is known, to test on; and of the others, to choose by


def fits(path: Path) -> bool:
    """Whether a folder holds such files."""
    return path.is_dir() and (path / NODES).is_file()


def load(path: Path, target: str | None) -> Data:
    """The graph three times, each with the nodes of one part marked, which are drawn once for all.

    Raises:
        UserError: it is no such folder; says the file and the line.
    """
    from liuli.data.order import hold_out

    list_of_edges = next((path / name for name in EDGES if (path / name).is_file()), None)
    if list_of_edges is None:
        raise UserError(f"{path}: holds {NODES} but no {' or '.join(EDGES)}, expected a list of edges there")
    found = tables.opened(path / NODES, str(path / NODES))
    header = tables.checked_columns(found)
    if target is None:
        shown = tables.named(header[1:])
        raise UserError(f"{path / NODES}: which column holds the classes? Name it with --target; there are {shown}")
    if target not in header[1:]:
        raise UserError(f"{path / NODES}: has no column '{target}'; {nearest(target, header[1:])}")
    place = header.index(target)
    places = [index for index in range(1, len(header)) if index != place]
    nodes: dict[str, int] = {}
    features, known = [], []
    for line in found.lines:
        where = f"{found.name}, line {line.number}"
        if len(line.cells) != len(header):
            raise UserError(f"{where}: has {len(line.cells)} cells, expected {len(header)}")
        if line.cells[0] in nodes:
            raise UserError(f"{where}: node '{line.cells[0]}' stands there twice")
        nodes[line.cells[0]] = len(nodes)
        features.append(tables.numbers(found, line, [header[index] for index in places], places))
        known.append(line.cells[place])
    if not places:
        features = np.eye(len(nodes)).tolist()  # who a node is, where nothing else is said of it
    told = np.array([index for index, name in enumerate(known) if name])
    classes = tables.classes_of([name for name in known if name] or [""], path / NODES, target)
    labels = np.array([classes.index(name) if name else 0 for name in known])
    edges = read_edges(list_of_edges, nodes)
    rest, tested = hold_out(Split(told, labels[told]), SHARE, seed=0)
    learnt, held = hold_out(rest, SHARE, seed=0)

    def part(chosen: Split) -> Split:
        marked = np.zeros((1, len(nodes)), dtype=bool)
        marked[0, chosen.inputs] = True
        values = np.array(features, dtype=np.float32)[None]
        return Split(values, labels[None], {"edges": edges[None], "marked": marked})

    files = [RemoteFile(one.name, one.stat().st_size, sha256(one), ()) for one in (path / NODES, list_of_edges)]
    shape = (len(nodes), len(features[0]))
    facts = Facts(path.name, "", fingerprint(files), "graph", "", shape, classes, {"nodes": list(nodes)})
    return Data(facts, part(learnt), part(tested), part(held))


def read_edges(path: Path, nodes: Mapping[str, int]) -> NDArray[np.int64]:
    """Edges (2, E) from source to target, in both directions, each once, none from a node to itself.

    Raises:
        UserError: a line names no two nodes; says which.
    """
    pairs = set()
    for number, line in enumerate(plain_text.read(path).splitlines(), 1):
        names = re.split(r"\s*[,;\t]\s*|\s+", line.partition("#")[0].strip())
        if names == [""]:
            continue
        if len(names) != 2:
            raise UserError(f"{path}, line {number}: names {len(names)}, expected two nodes")
        for name in names:
            if name not in nodes:
                raise UserError(
                    f"{path}, line {number}: '{name}' is no node of {NODES}; {nearest(name, list(nodes)[:8])}"
                )
        one, other = (nodes[name] for name in names)
        pairs |= {(one, other), (other, one)}
    apart = sorted(pair for pair in pairs if pair[0] != pair[1])
    if not apart:
        raise UserError(f"{path}: holds no edge, expected a line for each")
    return np.array(apart, dtype=np.int64).T
