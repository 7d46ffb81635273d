"""Sentences: read from their file, turned into numbers and back, classified, and asked about in every form."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn import metrics

from liuli import cli
from liuli.catalog import find
from liuli.cli.explain import recorded
from liuli.data import own, sms_spam
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError, from_extra
from liuli.runs import KEYS, Run
from liuli.tasks import words
from liuli.tasks.text_classification import TextClassification
from liuli.tasks.words import PADDING, UNKNOWN

TEXTS = ["FREE prize! call 0800 now", "call me now", "see you at 5, ok?", "free FREE now", "me and you", "prize at 10"]
FACTS = Facts("sms-spam", "", "", "sentence", "", (), ("ham", "spam"))
TASK = TextClassification(length=6)


def split(texts: list[str]) -> Split:
    return Split(np.array(texts, dtype=object), np.arange(len(texts)) % 2)


@pytest.fixture(scope="module")
def facts() -> Facts:
    learnt = json.loads(json.dumps(TASK.learn(split(TEXTS), FACTS)))  # as a run keeps it
    return replace(FACTS, learnt=learnt)


def test_what_comes_twice_is_learnt_the_commonest_first(facts: Facts) -> None:
    names = list(dict(sorted(words.vocabulary(facts.learnt).items(), key=lambda item: item[1])))
    assert names[:3] == ["[PAD]", "[UNK]", "now"]
    assert set(names[3:]) == {"FREE", "at", "call", "me", "prize", "you"}
    again = TASK.learn(split(TEXTS), FACTS)
    assert again == facts.learnt


def test_numbers_and_back(facts: Facts) -> None:
    numbers, labels = TASK.tensors(split(["call  now, you!", "", "me " * 20, "FREE", "free"]), facts)
    assert numbers.dtype == torch.int32
    assert numbers.shape == (5, 6)
    spelled = [words.spelled(row, facts.learnt) for row in numbers]
    assert spelled == [["call", "now", "[UNK]", "you", "[UNK]"], ["[UNK]"], ["me"] * 6, ["FREE"], ["[UNK]"]]
    assert TASK.lengths((numbers, labels)).tolist() == [5, 1, 6, 1, 1]
    assert numbers[3].tolist()[1:] == [PADDING] * 5
    cut, kept = TASK.cut((numbers, labels), 5)
    assert cut.shape == (5, 5)
    assert torch.equal(kept, labels)


def test_in_training_some_words_are_read_as_unknown() -> None:
    numbers, labels = TASK.draw(2000)
    torch.manual_seed(0)
    varied, kept = TASK.augment((numbers, labels))
    changed = varied != numbers
    assert (varied[changed] == UNKNOWN).all()
    assert 0.08 < float(changed[numbers > UNKNOWN].float().mean()) < 0.12
    assert kept is labels


def test_an_empty_split_has_no_examples(facts: Facts) -> None:
    numbers, labels = TASK.tensors(split([]), facts)
    assert len(numbers) == len(labels) == 0


def test_pictures_are_refused() -> None:
    with pytest.raises(UserError, match="holds image data, but this system reads sentences"):
        TASK.learn(split([]), replace(FACTS, kind="image"))


def test_a_sentence_is_remarked_upon(facts: Facts) -> None:
    plain = TASK.read("call me", facts, "call me")
    assert (plain.spelled, plain.remark) == ("call me", "")
    unknown = TASK.read("zzz qqq", facts, "zzz qqq")
    assert unknown.batch[0].tolist() == [[UNKNOWN, UNKNOWN]]
    assert unknown.remark.startswith("no word of it was learnt")
    long = TASK.read("now " * 9, facts, "long")
    assert long.batch[0].shape == (1, 6)
    assert long.remark == "only the first 6 of its 9 words were read"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"one\n\xff\xfe\x00bad", "a.txt, line 2: is no text in UTF-8"),
        (b"one\0two", "line 1: holds a zero byte"),
        (b"a" * (1 << 20 | 1), "expected at most"),
    ],
    ids=["empty", "blank", "binary", "zeros", "large"],
)
def test_what_is_no_text_is_refused(content: bytes, said: str, facts: Facts) -> None:
    with pytest.raises(UserError, match=said):
        TASK.read_all(content, facts, "a.txt")


def test_a_file_is_a_sentence_a_line(facts: Facts, tmp_path: Path) -> None:
    file = tmp_path / "two.txt"
    file.write_text("\ufeffcall me\n\nFREE now\n", encoding="utf-8")
    found = TASK.read_all(file, facts, "two.txt")
    assert [(one.name, one.spelled) for one in found] == [
        ("two.txt, line 1", "call me"),
        ("two.txt, line 3", "FREE now"),
    ]
    with pytest.raises(UserError, match="there is no such file"):
        TASK.read_all(tmp_path / "none.txt", facts, "none.txt")


def test_metrics_equal_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(200, 2, generator=generator).round(decimals=1)  # with ties
    labels = (torch.rand(200, generator=generator) < 0.3).long()
    found = TASK.metrics(scores, (torch.zeros(200, 1), labels), FACTS)
    answers = scores.argmax(1)
    assert found["precision"] == pytest.approx(metrics.precision_score(labels, answers), abs=1e-12)
    assert found["recall"] == pytest.approx(metrics.recall_score(labels, answers), abs=1e-12)
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, answers), abs=1e-12)
    difference = (scores[:, 1].double() - scores[:, 0].double()).float()
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, difference), abs=1e-12)
    assert "auc" not in TASK.metrics(
        torch.randn(9, 3), (None, torch.arange(9) % 3), replace(FACTS, classes=tuple("abc"))
    )


@pytest.mark.parametrize("right", [True, False], ids=["no mistakes", "mistakes"])
def test_figures_are_drawn(facts: Facts, tmp_path: Path, right: bool) -> None:
    texts = [*TEXTS, "cost $5 and $6 " * 60]
    batch = TASK.tensors(split(texts), facts)
    scores = torch.eye(2)[batch[1]] if right else torch.randn(len(texts), 2, generator=torch.Generator().manual_seed(0))
    files = TASK.figures(scores, batch, facts, tmp_path)
    assert {file.stem for file in files} == {"confusion", "mistakes", "calibration", "classes"}
    assert all(file.stat().st_size > 5000 for file in files)


def lines(count: int) -> str:
    return "".join(f"{'spam' if n % 4 == 0 else 'ham'}\tmessage number {n} “quoted\n" for n in range(count))


def test_the_file_is_read_and_parted_by_its_words(tmp_path: Path) -> None:
    (tmp_path / "SMSSpamCollection").write_text(lines(200) + "ham\tmessage number 7 “quoted\n", encoding="utf-8")
    data = sms_spam.load(tmp_path)
    assert len(data.train) + len(data.test) == 201
    assert 15 < len(data.test) < 70
    assert not set(data.train.inputs) & set(data.test.inputs), "what comes twice is on one side"
    assert all(sms_spam.is_test(text) for text in data.test.inputs)
    for part in (data.train, data.test):
        assert all(
            label == (int(text.split()[2]) % 4 == 0) for text, label in zip(part.inputs, part.targets, strict=True)
        )


@pytest.mark.parametrize(("content", "said"), [(b"ham without tab\n", "line 1"), (b"\xff\tx\n", "cannot be read")])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "SMSSpamCollection").write_bytes(content)
    with pytest.raises(UserError, match=said):
        sms_spam.load(tmp_path)


def test_a_users_own_table_is_read(tmp_path: Path) -> None:
    rows = [f'"it is {"good" if n % 3 else "bad"}, {n}",{"yes" if n % 3 else "no"}' for n in range(60)]
    (tmp_path / "mine.csv").write_text("text,Label\n" + "\n".join(rows) + "\n")
    data = own.load(tmp_path / "mine.csv", None, "sentence")
    assert data.facts.classes == ("no", "yes")
    assert len(data.train) + len(data.test) == 60
    assert all(label == ("good" in text) for text, label in zip(data.test.inputs, data.test.targets, strict=True))


@pytest.mark.parametrize("between", [";", "\t"])
def test_columns_may_be_parted_by_other_signs(tmp_path: Path, between: str) -> None:
    rows = [f"it is {n}, it seems{between}{'yes' if n % 3 else 'no'}" for n in range(60)]
    (tmp_path / "mine.csv").write_text(f"text{between}label\n" + "\n".join(rows) + "\n")
    data = own.load(tmp_path / "mine.csv", None, "sentence")
    assert data.facts.classes == ("no", "yes")
    assert data.train.inputs[0].endswith(", it seems")


@pytest.mark.parametrize(
    ("content", "target", "said"),
    [
        ("", None, "is empty, expected the names of the columns, text and label"),
        ("a,b,c\n", None, "which column holds the classes.* there are a, b, c"),
        ("a,b,c\n", "c", "which column holds the sentences.* there are a, b, c"),
        ("text,label\nhello\n", None, "line 2: has 1 columns, expected 2"),
        ("text,label\n,spam\n", None, "line 2: lacks its sentence"),
        ("text,label\nhello,spam\n", None, "holds 1 classes"),
        ("text,label\nhello,spam\nhi,ham\n", None, "too few"),
        ("text,label\n", "labl", "did you mean 'label'"),
        ('text,label\nhi,ham\n"hi,spam\nho,ham\n', None, r"mine.csv, line 3: is no CSV"),
        ('text,label\n"a\nb",ham\n"hi\nthere"\n', None, r"mine.csv, line 4: has 1 columns"),
        (
            "text,label\nhi,ham\nsch\xf6n,ham\n".encode("latin-1"),
            None,
            r"line 3: is no text in UTF-8; save the",
        ),
        ("text,label\n".encode("utf-16"), None, r"mine.csv, line 1: is no text in UTF-8"),
        ("text,label\nhi,ham\nh\0,ham\n", None, r"mine.csv, line 3: holds a zero byte"),
    ],
)
def test_a_faulty_table_is_named(tmp_path: Path, content: str | bytes, target: str | None, said: str) -> None:
    (tmp_path / "mine.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=said):
        own.load(tmp_path / "mine.csv", target, "sentence")


def test_what_to_install_is_said() -> None:
    said = r"needs not_there, which is not installed; pip install 'liuli\[language\]'"
    with pytest.raises(UserError, match=said), from_extra("language"):
        import not_there  # noqa: F401
    with pytest.raises(ModuleNotFoundError), from_extra("language"):
        import liuli.not_there  # noqa: F401


@pytest.fixture
def here(tmp_path: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a run called small, its weights drawn."""
    monkeypatch.chdir(tmp_path)
    system = find("lstm")
    options = TASK.options(facts)
    given = {"state": "finished", "system": "lstm", "data": facts.to_json(), "options": options, "engine": "torch"}
    record = dict.fromkeys(KEYS) | given | {"recipe": system.recipe.settings()}
    run = Run.create(tmp_path / "runs" / "small", "lstm", record, asdict(facts)["learnt"])
    torch.manual_seed(0)
    save_file(system.build(**options).state_dict(), run.weights_file)
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *inputs: str) -> tuple[int, list[dict[str, object]], str]:
    code = cli.run(["predict", "small", *inputs, "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out), printed.err


def test_predict_takes_words_files_and_standard_input(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "two.txt").write_text("call me\nFREE now\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"see you\n")))
    code, answers, _ = asked(capsys, "FREE prize!", "two.txt", "-")
    assert code == 0
    assert [one["input"] for one in answers] == ["FREE prize!", "two.txt, line 1", "two.txt, line 2", "standard-input"]
    assert answers[0]["read"] == "FREE prize [UNK]"
    for one in answers:
        assert one.keys() == {"input", "answer", "probability", "probabilities", "read"}
        assert sum(one["probabilities"].values()) == pytest.approx(1)


def test_predict_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answers, said = asked(capsys, "", "none.txt", "zzz", "x" * 5000)
    assert code == 2
    assert ["error" in one for one in answers] == [True, True, False, False]
    assert "input: is empty, expected a sentence" in said
    assert "none.txt: there is no such file" in said
    assert str(answers[2]["remark"]).startswith("no word of it was learnt")


def test_predict_for_a_reader(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["predict", "small", "zzz"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("zzz → ")
    assert shown[3:5] == [
        "but: no word of it was learnt, so the answer says nothing about it",
        "the network read: [UNK]",
    ]


def test_explain_takes_words(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["explain", "small", "call me / now", "--json"]) == 0
    assert Path(json.loads(capsys.readouterr().out)["page"]).stat().st_size > 100_000
    _, subject, _ = recorded("small", "call me / now")
    assert (subject.input, subject.notes[0]) == ("call me / now", ("note.words", {"words": "call me [UNK] now"}))
    assert cli.run(["explain", "small", "word " * 200, "--json"]) == 0, "a sentence longer than a file's name"
    (here / "two.txt").write_text("call me\nFREE now\n")
    assert cli.run(["explain", "small", "two.txt"]) == 2
    assert "holds 2 inputs, but one is explained at a time" in capsys.readouterr().err
