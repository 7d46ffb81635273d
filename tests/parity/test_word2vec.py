"""word2vec by four other hands: autograd, its readable version, SciPy and gensim."""

from __future__ import annotations

import heapq
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn.functional import logsigmoid

from liuli import checking
from liuli.catalog import find
from liuli.explaining import coverage
from liuli.layers.word2vec_kernel import read_rows as compiled
from liuli.layers.word_counts import huffman, subsampling, unigram_noise
from liuli.models.language.word2vec import Word2Vec, improve, improve_together, read_rows
from liuli.tasks import word_formats
from liuli.tasks.measures import spearman
from liuli.tasks.word_vectors import WordVectors
from liuli.tracing import trace
from tests.truth import truth

KINDS = [(a, o) for a in ("skip-gram", "cbow") for o in ("negative", "hierarchical")]
WORDS, WIDTH = 60, 12


def network(architecture: str, output: str, **options: object) -> Word2Vec:
    """A small network whose vectors are none of them near 0."""
    torch.manual_seed(0)
    made = Word2Vec(WORDS, WIDTH, architecture=architecture, output=output, subsample=1e-2, **options)  # type: ignore[arg-type]
    for weight in (made.input.weight, made.output.weight):
        torch.nn.init.normal_(weight, std=0.5)
    made.settle((1000 / torch.arange(1, WORDS + 1)).long())
    return made


def text(rows: int = 4, length: int = 40) -> np.ndarray:
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, WORDS, (rows, length)).astype(np.int32)
    drawn[-1, length // 2 :] = -1
    return drawn


def read(how: object, made: Word2Vec) -> tuple[np.ndarray, np.ndarray, float, int]:
    inputs, outputs = (one.detach().numpy().copy() for one in (made.input.weight, made.output.weight))
    starts = np.arange(1, 5, dtype=np.uint64) * np.uint64(0x1234567890ABCDEF)
    loss, predictions = how(text(), starts, inputs, outputs, np.float32(0.025), *made.plan)  # type: ignore[operator]
    return inputs, outputs, loss, predictions


@pytest.mark.parametrize(("architecture", "output", "shared"), [*((*kind, False) for kind in KINDS), (*KINDS[0], True)])
def test_the_compiled_kernel_equals_the_readable_version(architecture: str, output: str, shared: bool) -> None:
    made = network(architecture, output, shared=shared)
    ours, readable = read(compiled, made), read(read_rows, made)
    assert ours[3] == readable[3] > 50
    assert ours[2] == pytest.approx(readable[2], rel=1e-5)
    for one, other, before in zip(ours, readable, (made.input.weight, made.output.weight), strict=False):
        assert np.abs(one - other).max() < 1e-6
        assert np.abs(one - before.detach().numpy()).max() > 1e-2, "nothing was learnt"


def test_a_fault_in_the_kernel_would_be_found() -> None:
    made = network("skip-gram", "negative")
    faulty = made.plan._replace(kept=made.plan.kept * 0.99)
    assert read(compiled, made)[3] != read(lambda *given: compiled(*given[:8], *faulty[3:]), made)[3]


def test_words_that_share_their_noise_go_down_the_gradient_of_autograd() -> None:
    made = network("skip-gram", "negative").double()
    around, asked = [3, 5, 3], [(7, 1), (11, 0), (13, 0), (11, 0)]  # a word may stand twice among either
    inputs, outputs = (one.detach().numpy().copy() for one in (made.input.weight, made.output.weight))
    losses = [
        -torch.nn.functional.logsigmoid(made(torch.tensor([one]), torch.tensor([[7]]), torch.tensor([[11, 13, 11]])))
        for one in around
    ]
    torch.stack(losses).sum().backward()
    loss = improve_together(around, asked, inputs, outputs, np.float64(0.1))
    assert loss == pytest.approx(torch.stack(losses).sum().item())
    for moved, weight in ((inputs, made.input.weight), (outputs, made.output.weight)):
        assert np.abs(weight.detach().numpy() - 0.1 * weight.grad.numpy() - moved).max() < 1e-6
        assert weight.grad.any()


@pytest.mark.parametrize(("architecture", "output"), KINDS)
def test_a_step_goes_down_the_gradient_of_autograd(architecture: str, output: str) -> None:
    made = network(architecture, output).double()
    around, word, noise = ([3] if made.skip_gram else [3, 5, 9]), 7, [11, 13, 17]
    asked = [torch.tensor([around]), torch.tensor([[word]])] if made.skip_gram else [torch.tensor([[word]]), None]
    centre, context = (asked[0][0], asked[1]) if made.skip_gram else (torch.tensor([word]), torch.tensor([around]))
    torch.autograd.backward(-logsigmoid(made(centre, context, torch.tensor([noise]))).sum())
    way = made.plan.tree.lengths[word]
    judgements = (
        [
            (int(node), 1 - int(turn))
            for node, turn in zip(*(table[word, :way] for table in made.plan.tree[:2]), strict=True)
        ]
        if made.hierarchical
        else [(word, 1), *((one, 0) for one in noise)]
    )
    weights = [made.input.weight, made.output.weight]
    inputs, outputs = (one.detach().numpy().copy() for one in weights)
    improve(around, iter(judgements), inputs, outputs, np.float32(1.0))
    moved = [after - before.detach().numpy() for after, before in zip((inputs, outputs), weights, strict=True)]
    assert np.allclose(moved[1], -weights[1].grad.numpy(), atol=1e-12)
    whole = len(around)  # CBOW's error goes whole to every word, see the model's Departures
    assert np.allclose(moved[0], -weights[0].grad.numpy() * whole, atol=1e-12)


def test_a_score_without_its_sign_is_found() -> None:
    class Unsigned(Word2Vec):
        def forward(self, centre: torch.Tensor, context: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
            return super().forward(centre, context, noise).abs()

    comparisons = checking.compare(replace(find("word2vec"), model=Unsigned), checking.oracle("word2vec"))
    assert next(one.name for one in comparisons if one.verdict != "OK") == "forward"


@pytest.mark.parametrize(("architecture", "output"), KINDS)
def test_every_kind_of_network_explains_itself(architecture: str, output: str) -> None:
    task, made = WordVectors(), Word2Vec(architecture=architecture, output=output)
    torch.nn.init.normal_(made.output.weight)
    record = trace(made, *task.inputs(task.draw(2)), loss=lambda signed: task.doubt(signed[:1]))
    assert coverage(record).missing == ()
    assert truth(record, 10).faults == []


def test_noise_has_the_probabilities_of_counts_to_the_three_quarters() -> None:
    counts = np.array([1000, 300, 20, 20, 7, 1])
    noise = unigram_noise(counts)
    found = noise.keep / 2.0**32
    for word, alias in enumerate(noise.alias):
        found[alias] += 1 - noise.keep[word] / 2.0**32
    assert np.allclose(found / len(counts), counts**0.75 / (counts**0.75).sum(), atol=1e-9)
    drawn = noise.words(np.random.PCG64(0).random_raw(200_000))
    assert np.allclose(np.bincount(drawn, minlength=6) / 200_000, found / len(counts), atol=0.005)


def test_subsampling_keeps_what_the_authors_program_keeps() -> None:
    counts = np.array([50_000, 5_000, 40])
    threshold, total = 1e-3, counts.sum()
    expected = [(np.sqrt(c / (threshold * total)) + 1) * (threshold * total) / c for c in counts]
    assert np.allclose(subsampling(counts, threshold), np.minimum(expected, 1))
    assert subsampling(counts, 0).tolist() == [1, 1, 1]


def test_huffmans_ways_are_the_shortest_and_none_begins_another() -> None:
    counts = np.random.Generator(np.random.PCG64(1)).integers(1, 500, 40)
    tree = huffman(counts)
    ways = [tuple(zip(nodes[:n], turns[:n], strict=True)) for nodes, turns, n in zip(*tree, strict=True)]
    codes = ["".join(str(turn) for _, turn in way) for way in ways]
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)
    heap, least = [int(one) for one in counts], 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        least += joined
        heapq.heappush(heap, joined)
    assert (counts * tree.lengths).sum() == least
    assert {node for way in ways for node, _ in way} == set(range(39))


def test_probabilities_over_the_tree_sum_to_one() -> None:
    made = network("skip-gram", "hierarchical").double()
    every = torch.arange(WORDS)
    signed = made(torch.full((WORDS,), 3), every[:, None], torch.zeros(WORDS, 0, dtype=torch.long))
    assert float(logsigmoid(signed).sum(1).exp().sum().detach()) == pytest.approx(1.0)


def test_rank_correlation_is_scipys() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(200, generator=generator), torch.randint(10, (200,), generator=generator).float()
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
    assert spearman(one, one.exp()) == pytest.approx(1.0)
    assert spearman(torch.ones(5), other[:5]) == 0.0


def made_up(tmp_path: Path) -> tuple[list[str], np.ndarray, object, object]:
    """Words, vectors, facts and the tensors of questions about them; also as the files of gensim's own measures."""
    from liuli.data.dataset import Facts, Split

    generator = np.random.Generator(np.random.PCG64(0))
    words = [f"w{n}" for n in range(WORDS)]
    vectors = generator.normal(size=(WORDS, 4)).astype(np.float32)  # few dimensions: some analogies are right by chance
    pairs = [(f"w{a}", f"w{b}", float(s)) for a, b, s in generator.integers(0, WORDS + 9, (80, 3))]
    analogies = ["W" + " w".join(map(str, row)) for row in generator.integers(0, WORDS + 2, (3000, 4))]
    (tmp_path / "pairs.tsv").write_text("".join(f"{a}\t{b}\t{s}\n" for a, b, s in pairs))
    (tmp_path / "analogies.txt").write_text(": made\n" + "\n".join(analogies) + "\n")
    questions = np.array([*(f"{a} {b}" for a, b, _ in pairs), *analogies], dtype=object)
    people = np.array([*(s for *_, s in pairs), *([np.nan] * len(analogies))])
    section = np.array([0] * len(pairs) + [1] * len(analogies))
    facts = Facts(
        "made", "", "", "corpus", "", (), (), {"sections": ["pairs", "made"]}, {"words": words, "counts": [1] * WORDS}
    )
    return words, vectors, facts, WordVectors().tensors(Split(questions, people, {"section": section}), facts)


def test_measures_are_gensims(tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models")
    words, vectors, facts, batch = made_up(tmp_path)
    theirs = models.KeyedVectors(4)
    theirs.add_vectors(words, vectors)
    made = Word2Vec(WORDS, 4)
    with torch.no_grad():
        made.input.weight.copy_(torch.from_numpy(vectors))
    found = WordVectors().metrics(WordVectors().respond(made, batch), batch, facts)  # type: ignore[arg-type]
    _, correlation, unknown = theirs.evaluate_word_pairs(tmp_path / "pairs.tsv")
    accuracy, sections = theirs.evaluate_word_analogies(tmp_path / "analogies.txt")
    assert found["wordsim"] == pytest.approx(correlation.statistic, abs=1e-6)
    assert found["wordsim_coverage"] == pytest.approx(1 - unknown / 100)
    assert found["questions"] == len(sections[0]["correct"]) + len(sections[0]["incorrect"])
    assert 0 < found["analogies"] == pytest.approx(accuracy)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["vectors.bin", "vectors.txt"])
def test_files_go_to_gensim_and_come_from_it(name: str, tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models")
    words, vectors, *_ = made_up(tmp_path)
    binary = name.endswith(".bin")
    word_formats.write(tmp_path / name, words, vectors)
    theirs = models.KeyedVectors.load_word2vec_format(tmp_path / name, binary=binary)
    assert theirs.index_to_key == words
    assert np.array_equal(theirs.vectors, vectors)
    theirs.save_word2vec_format(tmp_path / f"their-{name}", binary=binary)
    found, values = word_formats.read(tmp_path / f"their-{name}")
    assert found == words
    assert np.array_equal(values, vectors)
