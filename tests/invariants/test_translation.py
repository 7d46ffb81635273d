"""Sentences with their translations: read from their files, cut into pieces and put together again, asked about."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from liuli import cli
from liuli.catalog import find
from liuli.cli.explain import recorded
from liuli.data import multi30k, own, store
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.runs import KEYS, Run
from liuli.tasks import subwords
from liuli.tasks.subwords import BEGIN, END, PADDING
from liuli.tasks.translation import Translation

ENGLISH = ["A man rides a horse.", "Two dogs run.", "A dog runs in the snow.", "A man in the snow."] * 3
GERMAN = ["Ein Mann reitet ein Pferd.", "Zwei Hunde laufen.", "Ein Hund läuft im Schnee.", "Ein Mann im Schnee."] * 3
FACTS = Facts("multi30k", "", "", "translation", "", (), (), {"languages": ["English", "German"]})
TASK = Translation(vocabulary=300, length=12)


def split(source: list[str], target: list[str]) -> Split:
    return Split(np.array(source, dtype=object), np.array(target, dtype=object))


@pytest.fixture(scope="module")
def facts() -> Facts:
    learnt = json.loads(json.dumps(TASK.learn(split(ENGLISH, GERMAN), FACTS)))  # as a run keeps it
    return replace(FACTS, learnt=learnt)


def test_pieces_are_learnt_the_same_again(facts: Facts) -> None:
    assert TASK.learn(split(ENGLISH, GERMAN), FACTS) == facts.learnt
    assert TASK.options(facts) == {"source_vocabulary": 294, "target_vocabulary": 300}
    with pytest.raises(UserError, match="holds image data, but this system reads sentences with their translations"):
        TASK.learn(split([], []), replace(FACTS, kind="image"))


@pytest.mark.parametrize(
    "text",
    ["A man.", "Größe, ÄRGER – „so“!", "馬に乗る人", "a  b\tc", "[END] [PAD]", "don't 3.5", "🐎", "e\u0301te\u0301"],
)
def test_every_sentence_comes_back(text: str, facts: Facts) -> None:
    numbers = subwords.encode([text, "x"], facts.learnt["target"], 200, begin=True)
    assert numbers.dtype == torch.int32
    assert numbers[0, 0] == BEGIN
    assert (numbers == END).sum(1).tolist() == [1, 1]
    import unicodedata

    assert subwords.decode(numbers, facts.learnt["target"]) == [unicodedata.normalize("NFC", text), "x"]


def test_what_is_too_long_is_cut_before_its_end(facts: Facts) -> None:
    source, target = TASK.tensors(split(["dog " * 50, "A dog"], ["Hund " * 50, "Ein Hund"]), facts)
    assert source.shape == target.shape == (2, 12)
    assert source[0, -1] == target[0, -1] == END
    assert TASK.lengths((source, target))[0] == 12
    short = TASK.cut((source[1:], target[1:]), 6)
    assert [one.shape[1] for one in short] == [6, 6]
    assert subwords.spelled(short[1][0], facts.learnt["target"]) == ["[BEGIN]", "Ein", "Hund", "[END]"]


def test_no_sentences_are_no_examples(facts: Facts) -> None:
    assert [len(one) for one in TASK.tensors(split([], []), facts)] == [0, 0]


def test_input_is_the_target_without_its_end(facts: Facts) -> None:
    source, target = batch = TASK.draw(3)
    assert torch.equal(TASK.inputs(batch)[1], target[:, :-1])
    assert TASK.inputs((source,))[1].tolist() == [[BEGIN]] * 3


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def test_two_aligned_files_are_read(tmp_path: Path) -> None:
    english, german = "".join(f"dog {n}\n" for n in range(20)), "".join(f"Hund {n}\n" for n in range(20))
    folder = write(tmp_path / "mine", train_en=english, train_de=german)
    data = store.load(str(folder), kind="translation")
    assert data.facts.details["languages"] == ["de", "en"]
    assert data.validation is None
    assert (len(data.train), len(data.test)) == (18, 2)
    assert data.train.inputs[0] == "Hund 0"
    other = store.load(str(folder), kind="translation", target="de")
    assert other.facts.details["languages"] == ["en", "de"]
    assert store.load_again(other.facts).facts == other.facts
    for part in (other.train, other.test):
        assert [one.split()[1] for one in part.inputs] == [one.split()[1] for one in part.targets]
    write(folder, valid_en="cat\n\n", valid_de="Katze\n\n", test_en="\ufeffcow\r\n", test_de="Kuh\r\n")
    parted = own.load(folder, "de", "translation")
    assert parted.validation is not None
    assert [*parted.validation.inputs, *parted.test.inputs, *parted.test.targets] == ["cat", "cow", "Kuh"]
    assert len(parted.train) == 20
    assert parted.facts.sha256 != other.facts.sha256


def test_a_table_of_two_columns_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_text("".join(f"dog {n}\tHund {n}\n" for n in range(20)) + "\n")
    data = own.load(tmp_path / "mine.tsv", None, "translation")
    assert len(data.train) + len(data.test) == 20
    assert data.test.targets[0] == data.test.inputs[0].replace("dog", "Hund")


TEN = "x\n" * 10


@pytest.mark.parametrize(
    ("files", "target", "said"),
    [
        ({"train_en": TEN}, None, "holds train.en, expected two files, such as train.en and train.de"),
        ({"train_en": TEN, "train_de": TEN, "train_fr": TEN}, None, "holds train.de, train.en, train.fr, expected two"),
        (
            {"train_en": TEN, "train_de": TEN + "x\n"},
            None,
            "train.de has 11 lines and train.en has 10; expected",
        ),
        ({"train_en": TEN, "train_de": "x\n\n" + "x\n" * 8}, None, "train.de, line 2: is empty, expected a sentence"),
        ({"train_en": "x\n", "train_de": "x\n"}, None, "holds 1 pairs of sentences, expected at least 10"),
        ({"train_en": TEN, "train_de": TEN}, "dee", "has no such language; did you mean 'de'"),
        ({"train_en": TEN, "train_de": TEN, "test_en": TEN}, None, "test.de: there is no such file"),
    ],
)
def test_what_is_wrong_with_files_is_said(files: dict[str, str], target: str | None, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        own.load(write(tmp_path / "mine", **files), target, "translation")


@pytest.mark.parametrize(
    ("content", "target", "said"),
    [
        (b"a\tb\nc\n", None, "line 2: has 1 of 1 columns filled, expected 2"),
        (b"a\tb\tc\n", None, "line 1: has 3 of 3 columns filled, expected 2"),
        (b"a\t \n", None, "line 1: has 1 of 2 columns filled, expected 2"),
        (b"a\tb\n", "b", "is translated from its first column into its second"),
        (b"a\tb\n\xff\n", None, r"mine.tsv, line 2: is no text in UTF-8"),
        (b"", None, "holds 0 pairs"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(content: bytes, target: str | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_bytes(content)
    with pytest.raises(UserError, match=said):
        own.load(tmp_path / "mine.tsv", target, "translation")


def test_multi30k_is_read_from_its_files(tmp_path: Path) -> None:
    for file in multi30k.FILES:
        lines = ["Zwei\u2028Hunde", "Ein Mann."] if ".de." in file.name else ["Two dogs", "A man."]
        (tmp_path / file.name).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    data = multi30k.load(tmp_path)
    assert data.train.inputs.tolist() == ["Two dogs", "A man."]
    assert data.test.targets.tolist() == ["Zwei\u2028Hunde", "Ein Mann."], "only line feeds part lines"
    (tmp_path / "val.de.gz").write_bytes(gzip.compress(b"Ein\n"))
    with pytest.raises(UserError, match=r"val\.en\.gz has 2 lines and val\.de\.gz has 1"):
        multi30k.load(tmp_path)
    (tmp_path / "val.de.gz").write_bytes(gzip.compress(b"Ein\n")[:-9])
    with pytest.raises(UserError, match=r"val\.de\.gz: cannot be read as sentences of Multi30k"):
        multi30k.load(tmp_path)


@pytest.mark.data
def test_the_real_multi30k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path))
    data = store.load("multi30k")
    assert [len(one) for one in data.splits().values()] == [29_000, 1_000, 1_014]
    assert data.train.inputs[0] == "Two young, White males are outside near many bushes."
    assert data.train.targets[0] == "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."
    assert data.test.targets[0] == "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt."


@pytest.mark.parametrize("right", [True, False], ids=["right", "nonsense"])
def test_figures_are_drawn(facts: Facts, tmp_path: Path, right: bool) -> None:
    batch = TASK.tensors(split(ENGLISH, GERMAN), facts)
    answers = batch[1][:, 1:].long() if right else torch.zeros(len(ENGLISH), 12, dtype=torch.int64)
    files = TASK.figures(answers, batch, facts, tmp_path)
    system = find("attention")
    files += TASK.portray(system.build(**TASK.options(facts)).eval(), batch, facts, tmp_path)
    assert TASK.portray(find("seq2seq").build(**TASK.options(facts)), batch, facts, tmp_path) == []
    assert {file.stem for file in files} == {"lengths", "translations", "alignment"}
    assert all(file.stat().st_size > 5000 for file in files)
    assert TASK.metrics(answers, batch, facts)["bleu"] == pytest.approx(100 if right else 0)


@pytest.fixture(params=["seq2seq", "attention"])
def here(request: pytest.FixtureRequest, tmp_path: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a run called small, its weights drawn."""
    monkeypatch.chdir(tmp_path)
    system = find(request.param)
    options = TASK.options(facts) | {"width": 8, "units": 8}
    given = {"state": "finished", "system": system.name, "data": facts.to_json(), "options": options, "engine": "torch"}
    record = dict.fromkeys(KEYS) | given | {"recipe": system.recipe.settings()}
    run = Run.create(tmp_path / "runs" / "small", system.name, record, asdict(facts)["learnt"])
    torch.manual_seed(0)
    network = system.build(**options)
    with torch.no_grad():
        network.output.bias[END] = 2.0  # so that its nonsense ends
    save_file(network.state_dict(), run.weights_file)
    return tmp_path


def test_predict_takes_words_and_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "two.txt").write_text("A dog.\n\nTwo men.\n", encoding="utf-8")
    assert cli.run(["predict", "small", "A man rides.", "two.txt", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [one["input"] for one in answers] == ["A man rides.", "two.txt, line 1", "two.txt, line 3"]
    assert answers[0]["read"].split()[:2] == ["A", "man"]
    assert all(isinstance(one["answer"], str) and "pieces" in one for one in answers)
    assert cli.run(["predict", "small", "A man " * 60]) == 0
    assert "but: only the first 63 of its" in capsys.readouterr().out
    assert cli.run(["predict", "small", " "]) == 2
    assert "is empty, expected a sentence" in capsys.readouterr().err


def test_explain_shows_the_pass_that_is_given_its_own_answer(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["explain", "small", "A man rides.", "--json"]) == 0
    assert Path(json.loads(capsys.readouterr().out)["page"]).stat().st_size > 100_000
    record, subject, _ = recorded("small", "A man rides.")
    run = Run.open("small")
    task, network = run.system.task, run.network()
    example = task.read("A man rides.", run.facts, "")
    source, target = task.complete(network, example.batch)
    assert torch.equal(task.complete(network, (source, target))[1], target)
    said = [one for one in target[0].tolist() if one != PADDING]
    assert said[0] == BEGIN
    assert said[-1] == END
    scores = network(source, target[:, :-1])
    assert subwords.decode(target, run.facts.learnt["target"]) == [subject.answer]
    assert [list(value.shape) for value in record.outputs] == [list(scores.shape)]
    assert float(record.loss.statistics.minimum) == pytest.approx(float(task.doubt(scores)), rel=1e-5)
