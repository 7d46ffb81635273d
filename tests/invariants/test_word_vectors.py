"""Word vectors: text and questions are read right, learning repeats and resumes, and what is planted is found."""

from __future__ import annotations

import gzip
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from liuli.data import own, store, text8, word_eval
from liuli.data.dataset import Data, Facts, Split
from liuli.errors import LiuliError, UserError
from liuli.models.language.word2vec import Word2Vec
from liuli.system import Linear
from liuli.tasks import word_formats
from liuli.tasks.examples import Batch
from liuli.tasks.word_vectors import NO_PAIR, WordVectors
from liuli.training import fit, loop

QUESTIONS = {
    "wordsim353.tsv": "# people\nlove\tsex\t6.77\nTiger\tcat\t7.35\n",
    "questions-words.txt": ": capitals\nAthens Greece Baghdad Iraq\n: family\nboy girl king queen\nboy girl he she\n",
}
TASK = WordVectors(fewest=1)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    for name, content in QUESTIONS.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def corpus(rows: list[str], questions: Split | None = None) -> Facts:
    facts = Facts("made", "", "", "corpus", "", (), (), {"sections": ["WordSim-353", "capitals", "family"]})
    learnt = TASK.learn(Split(np.array(rows, dtype=object), np.zeros(len(rows))), facts)
    return Facts(**{**vars(facts), "learnt": learnt})


def test_questions_are_read(asked: Path) -> None:
    data = word_eval.load(asked)
    assert data.facts.details["sections"] == ["WordSim-353", "capitals", "family"]
    assert data.test.inputs.tolist()[:3] == ["love sex", "Tiger cat", "Athens Greece Baghdad Iraq"]
    assert data.test.extra["section"].tolist() == [0, 0, 1, 2, 2]
    assert data.test.targets[:2].tolist() == [6.77, 7.35]
    assert np.isnan(data.test.targets[2:]).all()
    assert len(data.train) == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("wordsim353.tsv", "love\tsex\n", "wordsim353.tsv:1: is 'love\tsex', expected two words and a number"),
        ("questions-words.txt", "a b c d\n", "questions-words.txt:1: is 'a b c d', expected ': section' first"),
        ("questions-words.txt", ": one\n\na b c\n", "questions-words.txt:3: is 'a b c'"),
    ],
)
def test_a_damaged_line_is_named(asked: Path, name: str, content: str, said: str) -> None:
    (asked / name).write_text(content)
    with pytest.raises(UserError) as failure:
        word_eval.load(asked)
    assert said in str(failure.value)


@pytest.mark.parametrize("whole", [True, False])
def test_text8_is_cut_into_rows(asked: Path, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liuli.data.store.load", lambda name: word_eval.load(asked))
    text = " " + " ".join(f"w{n}" for n in range(2100))
    if whole:
        with zipfile.ZipFile(asked / "text8.zip", "w") as archive:
            archive.writestr("text8", text)
    else:
        (asked / "text8-first-4.5MB.gz").write_bytes(gzip.compress(text.encode()))
    data: Data = text8.load(asked)
    assert [len(row.split()) for row in data.train.inputs] == [1000, 1000, 100]
    assert data.train.inputs[2].split()[0] == "w2000"
    assert data.facts.variant == ("full text" if whole else "first 4.5 MB")
    assert len(data.test) == 5


def test_a_damaged_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "text8-first-4.5MB.gz").write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(UserError, match=r"is not a sound file of text8 .* get it again"):
        text8.load(tmp_path)


def test_words_become_numbers_by_their_frequency(asked: Path) -> None:
    facts = corpus(["the cat sat", "the tiger the cat", "love the greece"])
    assert facts.learnt["words"][:2] == ["the", "cat"]
    assert facts.learnt["counts"][:2] == [4, 2]
    words, signs, *_ = TASK.tensors(word_eval.load(asked).test, facts)
    assert signs.tolist() == [[0] * 4, [1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4], "only tiger and cat are known"
    assert [facts.learnt["words"][n] for n in words[1, :2]] == ["tiger", "cat"]
    words, signs, *_ = TASK.tensors(Split(np.array(["the dog sat", "cat"], dtype=object), np.zeros(2)), facts)
    assert [
        [facts.learnt["words"][n] for n, s in zip(*row, strict=True) if s] for row in zip(words, signs, strict=True)
    ] == [
        ["the", "sat"],
        ["cat"],
    ]


def test_too_little_text_is_said() -> None:
    with pytest.raises(UserError, match=r"has 0 word\(s\) that come 5 times or more, expected at least 2"):
        WordVectors().learn(Split(np.array(["a b c"], dtype=object), np.zeros(1)), corpus(["a b"]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("kingg", r"'kingg' is none of the 4 words learnt from made; did you mean 'king'\?"),
        ("xylophone", "'xylophone' is none of the 4 words .* try a more frequent one"),
        ("  ", "holds no word, expected words such as king - man"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
    ],
)
def test_what_cannot_be_asked_is_said(given: str | bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        TASK.read(given, corpus(["king man woman queen"]), "given")


def test_sums_are_read_and_answered(tmp_path: Path) -> None:
    facts = corpus(["king man woman queen other"])
    (tmp_path / "asked.txt").write_text("King − man + woman\n")
    for source in ("king - man + woman", tmp_path / "asked.txt"):
        words, signs, *_ = TASK.read(source, facts, "asked").batch
        assert [facts.learnt["words"][n] for n in words[0]] == ["king", "man", "woman"]
        assert signs[0].tolist() == [1, -1, 1]
    made = Word2Vec(5, 2)
    directions = {"king": (1, 1), "man": (0, 1), "woman": (0, -1), "queen": (1, -0.9), "other": (-1, 0)}
    with torch.no_grad():
        for word, direction in directions.items():
            made.input.weight[facts.learnt["words"].index(word)] = torch.tensor(direction)
    answer = TASK.answer(TASK.respond(made, TASK.read("king - man + woman", facts, "x").batch)[0], facts)
    assert answer["answer"] == "queen"
    assert [one["word"] for one in answer["nearest"]] == ["queen", "other"]  # type: ignore[attr-defined]
    assert "alike" not in answer
    assert TASK.answer(TASK.respond(made, TASK.read("king man", facts, "x").batch)[0], facts)["alike"] == 0.7071
    assert TASK.respond(made, TASK.read("king", facts, "x").batch)[0, 0] == NO_PAIR


def planted() -> tuple[list[str], Facts]:
    """Two kinds of words, each only among its own."""
    generator = np.random.Generator(np.random.PCG64(0))
    kinds = [[f"{kind}{n}" for n in range(8)] for kind in "ab"]
    rows = [" ".join(generator.choice(kinds[n % 2], 50)) for n in range(40)]
    return rows, corpus(rows)


def learnt(epochs: int = 3, **options: object) -> tuple[Word2Vec, list[float], Facts]:
    rows, facts = planted()
    batch = TASK.tensors(Split(np.array(rows, dtype=object), np.zeros(len(rows))), facts)
    torch.manual_seed(0)
    made = Word2Vec(16, 10, subsample=0.0, **options)  # type: ignore[arg-type]
    TASK.equip(made, facts)
    losses = [
        float(made.learn(tuple(one[at : at + 10] for one in batch), 0.1)["loss"])
        for _ in range(epochs)
        for at in range(0, 40, 10)
    ]
    return made, losses, facts


@pytest.mark.parametrize("output", ["negative", "hierarchical"])
@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
@pytest.mark.parametrize("workers", [1, 2])
def test_words_of_one_kind_come_to_be_alike(architecture: str, output: str, workers: int) -> None:
    made, losses, facts = learnt(15, architecture=architecture, output=output, workers=workers)
    assert losses[-1] < losses[0]
    vectors = torch.nn.functional.normalize(made.input.weight.detach(), dim=1)
    alike = vectors @ vectors.T  # (V, V)
    kind = torch.tensor([word.startswith("a") for word in facts.learnt["words"]])
    own = kind[:, None] == kind
    assert alike[own].mean() > alike[~own].mean() + 0.3


def test_one_worker_repeats_itself_and_goes_on_where_it_was() -> None:
    whole, losses, _ = learnt(4)
    again, same, _ = learnt(4)
    assert losses == same
    assert torch.equal(whole.input.weight, again.input.weight)
    half, _, facts = learnt(2)
    rows, _ = planted()
    batch = TASK.tensors(Split(np.array(rows, dtype=object), np.zeros(len(rows))), facts)
    resumed = Word2Vec(16, 10, subsample=0.0)
    resumed.load_state_dict(half.state_dict())
    resumed.remember(half.memory())
    for at in [*range(0, 40, 10)] * 2:
        resumed.learn(tuple(one[at : at + 10] for one in batch), 0.1)
    assert torch.equal(whole.input.weight, resumed.input.weight)
    assert torch.equal(whole.output.weight, resumed.output.weight)


@pytest.fixture
def tiny_text8(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for text8: the planted text, each row ten times, and a few questions."""
    rows, facts = planted()
    questions = word_eval.load(asked).test
    read = Data(
        replace(facts, name="text8", learnt={}),
        Split(np.array(rows * 3, dtype=object), np.zeros(len(rows) * 3)),
        questions,
    )
    dataset = replace(text8.DATA, files=(), subset=None, load=lambda _: read)
    monkeypatch.setattr(store, "definitions", lambda: {"text8": dataset})
    monkeypatch.setenv("LIULI_CACHE", str(asked / "cache"))


def test_a_run_cut_off_ends_with_the_bits_of_one_that_was_not(
    tiny_text8: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", 1e9)
    quiet, settings = Console(quiet=True), {"epochs": 2, "subsample": 0.0, "lr": 0.1}
    whole = fit.train("word2vec", settings=settings, out=tmp_path / "whole", console=quiet)
    learn, calls = Word2Vec.learn, []

    def cut_off(network: Word2Vec, batch: Batch, rate: float) -> dict[str, torch.Tensor]:
        calls.append(rate)
        if len(calls) == 17:  # in the second epoch
            raise ConnectionError
        return learn(network, batch, rate)

    monkeypatch.setattr(Word2Vec, "learn", cut_off)
    with pytest.raises(LiuliError):
        fit.train("word2vec", settings=settings, out=tmp_path / "cut", console=quiet)
    cut = fit.resume(tmp_path / "cut", quiet)
    assert len(calls) == 24 + 1
    assert cut.weights_file.read_bytes() == whole.weights_file.read_bytes()
    assert cut.result is not None
    assert whole.result is not None
    assert cut.result["metrics"] == whole.result["metrics"]
    assert {file.name for file in cut.figures_folder.glob("*.png")} >= {"similarity.png", "words.png", "curves.png"}


def test_options_that_no_network_has_are_refused() -> None:
    with pytest.raises(ValueError, match="architecture is 'glove', expected skip-gram or cbow"):
        Word2Vec(architecture="glove")
    with pytest.raises(ValueError, match="at least"):
        Word2Vec(window=0)


def test_a_straight_line_falls_from_one_to_its_floor() -> None:
    assert [Linear(floor=0.5).factor(x) for x in (0, 0.5, 1)] == [1, 0.75, 0.5]
    assert [Linear(warmup=0.5).factor(x) for x in (0, 0.25, 0.5, 0.75, 1)] == [0, 0.5, 1, 0.5, 0]


@pytest.mark.parametrize("name", ["vectors.bin", "vectors.txt"])
def test_vectors_written_are_read_back(name: str, tmp_path: Path) -> None:
    words = ["the", "naïve", "琉璃"]
    vectors = np.random.Generator(np.random.PCG64(0)).normal(size=(3, 7)).astype(np.float32)
    word_formats.write(tmp_path / name, words, vectors)
    found, values = word_formats.read(tmp_path / name)
    assert found == words
    assert np.array_equal(values, vectors)


def test_damaged_vectors_are_said(tmp_path: Path) -> None:
    file = tmp_path / "vectors.bin"
    with pytest.raises(UserError, match="cannot be read"):
        word_formats.read(file)
    word_formats.write(file, ["one", "two"], np.ones((2, 3), dtype=np.float32))
    content = file.read_bytes()
    file.write_bytes(content[:-5])
    with pytest.raises(UserError, match="is cut short in word 2 of 2"):
        word_formats.read(file)
    file.write_bytes(b"hello\n")
    with pytest.raises(UserError, match="expected two numbers: words and dimensions"):
        word_formats.read(file)
    file.write_text("2 3\none 1 2 3\ntwo 1 x 3\n")
    with pytest.raises(UserError, match=r"vectors.bin:3: expected a word and 3 numbers"):
        word_formats.read(file)
    with pytest.raises(UserError, match="holds a space"):
        word_formats.write(file, ["two words"], np.ones((1, 3), dtype=np.float32))


def test_a_users_own_text_is_read(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liuli.data.store.load", lambda name: word_eval.load(asked))
    (asked / "own").mkdir()
    (asked / "own" / "b.txt").write_text("It isn't _here_: x-ray, 1984!\n", encoding="utf-8")
    (asked / "own" / "a.txt").write_text("Łódź 琉璃\n", encoding="utf-8")
    for path, expected in ((asked / "own", ["łódź", "琉璃", "it"]), (asked / "own" / "b.txt", ["it", "isn't", "here"])):
        data = own.load(path, None, kind="corpus")
        assert data.train.inputs[0].split()[:3] == expected
        assert len(data.test) == 5
    assert data.train.inputs[0].split()[3:] == ["x-ray", "1984"]
    assert own.load(asked / "own", None, kind="corpus").facts.sha256 != data.facts.sha256
    (asked / "own" / "b.txt").write_bytes(b"one\n\xff\xfe")
    with pytest.raises(UserError, match=r"b.txt, line 2: is no text in UTF-8"):
        own.load(asked / "own", None, kind="corpus")
    (asked / "own" / "b.txt").write_text(" ,. ")
    with pytest.raises(UserError, match="holds no word, expected running text"):
        own.load(asked / "own" / "b.txt", None, kind="corpus")
    with pytest.raises(UserError, match=r"is a file with the ending '.tsv', expected a file of running text"):
        own.load(asked / "wordsim353.tsv", None, kind="corpus")


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("LIULI_DATA"), reason="LIULI_DATA is not set")
def test_the_real_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    data = store.load("text8")
    words = [word for row in data.train.inputs for word in row.split()]
    assert words[:5] == ["anarchism", "originated", "as", "a", "term"]
    assert len(words) == (17_005_207 if data.facts.variant == "full text" else 762_393)
    assert np.bincount(data.test.extra["section"])[:2].tolist() == [353, 506]
    assert len(data.test) == 353 + 19_544
    assert len(data.facts.details["sections"]) == 1 + 14
    assert np.nanmin(data.test.targets) >= 0
    assert np.nanmax(data.test.targets) == 10
