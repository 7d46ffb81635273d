"""Text in pieces, pairs of spans, what is masked in them, and what is asked of the network that fills it in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import liuli
from liuli import cli
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.models.language.bert import SYSTEM
from liuli.runs import Run
from liuli.tasks import passages, pieces
from liuli.tasks.masked_language import IGNORED, LIKELIEST, SEVERAL, MaskedLanguage
from liuli.tasks.passages import KEPT, NOWHERE

STREETS = ["harbour", "river", "market", "castle", "garden", "station"]
ENGLISH = [
    f"The {one} is old. We walk to the {one}, and see it by the {other}!" for one in STREETS for other in STREETS
]
CHINESE = [
    f"我喜歡{one}。{other}在臺北，我們一起去看看{one}吧！"
    for one in ("河流", "城市", "火車")
    for other in ("夜市", "公園")
]
FACTS = Facts("made", "", "", "prose", "", (), ())
TASK = MaskedLanguage(length=24, vocabulary=200)


def learnt_from(texts: list[str], size: int = 200, cased: bool = False) -> Facts:
    return replace(FACTS, learnt=json.loads(json.dumps(pieces.learn(texts, size, cased))))


def split(texts: list[str]) -> Split:
    return Split(np.array(texts, dtype=object), np.full(len(texts), np.nan))


@pytest.fixture(scope="module")
def facts() -> Facts:
    return learnt_from(ENGLISH)


def test_the_same_pieces_are_learnt_each_time(facts: Facts) -> None:
    assert learnt_from(ENGLISH).learnt == facts.learnt
    assert pieces.names(facts.learnt)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert {"the", "harbour", "station", "."} <= set(pieces.names(facts.learnt))


def test_pieces_are_counted(facts: Facts) -> None:
    numbers = pieces.vocabulary(facts.learnt)
    assert facts.learnt["counts"][numbers["harbour"]] == sum(one.count("harbour") for one in ENGLISH)
    assert sum(facts.learnt["counts"]) == sum(map(len, pieces.encode(ENGLISH, facts.learnt)))


def test_special_pieces_are_read_by_their_names_only(facts: Facts) -> None:
    text = pieces.text(pieces.encode(["The HARBOUR is [MASK], zzz café"], facts.learnt)[0], facts.learnt)
    assert text.startswith("the harbour is [MASK], ".replace(",", " ,"))
    assert "mask" not in {name.strip("#") for name in pieces.names(facts.learnt)}


def test_accents_and_capitals_go_unless_they_are_kept() -> None:
    texts = ["Ça va, Élise ? Où es-tu, élise ?"] * 9
    plain, kept = learnt_from(texts).learnt, learnt_from(texts, cased=True).learnt
    assert {"elise", "ou", "ca"} <= set(pieces.names(plain))
    assert {"Élise", "élise", "Où", "Ça"} <= set(pieces.names(kept))


def test_chinese_characters_are_words() -> None:
    learnt = learnt_from(CHINESE * 2).learnt
    text = "我喜歡臺北的夜市。"
    assert pieces.text(pieces.encode([text], learnt)[0], learnt) == "我 喜 歡 臺 北 [UNK] 夜 市 。"
    assert not [name for name in pieces.names(learnt) if len(name.removeprefix("##")) > 1 and name not in pieces.NAMES]


def test_a_text_is_cut_in_pairs_and_nothing_is_lost() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    for length in range(1, 90):
        text = generator.integers(1, 9, length).tolist()
        found = list(passages.spans(text, longest=9, stops=frozenset([8])))
        assert [one for span in found for one in span] == text
        assert len(found) % 2 == 0
        assert max(map(len, found)) <= 9
        for span in found[:-2]:
            assert len(span) == 9 or (span[-1] == 8 and len(span) > 6)


def read_of(batch: tuple[Tensor, ...]) -> Tensor:
    return passages.composed(*batch[:4]).abs()


def test_pairs_stand_as_bert_reads_them(facts: Facts) -> None:
    batch = TASK.tensors(split(ENGLISH), facts)
    numbers = pieces.vocabulary(facts.learnt)
    words, segments, places = TASK.inputs(batch)
    read = read_of(batch)
    assert (words[:, 0] == numbers["[CLS]"]).all()
    assert ((read == numbers["[SEP]"]).sum(1) == 2).all()
    for row, first, segment in zip(read.tolist(), batch[0].tolist(), segments.tolist(), strict=True):
        assert row[first - 1] == numbers["[SEP]"]
        real = sum(one != 0 for one in row)
        assert row[real - 1] == numbers["[SEP]"]
        assert segment == [0] * first + [1] * (real - first) + [0] * (TASK.length - real)
    assert torch.equal(read == words, torch.ones_like(read).scatter(1, places, 0).bool() | (read == words))


def test_a_pair_that_follows_is_of_the_text_and_one_that_does_not_is_not(facts: Facts) -> None:
    batch = TASK.tensors(split(ENGLISH), facts)
    texts = {pieces.text(one, facts.learnt) for one in pieces.encode(ENGLISH, facts.learnt)}
    for row, strange in zip(read_of(batch).tolist(), batch[3].tolist(), strict=True):
        text = pieces.text([one for one in row if one > 3], facts.learnt)
        assert any(text in one for one in texts) or strange
    assert 0.3 < batch[3].double().mean() < 0.7


def test_shares_of_what_is_masked_are_the_papers(facts: Facts) -> None:
    task = replace(TASK, length=64)
    texts = [" ".join(ENGLISH[(start + k) % 36] for k in range(12)) for start in range(36)] * 40
    batch = task.tensors(split(texts), facts)
    for one in (batch, task.augment(batch)):
        words, _, places = task.inputs(one)
        read = read_of(one)
        asked = places != NOWHERE
        free = (passages.composed(*one[:4]) > 0).sum()
        assert abs(asked.sum() / free - 0.15) < 0.01
        assert not (read.gather(1, places)[asked] < 5).any()
        for row, there in zip(places, asked, strict=True):
            assert len(set(row[there].tolist())) == int(there.sum())
        shown, stood = words.gather(1, places)[asked], read.gather(1, places)[asked]
        assert abs((shown == 4).double().mean() - 0.8) < 0.01
        assert abs((shown == stood).double().mean() - 0.1) < 0.012
        assert torch.equal(task.truth(one)[asked], stood.long())
        assert (task.truth(one)[~asked] == IGNORED).all()


def test_training_differs_by_epoch_and_what_is_held_out_does_not(facts: Facts) -> None:
    first, again = (TASK.tensors(split(ENGLISH), facts) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    torch.manual_seed(0)
    one, other = TASK.augment(first), TASK.augment(first)
    torch.manual_seed(0)
    assert all(torch.equal(*pair) for pair in zip(one, TASK.augment(first), strict=True))
    assert not torch.equal(one[4], other[4])
    assert not torch.equal(one[3], other[3])
    assert [part.dtype for part in one] == [part.dtype for part in first]
    assert torch.equal(one[1], first[1])


def test_unknown_words_are_never_masked(facts: Facts) -> None:
    batch = TASK.tensors(split(["the [UNK] is [UNK] [UNK] [UNK]. " * 3] * 20), facts)
    assert (read_of(batch) == 1).any()
    assert not (TASK.truth(batch) == 1).any()


def test_metrics_equal_a_computation_by_hand() -> None:
    torch.manual_seed(0)
    network, batch = SYSTEM.build().eval(), SYSTEM.task.draw(7)
    with torch.no_grad():
        output = network(*SYSTEM.task.inputs(batch))
        found = SYSTEM.task.metrics(SYSTEM.task.respond(network, batch), batch, SYSTEM.task.drawn_facts())
        loss = float(SYSTEM.task.outcome(network, batch).loss)
    truth, losses, right, top = SYSTEM.task.truth(batch), [], [], []
    for row in range(7):
        for column in range(3):
            if truth[row, column] >= 0:
                scores = output[row, column].double()
                losses.append(float(scores.logsumexp(0) - scores[truth[row, column]]))
                rank = int((scores > scores[truth[row, column]]).sum())
                right.append(rank == 0)
                top.append(rank < 5)
    follows = output[:, -1, :2]
    assert found["places"] == len(losses) == 17
    assert found["masked_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(np.mean(losses)), rel=1e-5)
    assert found["masked_accuracy"] == pytest.approx(np.mean(right))
    assert found["masked_top_5"] == pytest.approx(np.mean(top))
    assert found["next_loss"] == pytest.approx(float(cross_entropy(follows, batch[3])), rel=1e-5)
    assert found["next_accuracy"] == pytest.approx(float((follows.argmax(1) == batch[3]).double().mean()))
    assert loss == pytest.approx(found["masked_loss"] + found["next_loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The harbour is old.", r"holds no \[MASK\], expected one in each place .* The capital of France is \[MASK\]"),
        ("", r"holds no \[MASK\]"),
        ("old " * 30 + "[MASK]", r"its \[MASK\] stands behind the first 22 pieces, which are read"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(facts: Facts, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        TASK.read(text, facts, text[:20])


def test_a_blank_is_read_however_it_is_written(facts: Facts) -> None:
    one = TASK.read("The [mask] is [Mask].", facts, "x")
    assert one.spelled == "[CLS] the [MASK] is [MASK] . [SEP]"
    assert one.batch[4].tolist() == [[2, 4]]
    assert TASK.inputs(one.batch)[0].tolist() == one.batch[1].tolist()
    assert TASK.read("zzz [MASK]", facts, "x").remark == "of it 1 word(s) are unknown"
    assert TASK.read("[MASK] " * 30, facts, "x").remark == "only the first 22 of its 30 pieces were read"


def test_other_data_are_refused() -> None:
    with pytest.raises(UserError, match="holds image data, but this system reads running text by paragraphs"):
        TASK.learn(split(ENGLISH), replace(FACTS, kind="image"))


SMALL: dict[str, object] = {"width": 16, "layers": 1, "heads": 2, "inner": 32, "batch_size": 16, "lr": 1e-2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("corpus") / "streets.txt"
    file.write_text("\n".join(f"{one} Number {n}." for n in range(4) for one in ENGLISH), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(corpus: Path) -> Run:
    return liuli.train("bert", data=str(corpus), epochs=6, settings=SMALL, out=corpus.parent / "run")


def test_a_users_own_text_is_learnt_and_asked(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run.result is not None
    assert run.result["metrics"]["masked_accuracy"] > 0.3
    folder = run.folder
    assert {"blanks.png", "frequency.png", "attention.png"} <= {one.name for one in (folder / "figures").iterdir()}
    assert cli.run(["predict", str(folder), "The harbour [MASK] old.", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert len(answer["probabilities"]) == LIKELIEST
    assert answer["answer"] == max(answer["probabilities"], key=lambda word: answer["probabilities"][word])
    assert answer["read"] == "[CLS] the harbour [MASK] old . [SEP]"
    assert cli.run(["predict", str(folder), "The [MASK] is [MASK].", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert [len(blank) for blank in answer["blanks"]] == [SEVERAL, SEVERAL]
    assert cli.run(["predict", str(folder), "The harbour is old."]) == 2
    assert "holds no [MASK]" in capsys.readouterr().err


def test_training_goes_on_from_a_run(run: Run, corpus: Path) -> None:
    settings = {"batch_size": 16, "pretrained": str(run.folder)}
    after = liuli.train("bert", data=str(corpus), epochs=1, settings=settings, out=corpus.parent / "after")
    assert after.options["width"] == 16
    assert after.facts.learnt["tokenizer"] == run.facts.learnt["tokenizer"]
    assert after.history()[0]["validation_loss"] < run.history()[0]["validation_loss"]


def test_chinese_text_is_read_by_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "臺北.txt").write_text(
        "\n\n".join(f"第{n}天。\n{one}" for n in range(12) for one in CHINESE), encoding="utf-8"
    )
    run = liuli.train("bert", data=str(tmp_path / "臺北.txt"), epochs=2, settings=SMALL, out=tmp_path / "run")
    assert "Glyph" not in "".join(capsys.readouterr())
    assert cli.run(["predict", str(run.folder), "我喜[MASK]城市。", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["read"] == "[CLS] 我 喜 [MASK] 城 市 。 [SEP]"
    characters = {one for text in CHINESE for one in text}
    assert len(characters & answer["probabilities"].keys()) > 5


def test_kept_blanks_are_told_from_pieces() -> None:
    assert KEPT < 0 == NOWHERE
