"""Running text: read, cut into windows, foretold, gone on with, and asked about in every form."""

from __future__ import annotations

import io
import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from liuli import cli
from liuli.catalog import find
from liuli.data import own, texts, tiny_shakespeare
from liuli.data.dataset import Facts, RemoteFile, Split, fingerprint
from liuli.data.order import hold_out
from liuli.errors import UserError
from liuli.models.language.gpt import GPT, SYSTEM
from liuli.runs import KEYS, Run
from liuli.tasks import tokens
from liuli.tasks.language_modelling import LanguageModelling

TASK = SYSTEM.task
TEXT = "".join(f"{n} men and {n + 1} oxen went to sea;\n" for n in range(60))
CHINESE = "".join(f"{chr(0x4E00 + n)}{chr(0x6C34 + n % 40)}山水，琉璃瓦，看得見。\n" for n in range(900))
assert isinstance(TASK, LanguageModelling)


def split(*pieces: str) -> Split:
    return Split(np.array(pieces, dtype=object), np.full(len(pieces), np.nan))


def facts_of(*pieces: str, window: int = 10) -> Facts:
    bare = Facts("made", "", "", "text", "", (), (), learnt={"window": window})
    return replace(bare, learnt=json.loads(json.dumps(TASK.learn(split(*pieces), bare))))  # as a run keeps it


# Data


def test_a_text_is_parted_and_joined_again_without_a_letter_lost(tmp_path: Path) -> None:
    file = tmp_path / "sea.txt"
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    data = own.load(file, None, kind="text")
    train, test = ("".join(part.inputs) for part in (data.train, data.test))
    assert train + test == TEXT
    assert len(train) == int(0.9 * len(TEXT))
    assert all(piece.endswith("\n") for piece in data.train.inputs[:-1])
    assert len(data.train) >= 20, "a share can be held out"
    kept, held = hold_out(data.train, 0.1, 0)
    assert len(held) >= 2
    assert sorted([*kept.inputs, *held.inputs]) == sorted(data.train.inputs)
    assert (data.facts.kind, data.facts.name) == ("text", "sea.txt")


def test_a_folder_is_its_texts_in_their_order(tmp_path: Path) -> None:
    for name, text in (("b.txt", TEXT), ("a.txt", "first of all\n"), ("c.md", "left out")):
        (tmp_path / name).write_text(text)
    data = own.load(tmp_path, None, kind="text")
    whole = "".join([*data.train.inputs, *data.test.inputs])
    assert whole == "first of all\n\n\n" + TEXT


def test_a_text_without_lines_is_cut_all_the_same() -> None:
    pieces = texts.pieces("x" * 100_000).inputs
    assert len(pieces) > 4
    assert max(map(len, pieces)) <= 20_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds 0 characters, expected a text of 50 at least"),
        (b"a few words", "holds 11 characters"),
        (b"\xff\xfe\x00bad", r"a\.txt, line 1: is no text in UTF-8"),
        (b"one\ntwo\0" * 40, r"a\.txt, line 2: holds a zero byte"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=said):
        own.load(tmp_path / "a.txt", None, kind="text")


def test_shakespeare_is_read_as_any_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input.txt").write_text(TEXT)
    data = tiny_shakespeare.load(tmp_path)
    assert "".join([*data.train.inputs, *data.test.inputs]) == TEXT
    assert isinstance(tiny_shakespeare.FILE, RemoteFile)
    assert data.facts.sha256 == fingerprint([tiny_shakespeare.FILE])


@pytest.mark.data
def test_shakespeare_is_parted_where_nanogpt_parts_it() -> None:
    from liuli.data.store import load

    data = load("tiny-shakespeare")
    train, test = ("".join(part.inputs) for part in (data.train, data.test))
    assert (len(train), len(test)) == (1_003_854, 111_540)
    assert len(set(train + test)) == 65
    assert train.startswith("First Citizen:\nBefore we proceed")


# Tokens


def test_characters_and_back() -> None:
    reader = tokens.of(facts_of("abc\n").learnt)
    assert reader.size == 5
    numbers = reader.encode(["ca", "b?\n"])
    assert numbers.tolist() == [4, 2, 3, 0, 1]
    assert reader.decode(numbers) == "cab\ufffd\n"
    assert reader.unknown("a?b??é") == ["?", "é"]


def test_chinese_is_read_by_pieces_and_only_whole_characters_are_given_back() -> None:
    learnt = facts_of(CHINESE).learnt
    assert "tokenizer" in learnt
    reader = tokens.of(learnt)
    for text in (CHINESE[:300], "琉璃 glass 𠮷 🙂 龘\n  two  spaces"):
        numbers = reader.encode([text])
        assert reader.decode(numbers) == text
        assert reader.unknown(text) == []
        for end in range(len(numbers)):
            assert text.startswith(reader.decode(numbers[:end])), "no broken character, nothing that is not there"
    assert len(reader.encode([CHINESE])) < len(CHINESE.encode()) / 3


# Windows


@settings(max_examples=60, deadline=None)
@given(length=st.integers(2, 40), text=st.integers(70, 400))
def test_every_token_counts_once_with_half_a_window_behind_it(length: int, text: int) -> None:
    content = "".join(chr(200 + n) for n in range(200)) * 2
    facts = facts_of(content[:200], window=length)
    windows, targets, counted = TASK.tensors(split(content[: text // 3], content[text // 3 : text]), facts)
    assert windows.shape == targets.shape == counted.shape
    assert windows.shape[1:] == (2, length)
    stream = tokens.of(facts.learnt).encode([content[:text]])
    assert sorted(targets[counted].tolist()) == sorted(stream[1:].tolist())
    assert targets[counted].tolist() == stream[1:].tolist(), "in their order"
    for row, after, count in zip(windows.flatten(0, 1), targets.flatten(0, 1), counted.flatten(0, 1), strict=True):
        assert row[1:].tolist() == after[:-1].tolist()
        if row[0] != stream[0]:
            assert not count[: length - max(1, length // 2)].any()


def test_too_little_text_is_refused_and_none_is_none() -> None:
    with pytest.raises(UserError, match=r"has 15 tokens, expected 16 at least; give more text, or .*context=2"):
        TASK.tensors(split("a" * 15), facts_of("a", window=10))
    assert [len(part) for part in TASK.tensors(split(), facts_of("a"))] == [0, 0, 0]


def test_an_epoch_learns_every_token_once_but_each_time_with_another_past() -> None:
    content = "".join(chr(200 + n % 250) for n in range(2 * 1000))
    facts = facts_of(content[:250], window=20)
    stream = tokens.of(facts.learnt).encode([content])
    batch = TASK.tensors(split(content), facts)
    torch.manual_seed(0)
    begins, learnt = set(), torch.zeros(251)
    for _ in range(50):
        windows, targets, counted = TASK.augment(batch)
        assert windows.shape == (len(batch[0]), 1, 20)
        assert counted.all()
        assert torch.equal(windows[..., 1:], targets[..., :-1])
        begins |= set(windows[0, 0, :1].tolist())
        learnt += torch.bincount(targets.flatten(), minlength=251)
    assert len(begins) == 11
    expected = torch.bincount(stream, minlength=251) * 50
    inside = learnt[50:200] / expected[50:200]
    assert 0.9 < inside.min() <= inside.max() < 1.1
    torch.manual_seed(0)
    again = TASK.augment(batch)
    torch.manual_seed(0)
    assert all(torch.equal(*pair) for pair in zip(again, TASK.augment(batch), strict=True))


# Metrics


def test_metrics_equal_a_count_by_hand() -> None:
    content = "".join(chr(200 + n) for n in range(250))  # each character once, so that its number is its place
    facts = facts_of(content)
    batch = TASK.tensors(split(content), facts)
    torch.manual_seed(0)
    network = GPT(tokens.of(facts.learnt).size, 10, 8, 1, 2).eval()
    found = TASK.metrics(TASK.respond(network, batch), batch, facts)
    losses = {}
    for window, counted in zip(batch[0].flatten(0, 1), batch[2].flatten(0, 1), strict=True):
        logs = network(window[None])[0].detach().double().log_softmax(-1)
        losses |= {int(window[n]) + 1: -float(logs[n, int(window[n]) + 1]) for n in range(10) if counted[n]}
    mean = sum(losses.values()) / 249
    assert found["tokens"] == len(losses) == 249
    assert found["loss"] == pytest.approx(mean, rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(mean), rel=1e-5)
    assert found["bits_per_character"] == pytest.approx(mean / math.log(2), rel=1e-5)


def test_bits_are_per_character_also_where_pieces_are_longer() -> None:
    facts = facts_of(CHINESE)
    batch = TASK.tensors(split(CHINESE[:400]), facts)
    reader = tokens.of(facts.learnt)
    output = torch.ones(batch[1].shape)
    found = TASK.metrics(output, batch, facts)
    count = len(reader.encode([CHINESE[:400]])) - 1
    first = len(reader.decode(reader.encode([CHINESE[:400]])[:1]))
    assert found["tokens"] == count
    assert found["bits_per_character"] == pytest.approx(count / math.log(2) / (400 - first), rel=0.01)


def test_the_loss_is_that_of_what_counts() -> None:
    batch = TASK.draw(3)
    torch.manual_seed(0)
    network = GPT().double().eval()
    loss, _ = TASK.outcome(network, batch)
    scores = network(batch[0][:, 0])[:, 1:]
    expected = cross_entropy(scores.flatten(0, 1), batch[1][:, 0, 1:].flatten().long())
    assert torch.allclose(loss, expected, rtol=1e-12)


# Verbs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("gpt")
    (folder / "sea.txt").write_text(TEXT)
    data = own.load(folder / "sea.txt", None, kind="text")
    facts = replace(data.facts, learnt=facts_of(*data.train.inputs, window=16).learnt)
    system = find("gpt")
    options = {**TASK.options(facts), "context": 16, "width": 16, "layers": 1, "heads": 2}
    record = dict.fromkeys(KEYS) | {
        "state": "finished",
        "system": "gpt",
        "data": {key: value for key, value in asdict(facts).items() if key != "learnt"},
        "recipe": system.recipe.settings(),
        "options": options,
        "engine": "torch",
    }
    found = Run.create(folder / "run", "gpt", record, facts.learnt)
    torch.manual_seed(0)
    save_file(system.build(**options).state_dict(), found.weights_file)
    return found


def asked(run: Run, capsys: pytest.CaptureFixture[str], *inputs: str) -> list[dict[str, object]]:
    assert cli.run(["predict", str(run.folder), *inputs, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_predict_goes_on_with_words_a_file_and_what_is_typed(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "begin.txt").write_text("3 men and\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"9 oxen")))
    words, again, file, typed = asked(run, capsys, "3 men", "3 men", str(tmp_path / "begin.txt"), "-")
    assert words["prompt"] == "3 men"
    assert words["answer"] == again["answer"], "drawn with one seed"
    assert len(str(words["answer"])) == words["tokens"] == TASK.makes
    assert file["prompt"] == "3 men and\n"
    assert typed["prompt"] == "9 oxen"


def test_predict_says_what_it_has_never_seen(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (answer,) = asked(run, capsys, "Ω men")
    assert answer["remark"] == "never seen, so that nothing is known of: Ω"


def test_a_long_prompt_counts_by_its_end() -> None:
    network = GPT(30, 8, 8, 1, 2).eval()
    short = torch.randint(30, (1, 1, 8), generator=torch.Generator().manual_seed(0))
    long = torch.cat([torch.zeros(1, 1, 50, dtype=torch.long), short], 2)
    one, other = TASK.respond(network, (short,)), TASK.respond(network, (long,))
    assert torch.equal(one[0, 8:], other[0, 58:])


def test_an_empty_prompt_is_refused(run: Run) -> None:
    for empty in ("", b""):
        with pytest.raises(UserError, match="is empty, expected the beginning of a text"):
            TASK.read(empty, run.facts, "it")


def test_explain_opens_a_prompt(run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = str(tmp_path / "page.html")
    assert cli.run(["explain", str(run.folder), "3 men", "--out", page, "--no-open"]) == 0
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_evaluate_measures_and_draws(run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = own.load(run.folder.parent / "sea.txt", None, kind="text")
    batch = TASK.tensors(data.test, run.facts)
    network = run.network()
    output = TASK.respond(network, batch)
    drawn = TASK.figures(output, batch, run.facts, tmp_path) + TASK.portray(network, batch, run.facts, tmp_path)
    assert {file.name for file in drawn} == {"by-place.png", "surprise.png", "samples.png"}
    assert all(file.stat().st_size > 5000 for file in drawn)


def test_other_data_are_refused() -> None:
    with pytest.raises(UserError, match="holds image data, but this system reads running text"):
        TASK.learn(split("a"), Facts("mnist", "", "", "image", "", (), ()))


def test_one_score_is_no_answer_to_another_text() -> None:
    """Each prompt of a batch is gone on with by itself."""
    network = GPT(30, 8, 8, 1, 2).eval()
    prompts: Tensor = torch.randint(30, (2, 1, 5), generator=torch.Generator().manual_seed(0))
    both = TASK.respond(network, (prompts,))
    assert both.shape == (2, 5 + TASK.makes)
    assert torch.equal(both[:, :5], prompts[:, 0])
