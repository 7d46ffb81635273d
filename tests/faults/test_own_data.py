"""A user's own data by path: read, kept with the run, and every fault told with file and line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import liuli
from liuli import cli
from liuli.data import folders, own, store, tables
from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.runs import Run
from liuli.tasks import rows
from liuli.training.loop import Training
from liuli.training.signals import Paused

GOOD = "a,b,kind\n" + "".join(f"{i},{-i},{'even' if i % 2 == 0 else 'odd'}\n" for i in range(20))
FACTS = Facts("drawn", "", "", "table", "", (2,), ("even", "odd"), {"columns": ["a", "b"]})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text(GOOD)
    return tmp_path


def test_a_table_is_read(here: Path) -> None:
    data = store.load("my.csv", target="kind", kind="table")
    assert data.facts.name == "my.csv"
    assert data.facts.classes == ("even", "odd")
    assert data.facts.details == {"columns": ["a", "b"], "path": str(here / "my.csv"), "target": "kind"}
    assert (len(data.train), len(data.test)) == (16, 4)
    assert np.bincount(data.test.targets).tolist() == [2, 2], "stratified"
    for split in (data.train, data.test):
        assert np.array_equal(split.inputs[:, 0] % 2, split.targets)
    again = store.load_again(data.facts)
    assert again.facts == data.facts
    assert np.array_equal(again.test.inputs, data.test.inputs)


@pytest.mark.parametrize(
    "text",
    [GOOD.replace(",", ";"), GOOD.replace(",", "\t"), "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD + "\n  \n",
     GOOD.replace("a,b", '"a", "b"')],
    ids=["semicolons", "tabs", "byte order mark", "Windows", "empty lines", "quoted"],
)  # fmt: skip
def test_a_table_may_be_written_in_several_ways(here: Path, text: str) -> None:
    expected = tables.load(here / "my.csv", "kind")
    (here / "other.csv").write_text(text, encoding="utf-8", newline="")
    found = tables.load(here / "other.csv", "kind")
    assert np.array_equal(found.train.inputs, expected.train.inputs)
    assert found.facts.details == expected.facts.details


def test_classes_that_are_numbers_are_in_their_order(here: Path) -> None:
    (here / "n.csv").write_text("a,k\n" + "".join(f"{i},{(2, 10)[i % 2]}\n" for i in range(8)))
    assert tables.load(here / "n.csv", "k").facts.classes == ("2", "10")


@pytest.mark.parametrize(
    ("text", "target", "sentence"),
    [
        (GOOD, None, "which column holds the classes? Name it with --target; there are a, b, kind"),
        (GOOD, "knd", "has no column 'knd'; did you mean 'kind'?"),
        (GOOD.replace("7,-7", "7,x"), "kind", "t.csv, line 9: column 'b' is 'x', expected a number"),
        (GOOD.replace("7,-7", "7,"), "kind", "t.csv, line 9: column 'b' is empty, expected a number"),
        (GOOD.replace("7,-7", "7,nan"), "kind", "t.csv, line 9: column 'b' is 'nan', expected a number"),
        (GOOD.replace("7,-7", "7,1e99"), "kind", "t.csv, line 9: column 'b' is '1e99', expected a number"),
        (GOOD.replace("7,-7,odd", "7,-7"), "kind", "t.csv, line 9: has 2 cells, expected 3"),
        (GOOD.replace("7,-7,odd", "7,-7,"), "kind", "t.csv, line 9: column 'kind' is empty, expected a class"),
        (GOOD.replace("a,b,kind\n", ""), "kind", "where the first line holds no names, write one above it"),
        ("1,2,3\n4,5,6\n", "kind", "t.csv, line 1: holds numbers, expected the names of the columns"),
        ("a,a,kind\n1,2,x\n", "kind", "t.csv, line 1: column 'a' stands there twice"),
        ("a,,kind\n1,2,x\n", "kind", "t.csv, line 1: a column has no name"),
        ("a,kind\n", "kind", "t.csv: holds no rows of numbers"),
        ("", "kind", "t.csv: is empty, expected a table of numbers"),
        ("a,kind\n1,x\n2,x\n", "kind", "column 'kind' is 'x' in every row, expected two classes or more"),
        ("a,kind\n1,x\n2,x\n3,y\n", "kind", "of 2 classes in column 'kind' 1 have one row only (y)"),
    ],
)
def test_a_faulty_table_is_refused_in_one_sentence(tmp_path: Path, text: str, target: str, sentence: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        own.load(file, target, "table")
    assert sentence in str(caught.value)
    assert "t.csv" in str(caught.value)


def test_text_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,kind\n1,x\n2,caf\xe9\n")
    with pytest.raises(UserError, match=r"t.csv, line 3: is no text in UTF-8"):
        own.load(tmp_path / "t.csv", "kind")


def test_what_has_no_form_is_refused(here: Path) -> None:
    (here / "my.docx").write_text("x")
    with pytest.raises(UserError, match=r"my.docx: is a file with the ending '.docx', expected a CSV file of numbers"):
        store.load("my.docx", kind="table")
    with pytest.raises(UserError, match=r"none.csv: there is no such file or folder"):
        store.load("none.csv")
    with pytest.raises(UserError, match="no data set is called 'mnst'; did you mean 'mnist'"):
        store.load("mnst")
    with pytest.raises(UserError, match=r"--target kind: names a column of a table of your own; digits is read as"):
        store.load("digits", target="kind")


def test_a_name_of_a_data_set_is_no_path(here: Path) -> None:
    (here / "digits").mkdir()
    assert not store.is_path("digits")
    assert store.is_path("./digits")
    assert store.is_path("my.csv")
    assert not store.is_path("digitz")


@pytest.mark.parametrize(
    "given",
    ["1,2", " 1 ; 2 ", "[1, 2]", '{"b": 2, "a": 1, "c": "x"}', "a,b\n1,2", "b,extra,a\n2,none,1\n"],
)
def test_a_row_may_be_given_in_several_ways(tmp_path: Path, given: str) -> None:
    file = tmp_path / "row.csv"
    file.write_text(given)
    for source in (given, given.encode(), file):
        (example,) = rows.read(source, FACTS, "row.csv")
        assert example.batch[0].tolist() == [[1, 2]]


def test_every_row_is_read_and_named(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('[{"a": 1, "b": 2}, [3, 4]]')
    found = rows.read(tmp_path / "r.json", FACTS, "r.json")
    assert [(one.name, one.batch[0].tolist()) for one in found] == [
        ("r.json, row 1", [[1, 2]]),
        ("r.json, row 2", [[3, 4]]),
    ]
    assert [one.name for one in rows.read(b"a,b\n1,2\n\n3,4\n", FACTS, "r.csv")] == ["r.csv, line 2", "r.csv, line 4"]
    with pytest.raises(UserError, match=r"r.json: holds 2 rows, expected one"):
        rows.only(found, "r.json")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("flower.csv", "'flower.csv': is no file that is there, and no row of numbers, expected 2 numbers (a, b)"),
        ("1,2,3", "has 3 cells, expected 2 numbers (a, b)"),
        ("1,x\n2,3", "'1,x\n2,3': has no column 'a', expected 2 numbers (a, b)"),
        ("a,b\n1,\n", "line 2: column 'b' is empty, expected a number"),
        ("", "is empty, expected a table of numbers"),
        ("[1, 2", "is no JSON ("),
        ("[1]", "holds 1 numbers, expected 2 numbers (a, b)"),
        ('{"a": 1}', "has no 'b', expected 2 numbers (a, b)"),
        ('[1, "x"]', "'b' is \"x\", expected a number"),
        ("[1, null]", "'b' is null, expected a number"),
        ("[1, NaN]", "'b' is NaN, expected a number"),
        ("[[1, 2], 3]", "row 2: holds no numbers, expected 2 numbers (a, b)"),
    ],
)
def test_a_faulty_row_is_refused_in_one_sentence(given: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        rows.read(given, FACTS, given)
    assert sentence in str(caught.value)


def test_a_run_finds_its_data_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = liuli.train("gaussian-classifier", data="my.csv", target="kind", out="run")
    capsys.readouterr()
    assert run.result is not None
    assert run.result["reached"] is None, "the figure is for another data set"
    assert Run.open("run").data().facts == run.facts
    (here / "new.csv").write_text("b,a\n-4,4\n-5,5\n")
    assert cli.run(["predict", "run", "3,-3", "new.csv", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [one["input"] for one in answers] == ["3,-3", "new.csv, line 2", "new.csv, line 3"]
    assert all(one["probabilities"].keys() == {"even", "odd"} for one in answers)

    class Given:
        buffer = io.BytesIO(b"3,-3\n")

    stdin, sys.stdin = sys.stdin, Given
    try:
        assert cli.run(["predict", "run", "-", "--json"]) == 0
    finally:
        sys.stdin = stdin
    assert json.loads(capsys.readouterr().out)[0]["probabilities"] == answers[0]["probabilities"]

    (here / "my.csv").write_text(GOOD.replace("7,-7", "7,-8"))
    with pytest.raises(UserError, match=r"my.csv: the data are not those that run was trained on"):
        Run.open("run").data()
    (here / "my.csv").unlink()
    with pytest.raises(UserError, match=r"my.csv: there is no such file"):
        Run.open("run").data()


def test_a_run_that_was_stopped_goes_on_with_the_same_table(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = liuli.train("perceptron", data="my.csv", target="kind", out="whole")

    def stop(self: Training) -> None:
        raise Paused("paused", 2)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "epoch", stop)
        with pytest.raises(Paused):
            liuli.train("perceptron", data="my.csv", target="kind", out="run")
    monkeypatch.chdir("/")
    resumed = liuli.resume(here / "run")
    assert resumed.state == "finished"
    monkeypatch.chdir(here)
    for name, value in whole.network().state_dict().items():
        assert torch.equal(value, Run.open(here / "run").network().state_dict()[name])


def test_a_part_of_the_data_is_refused_by_what_learns_all_at_once(here: Path) -> None:
    with pytest.raises(UserError, match=r"a batch of 1 rows holds 1 of 2 classes, .* leave out --set batch_size"):
        liuli.train("perceptron", data="my.csv", target="kind", settings={"batch_size": 1}, out="run")


def test_other_data_are_refused(here: Path) -> None:
    with pytest.raises(UserError, match="digits: holds image data, but this system reads tables with classes"):
        liuli.train("perceptron", data="digits", out="run")


def painted(file: Path, colour: str, size: tuple[int, int] = (40, 50)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Five red cats and five blue dogs, and what else lies about."""
    for number in range(5):
        painted(tmp_path / "pets" / "cat" / f"{number}.png", "red")
        painted(tmp_path / "pets" / "dog" / f"{number}.PNG", "blue")
    (tmp_path / "pets" / "dog" / "notes.txt").write_text("none of these")
    (tmp_path / "pets" / "empty").mkdir()
    return tmp_path / "pets"


def test_pictures_are_read_by_folder(pets: Path) -> None:
    data = store.load(str(pets), kind="image")
    assert (data.facts.name, data.facts.classes, data.facts.shape) == ("pets/", ("cat", "dog"), (32, 32, 3))
    assert (len(data.train), len(data.test)) == (8, 2)
    for split in (data.train, data.test):
        reds = split.inputs[split.targets == 0]
        assert (reds == [255, 0, 0]).all()
        assert (split.inputs[split.targets == 1] == [0, 0, 255]).all()
    assert store.load_again(data.facts).facts == data.facts
    painted(pets / "cat" / "0.png", "green")
    assert store.load_again(data.facts).facts.sha256 != data.facts.sha256


def test_pictures_that_the_user_has_parted_stay_parted(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    pets.rename(tmp_path / "both" / "train")
    painted(tmp_path / "both" / "val" / "dog" / "a.jpg", "blue")
    data = own.load(tmp_path / "both", None, "image")
    assert (len(data.train), len(data.test)) == (10, 1)
    assert data.test.targets.tolist() == [1]


def test_the_size_is_that_of_the_smaller_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, size in enumerate([(100, 90), (130, 300), (140, 140), (800, 600)]):
        painted(tmp_path / f"{number}.png", "red", size)
    files = [tmp_path / f"{number}.png" for number in range(4)]
    assert folders.common_side(files) == 128
    monkeypatch.setattr(folders, "ROOM", 4 * 3 * 64 * 64)
    assert folders.common_side(files) == 64


def test_faulty_folders_of_pictures_are_refused(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--target kind: names a column of a table; .* is none"):
        own.load(pets, "kind", "image")
    (tmp_path / "my.csv").write_text(GOOD)
    with pytest.raises(UserError, match=r"my.csv: is a file with the ending '.csv', expected a folder of pictures"):
        own.load(tmp_path / "my.csv", None, "image")
    (pets / "dog" / "4.PNG").write_text("no picture")
    with pytest.raises(UserError, match=r"pets/dog/4.PNG: holds text, expected a picture"):
        own.load(pets, None, "image")
    for number in range(4, 0, -1):
        (pets / "dog" / f"{number}.PNG").unlink()
    with pytest.raises(UserError, match=r"pets/dog: holds one picture, expected two or more"):
        own.load(pets, None, "image")
    (pets / "dog" / "0.PNG").unlink()
    with pytest.raises(UserError, match=r"pets: holds pictures in 1 folder\(s\), expected two or more"):
        own.load(pets, None, "image")
    with pytest.raises(UserError, match=r"empty: is a folder, expected a folder of pictures, with a folder for each"):
        own.load(pets / "empty", None, "image")


def test_a_network_learns_a_users_own_pictures(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"batch_size": 4, "validation": 0}
    run = liuli.train("lenet", data=str(pets), epochs=6, settings=settings, out=pets.parent / "run")
    assert run.result is not None
    assert run.result["metrics"]["accuracy"] == 1
    capsys.readouterr()
    painted(pets.parent / "mine.jpg", "blue", (300, 200))
    assert cli.run(["predict", str(run.folder), str(pets.parent / "mine.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["answer"] == "dog"
