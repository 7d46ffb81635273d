"""Graphs: attention along edges is attention under a mask, and what a node is told depends on what it can see alone."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from liuli.catalog import find
from liuli.data import cora, own
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.layers.graphs import softmax_by_target
from liuli.models.graphs.gat import GAT, GraphAttention
from liuli.tasks import graphs
from liuli.tasks.node_classification import NodeClassification
from tests.faults.test_pickles import pickled

TASK = NodeClassification()


def some_graph(nodes: int, seed: int) -> Tensor:
    """Edges (2, E) in both directions, at random, and one from each node to itself."""
    chosen = torch.rand(nodes, nodes, generator=torch.Generator().manual_seed(seed)) < 0.3
    return (chosen | chosen.T | torch.eye(nodes, dtype=torch.bool)).nonzero().T.contiguous()


@pytest.mark.parametrize(("nodes", "heads", "seed"), [(1, 1, 0), (5, 3, 1), (12, 8, 2), (30, 2, 3)])
def test_sparse_attention_equals_that_under_a_dense_mask(nodes: int, heads: int, seed: int) -> None:
    torch.manual_seed(seed)
    layer = GraphAttention(6, heads, 4).double().eval()
    edges = some_graph(nodes, seed)
    x = torch.randn(nodes, 6, dtype=torch.float64, requires_grad=True)
    weights = [x, *layer.parameters()]

    z = layer.project(x).view(nodes, heads, 4)
    target, source = (z * layer.a_target).sum(-1), (z * layer.a_source).sum(-1)  # (M, h)
    scores = leaky_relu(target[:, None] + source[None], 0.2)  # (M, M, h)
    allowed = torch.zeros(nodes, nodes, dtype=torch.bool)
    allowed[edges[1], edges[0]] = True
    dense = scores.masked_fill(~allowed[..., None], -math.inf).softmax(1)
    expected = torch.einsum("ijh,jhd->ihd", dense, z).flatten(1) + layer.bias

    found = layer(x, edges)
    assert torch.allclose(found, expected, rtol=0, atol=1e-13)
    assert torch.allclose(layer.attention(layer.projected(x), edges), dense[edges[1], edges[0]], rtol=0, atol=1e-14)
    slope = torch.randn_like(expected)
    pairs = zip(torch.autograd.grad(found, weights, slope), torch.autograd.grad(expected, weights, slope), strict=True)
    assert all(torch.allclose(one, other, rtol=0, atol=1e-12) for one, other in pairs)


def test_attention_into_each_node_sums_to_one_whatever_the_scores() -> None:
    edges = some_graph(20, 0)
    scores = torch.randn(edges.size(1), 3, dtype=torch.float64) * 1e4
    shares = softmax_by_target(scores, edges[1], 20)
    sums = torch.zeros(20, 3, dtype=torch.float64).index_add(0, edges[1], shares)
    assert torch.allclose(sums, torch.ones_like(sums))
    assert torch.allclose(softmax_by_target(scores - 1e4, edges[1], 20), shares), "a common shift changes nothing"


def test_several_graphs_at_once_are_each_by_itself() -> None:
    model, batch = GAT().eval(), TASK.draw(3)
    together = TASK.respond(model, batch)
    for place in range(3):
        alone = TASK.respond(model, tuple(one[place : place + 1] for one in batch))
        assert torch.allclose(together[place : place + 1], alone, atol=1e-6)


def test_the_names_of_nodes_change_nothing() -> None:
    model, batch = GAT().eval(), TASK.draw(1)
    order = torch.randperm(batch[0].size(1), generator=torch.Generator().manual_seed(0))
    features, edges = TASK.inputs(batch)
    moved = model(features[:, order], order.argsort()[edges])
    assert torch.allclose(moved, model(features, edges)[:, order], atol=1e-6)


def drawn(nodes: int = 40) -> tuple[Facts, tuple[Tensor, ...]]:
    """Facts and the batch of a thin random graph, some of whose nodes lie far from others."""
    random = np.random.default_rng(0)
    ring = np.stack([np.arange(nodes), (np.arange(nodes) + 1) % nodes])
    chords = random.integers(nodes, size=(2, 6))
    pairs = {tuple(sorted(pair)) for pair in np.concatenate([ring, chords], 1).T.tolist() if pair[0] != pair[1]}
    edges = np.array(sorted({*pairs, *((j, i) for i, j in pairs)})).T
    features = random.integers(3, size=(nodes, 9)) / 2
    labels = random.integers(4, size=nodes)
    marked = random.random(nodes) < 0.5
    split = Split(features[None], labels[None], {"edges": edges[None], "marked": marked[None]})
    facts = Facts("drawn", "", "", "graph", "", (nodes, 9), tuple("abcd"))
    facts = Facts(**{**vars(facts), "learnt": TASK.learn(split, facts)})
    return facts, TASK.tensors(split, facts)


def test_what_a_node_sees_gives_the_answer_of_the_whole_graph() -> None:
    facts, batch = drawn()
    torch.manual_seed(0)
    model = GAT(9, 4).eval()
    whole = TASK.respond(model, batch)[0]
    for node in (0, 7, 39):
        example = TASK.read(f"node {node}", facts, "it")
        assert example.batch[0].size(1) < 40, "not all of it"
        alone = TASK.respond(model, example.batch)[0]
        assert int(alone[0, 0]) == node
        assert torch.allclose(alone[0, 2:], whole[node, 2:], atol=1e-6)
        answer = TASK.answer(alone, facts)
        edges = batch[1][0]
        mine = {node, *edges[0, edges[1] == node].tolist()}
        assert {one["node"] for one in answer["listens to"]} == mine
        assert sum(one["attention"] for one in answer["listens to"]) == pytest.approx(1, abs=1e-3)
        assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("text", ["40", "-1", "node", "node x", "", "1.5", "²"])
def test_no_such_node(text: str) -> None:
    with pytest.raises(UserError, match="is no node of drawn, expected a number from 0 to 39"):
        TASK.read(text, drawn()[0], "it")


def test_a_node_named_in_a_file_and_one_named_by_its_name(tmp_path: Path) -> None:
    facts, _ = drawn()
    (tmp_path / "node.txt").write_text("17\n")
    assert int(TASK.read(tmp_path / "node.txt", facts, "node.txt").batch[2][0, 0]) == 17
    named = Facts(**{**vars(facts), "details": {"nodes": [f"p{number}" for number in range(40)]}})
    assert int(TASK.read("paper p5", named, "it").batch[2][0, 0]) == 5
    with pytest.raises(UserError, match="expected one of p0, p1"):
        TASK.read("5", named, "it")
    with pytest.raises(UserError, match="line 1: is no text in UTF-8; give the number"):
        TASK.read(b"\xff\xfe", facts, "it")


def test_accuracy_counts_the_marked_nodes_alone() -> None:
    facts, batch = drawn()
    output = TASK.respond(GAT(9, 4).eval(), batch)
    marked, right = batch[3][0], output[0, :, 2:].argmax(1) == batch[4][0]
    assert TASK.metrics(output, batch, facts)["accuracy"] == pytest.approx(float(right[marked].double().mean()))
    assert float(TASK.tally(output[..., 2:], batch)["accuracy"]) == pytest.approx(float(right[marked].double().mean()))


def test_figures_are_drawn(tmp_path: Path) -> None:
    facts, batch = drawn()
    model = GAT(9, 4).eval()
    files = TASK.figures(TASK.respond(model, batch), batch, facts, tmp_path) + TASK.portray(
        model, batch, facts, tmp_path
    )
    assert [file.stem for file in files] == ["confusion", "calibration", "classes", "hidden", "attention"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_attention_in_equal_shares_is_listening_to_all() -> None:
    edges = some_graph(15, 1)
    shares = 1 / torch.bincount(edges[1])[edges[1]].float()
    points = graphs.listened(shares, edges).axes[1].collections[0].get_offsets()
    assert np.allclose(points[:, 0], points[:, 1], rtol=1e-5)


def tiny_cora(folder: Path) -> Path:
    """Ten papers in Cora's files: two learnt from, three held, five others of which four are tested, out of order."""
    from scipy.sparse import csr_matrix

    features = np.eye(10, 6, dtype=np.float32) + np.eye(10, 6, 1, dtype=np.float32)
    labels = np.eye(7, dtype=np.int32)[np.arange(10) % 7]
    others, tested = np.arange(6), np.array([8, 6, 9, 7])
    network = defaultdict(list, {node: [(node + 1) % 10, node] for node in range(10)})
    parts = {
        "x": csr_matrix(features[:2]), "y": labels[:2], "allx": csr_matrix(features[others]), "ally": labels[others],
        "tx": csr_matrix(features[tested]), "ty": labels[tested], "graph": network,
    }  # fmt: skip
    for name, value in parts.items():
        pickled(value, folder).rename(folder / f"ind.cora.{name}")
    (folder / "ind.cora.test.index").write_text("\n".join(map(str, tested)))
    return folder


def test_cora_is_put_together_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cora, "HELD", 3)
    data = cora.load(tiny_cora(tmp_path))
    features = np.eye(10, 6) + np.eye(10, 6, 1)
    for split, nodes in ((data.train, {0, 1}), (data.validation, {2, 3, 4}), (data.test, {6, 7, 8, 9})):
        assert split is not None
        assert np.array_equal(split.inputs[0], features)
        assert split.targets[0].tolist() == [number % 7 for number in range(10)]
        assert set(np.flatnonzero(split.extra["marked"][0])) == nodes
        edges = {tuple(pair) for pair in split.extra["edges"][0].T.tolist()}
        assert edges == {(i, j) for i in range(10) for j in range(10) if (i - j) % 10 in (1, 9)}


def test_files_that_do_not_fit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_cora(tmp_path)
    with pytest.raises(UserError, match="its files do not fit together"):
        cora.load(folder)  # 500 papers to choose by are not there
    (folder / "ind.cora.test.index").write_text("8 6 9 x")
    with pytest.raises(UserError, match="its files do not fit together"):
        cora.load(folder)


def test_the_recipe_is_the_papers() -> None:
    recipe = find("gat").recipe
    assert (recipe.optimizer.lr, recipe.optimizer.weight_decay, recipe.patience) == (0.005, 0.0005, 100)


def own_graph(folder: Path, nodes: str = "", edges: str = "") -> Path:
    """A ring of thirty people of two parties, one of whom keeps silent."""
    folder.mkdir(exist_ok=True)
    rows = [f"p{n},{n % 3},{n / 10},{'' if n == 7 else 'left' if n < 15 else 'right'}" for n in range(30)]
    (folder / "nodes.csv").write_text("\n".join(["who,age,height,party", *rows]) + "\n" + nodes)
    ring = [f"p{n}{', ' if n % 2 else ' '}p{(n + 1) % 30}  # friends" for n in range(30)]
    (folder / "edges.txt").write_text("# who knows whom\n\n" + "\n".join([*ring, "p1 p0", "p3 p3"]) + "\n" + edges)
    return folder


def test_a_graph_of_a_users_own(tmp_path: Path) -> None:
    data = own.load(own_graph(tmp_path / "mine"), "party", "graph")
    assert data.validation is not None
    assert data.train.inputs.shape == (1, 30, 2)
    assert data.train.inputs[0, 4].tolist() == [1.0, pytest.approx(0.4)]
    assert {tuple(one) for one in data.train.extra["edges"][0].T.tolist()} == {
        (i, j) for i in range(30) for j in range(30) if (i - j) % 30 in (1, 29)
    }
    marked = [split.extra["marked"][0] for split in (data.train, data.validation, data.test)]
    assert (sum(one.astype(int) for one in marked) == (np.arange(30) != 7)).all(), (
        "each whose class is known is in one part"
    )
    assert [int(one.sum()) for one in marked] == [18, 5, 6]
    assert data.facts.classes == ("left", "right")
    facts = Facts(**{**vars(data.facts), "learnt": TASK.learn(data.train, data.facts)})
    model = GAT(**TASK.options(facts)).eval()
    example = TASK.read("p7", facts, "p7")
    answer = TASK.answer(TASK.respond(model, example.batch)[0], facts)
    assert {one["node"] for one in answer["listens to"]} == {"p6", "p7", "p8"}
    batch = TASK.tensors(data.test, facts)
    whole = TASK.respond(model, batch)[0]
    assert torch.allclose(TASK.respond(model, example.batch)[0, 0, 2:], whole[7, 2:], atol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "edges", "says"),
    [
        ("p3,1,1,left\n", "", "line 32: node 'p3' stands there twice"),
        ("p30,1,tall,left\n", "", "line 32: column 'height' is 'tall', expected a number"),
        ("p30,1\n", "", "line 32: has 2 cells, expected 4"),
        ("", "p1 p2 p3\n", "line 35: names 3, expected two nodes"),
        ("", "p1 p99\n", "line 35: 'p99' is no node of nodes.csv"),
    ],
)
def test_a_graph_with_a_fault_in_a_line(nodes: str, edges: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        own.load(own_graph(tmp_path / "mine", nodes, edges), "party", "graph")


def test_a_folder_that_is_no_graph(tmp_path: Path) -> None:
    folder = own_graph(tmp_path / "mine")
    with pytest.raises(UserError, match="which column holds the classes"):
        own.load(folder, None, "graph")
    with pytest.raises(UserError, match="has no column 'partie'; did you mean 'party'"):
        own.load(folder, "partie", "graph")
    (folder / "edges.txt").write_text("# none\n")
    with pytest.raises(UserError, match="holds no edge"):
        own.load(folder, "party", "graph")
    (folder / "edges.txt").unlink()
    with pytest.raises(UserError, match=r"no edges\.txt or edges\.csv"):
        own.load(folder, "party", "graph")
    (folder / "nodes.csv").unlink()
    with pytest.raises(UserError, match=r"is a folder, expected a folder with nodes\.csv"):
        own.load(folder, "party", "graph")
