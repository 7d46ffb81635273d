"""Pictures with boxes of a user's own, and files of boxes: read, and every fault told with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liuli.data import store, voc
from liuli.errors import UserError
from liuli.tasks import box_files
from liuli.tasks.detection import Detection
from liuli.tasks.suppression import Suppression
from tests.small_run import small_run


def marked(*things: tuple[str, int, int, int, int]) -> str:
    """An annotation, a tag a line."""
    objects = "".join(
        f"<object>\n<name>{name}</name>\n<bndbox>\n<xmin>{x1}</xmin>\n<ymin>{y1}</ymin>\n<xmax>{x2}</xmax>\n"
        f"<ymax>{y2}</ymax>\n</bndbox>\n</object>\n"
        for name, x1, y1, x2, y2 in things
    )
    return f"<annotation>\n{objects}</annotation>\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures of 40 × 20, a cat on each and a dog on every other."""
    for name in (voc.PICTURES, voc.ANNOTATIONS, voc.LISTS):
        (tmp_path / "pets" / name).mkdir(parents=True)
    for number in range(10):
        things = [("cat", 2, 4, 12, 14), ("dog", 20, 0, 60, 10)][: 1 + number % 2]
        Image.new("RGB", (40, 20), (number * 20, 0, 0)).save(tmp_path / f"pets/{voc.PICTURES}/p{number}.png")
        (tmp_path / f"pets/{voc.ANNOTATIONS}/p{number}.xml").write_text(marked(*things))
    return tmp_path / "pets"


def test_a_folder_is_read(folder: Path) -> None:
    data = store.load(str(folder), kind=voc.KIND)
    assert (data.facts.name, data.facts.kind, data.facts.classes) == ("pets/", voc.KIND, ("cat", "dog"))
    assert (len(data.train), len(data.test), data.validation) == (8, 2, None)
    assert data.train.inputs.shape == (8, voc.SIDE, voc.SIDE, 3)
    boxes = np.concatenate([data.train.targets, data.test.targets])
    assert sorted(boxes[..., 0].ravel()) == [-1] * 5 + [0] * 10 + [1] * 5
    assert np.allclose(boxes[0, 0], [0, 2 / 40, 4 / 20, 12 / 40, 14 / 20])
    assert np.allclose(boxes[boxes[..., 0] == 1], [1, 0.5, 0, 1, 0.5]), "cut at the rim"
    assert data.train.extra["sizes"].tolist() == [[40, 20]] * 8
    assert store.load_again(data.facts).facts == data.facts


def test_lists_say_what_is_which_part(folder: Path) -> None:
    for name, members in (("train", "p0 p1 p2"), ("val", "p3"), ("test", "p4 p5")):
        (folder / voc.LISTS / f"{name}.txt").write_text("\n".join(members.split()) + "\n\n")
    data = store.load(str(folder), kind=voc.KIND)
    assert data.validation is not None
    assert [len(part) for part in (data.train, data.validation, data.test)] == [3, 1, 2]
    (folder / voc.LISTS / "test.txt").unlink()
    data = store.load(str(folder), kind=voc.KIND)
    assert (len(data.train), len(data.test), data.validation) == (3, 1, None), "what there is besides is tested on"


def test_both_tasks_take_it(folder: Path) -> None:
    data = store.load(str(folder), kind=voc.KIND)
    pixels, boxes, sizes = Detection().tensors(data.train, data.facts)
    assert (pixels.shape, boxes.shape, sizes.shape) == ((8, 3, 224, 224), (8, 2, 5), (8, 2))
    candidates, wanted = Suppression().tensors(data.train, data.facts)
    assert wanted.sum() == (boxes[..., 0] >= 0).sum()
    assert (candidates[..., 5] >= 0).sum() > 3 * wanted.sum() - 1


BILLION = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>\n<annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>\n<object>\n", r"p3.xml, line 3: is no sound XML \(no element found\)"),
        ("no xml", "p3.xml, line 1: is no sound XML"),
        ("", "p3.xml, line 1: is no sound XML"),
        ("<html/>", "p3.xml, line 1: begins with <html>, expected <annotation>"),
        (BILLION, r"p3.xml, line 1: has a document type \(<!DOCTYPE …>\)"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<annotation/>', "p3.xml, line 1: has a document type"),
        ("<annotation>&x;</annotation>", "p3.xml, line 1: is no sound XML"),
        ("<annotation>" + "<a>" * 30, "p3.xml, line 1: has more than 20 elements within one another"),
        ("<annotation>" + " " * voc.LARGEST, "p3.xml: has 1,048,588 bytes, expected 1,048,576 at most"),
        (marked(("cat", 1, 1, 5, 5)).replace("<name>cat</name>\n", ""), "line 2: <object> has no <name>"),
        (marked(("", 1, 1, 5, 5)), "p3.xml, line 3: <name> is empty"),
        (marked(("cat", 1, 1, 5, 5)).replace("<ymax>5</ymax>\n", ""), "line 4: <bndbox> has no <ymax>"),
        (marked(("cat", 1, 1, 5, 5)).replace(">5<", ">five<"), "line 7: <xmax> is 'five', expected a number of pixels"),
        (marked(("cat", 1, 1, 5, 5)).replace(">5<", ">nan<"), "line 7: <xmax> is 'nan'"),
        (marked(("cat", 5, 5, 5, 9)), "line 4: the box from 5, 5 to 5, 9 has no area in a picture of 40 × 20 pixels"),
        (marked(("cat", 50, 5, 60, 9)), "line 4: the box from 50, 5 to 60, 9 has no area"),
        (marked(*[("cat", 1, 1, 5, 5)] * 1001), "marks 1,001 things, expected 1,000 at most"),
    ],
)
def test_a_faulty_annotation_is_refused(folder: Path, text: str, message: str) -> None:
    (folder / voc.ANNOTATIONS / "p3.xml").write_text(text)
    with pytest.raises(UserError, match=message):
        store.load(str(folder), kind=voc.KIND)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train": "p0\np99\n", "test": "p1"}, r"train.txt, line 2: 'p99' has no annotation"),
        ({"train": "../../etc/passwd", "test": "p1"}, r"train.txt, line 1: '../../etc/passwd' has no annotation"),
        ({"train": "p0"}, "expected train.txt and test.txt with names in them"),
        ({"train": "p0\np1", "test": "p1"}, "'p1' is listed twice"),
    ],
)
def test_a_faulty_list_is_refused(folder: Path, lists: dict[str, str], message: str) -> None:
    for name, text in lists.items():
        (folder / voc.LISTS / f"{name}.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        store.load(str(folder), kind=voc.KIND)


def test_a_missing_or_damaged_picture_is_named(folder: Path) -> None:
    (folder / voc.PICTURES / "p3.png").write_bytes(b"\0" * 100)
    with pytest.raises(UserError, match=r"JPEGImages/p3.png: is no picture"):
        store.load(str(folder), kind=voc.KIND)
    (folder / voc.PICTURES / "p3.png").unlink()
    with pytest.raises(UserError, match=r"p3.xml: there is no picture p3 in JPEGImages"):
        store.load(str(folder), kind=voc.KIND)


def test_a_folder_without_annotations_is_refused(folder: Path) -> None:
    for file in (folder / voc.ANNOTATIONS).iterdir():
        file.unlink()
    with pytest.raises(UserError, match="holds too little"):
        store.load(str(folder), kind=voc.KIND)
    (folder / voc.ANNOTATIONS).rmdir()
    with pytest.raises(UserError, match="has no folder Annotations"):
        store.load(str(folder), kind=voc.KIND)


CSV = "x1,y1,x2,y2,score,class\n0,0,9,9,0.5,cat\n1,1,9,9,0.9,3\n"


def test_files_of_boxes_are_read() -> None:
    expected = [[0, 0, 9, 9, 0.5, 1], [1, 1, 9, 9, 0.9, 2 + 3]]
    assert box_files.read(CSV.encode(), ("dog", "cat"), "my.csv") == expected
    keys = CSV.splitlines()[0].replace("score", "confidence").split(",")
    rows = [dict(zip(keys, line.split(","), strict=True)) for line in CSV.splitlines()[1:]]
    json = str(rows).replace("'", '"')
    assert box_files.read(json.encode(), ("dog", "cat"), "my.json") == expected
    assert box_files.read(f'{{"boxes": {json}}}'.encode(), ("dog", "cat"), "my.json") == expected
    assert [box_files.class_name(number, ("dog", "cat")) for number in (1, 5)] == ["cat", "3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: has no column x1"),
        ("x1,y1,x2,score\n", "line 1: has no column y2"),
        ("x1,y1,x2,y2,score\n", "holds 0 boxes, expected 1 to 20,000"),
        ("x1,y1,x2,y2,score\n1,2,3\n", "line 2: has 3 columns, expected 5"),
        ("x1,y1,x2,y2,score\n1,2,3,four,0.5\n", "line 2: its y2 is 'four', expected a number"),
        ("x1,y1,x2,y2,score\n1,2,3,nan,0.5\n", "line 2: its y2 is 'nan'"),
        ("x1,y1,x2,y2\n1,2,3,4\n", "line 2: its score is missing"),
        ("x1,y1,x2,y2,score\n1,2,3,4,1.5\n", "line 2: its score is 1.5, expected 0 to 1"),
        ("x1,y1,x2,y2,score\n9,2,3,4,0.5\n", "line 2: goes from 9, 2 to 3, 4, expected x1 ≤ x2"),
        (CSV.replace("cat", "cow"), "line 2: its class is 'cow', expected one of dog, cat, or a whole number"),
        ("[1]", "box 1: expected an object"),
        ('{"cells": []}', "expected a list of boxes"),
        ("[{", "is no sound JSON"),
        ("[" * 100_000, "is no sound JSON"),
        ('[{"x1": true}]', "box 1: its x1 is 'True', expected a number"),
        ('x1,"y1\n', "is no sound CSV"),
    ],
)
def test_a_faulty_file_of_boxes_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^my.csv.*{message}"):
        Suppression().read(text.encode(), Suppression().drawn_facts().from_json(FACTS), "my.csv")


FACTS = {"name": "", "variant": "", "sha256": "", "kind": voc.KIND, "form": "", "shape": [], "classes": ["dog", "cat"]}


def test_bytes_that_are_no_text_and_a_file_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no text in UTF-8"):
        box_files.read(b"\xff\xfe\0", (), "my.csv")
    with pytest.raises(UserError, match="bytes, expected 16,777,216 at most"):
        box_files.read(b" " * (box_files.LARGEST + 1), (), "my.csv")
    with pytest.raises(UserError, match="cannot be read"):
        box_files.read(tmp_path, (), "folder")


def test_a_picture_of_any_shape_is_answered_in_its_own_pixels(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", "yolo-v1", Detection().drawn_facts())
    task, network = Detection(), run.network()
    torch.nn.init.constant_(network.output.bias, 0.7)  # sure of everything
    Image.new("RGBA", (30, 60), (200, 30, 30, 128)).save(tmp_path / "tall.png")
    example = task.read(tmp_path / "tall.png", run.facts, "tall.png")
    output = task.respond(network, example.batch)[0]
    answer = task.answer(output, run.facts)
    boxes = answer["boxes"]
    assert isinstance(boxes, list)
    assert boxes
    assert all(0 <= box["x1"] <= box["x2"] <= 30 and 0 <= box["y1"] <= box["y2"] <= 60 for box in boxes)
    assert [box["confidence"] for box in boxes] == sorted((box["confidence"] for box in boxes), reverse=True)
    drawn = task.save_answer(example, output, run.facts, tmp_path / "drawn.png")
    with Image.open(drawn) as picture:
        assert picture.size == (320, 640), "in its own shape"
    nothing = torch.tensor([[-1.0, 0, 0, 0, 0, 0]])
    assert task.answer(nothing, run.facts) == {"answer": "nothing", "boxes": []}


@pytest.mark.parametrize("task", [Detection(), Suppression()], ids=["detection", "suppression"])
def test_data_of_another_kind_are_refused(task: Detection | Suppression) -> None:
    with pytest.raises(UserError, match="iris: is data of kind table, expected pictures with boxes"):
        task.options(store.load("iris").facts)


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    from liuli.data import bccd

    (tmp_path / bccd.ARCHIVE.name).write_bytes(b"nothing")
    with pytest.raises(UserError, match="is not a sound archive of BCCD"):
        bccd.load(tmp_path)


def test_more_boxes_than_can_be_explained_are_refused() -> None:
    from liuli.models.detection.nms import MOST_TRACED, Suppressing
    from liuli.tracing import trace

    count = MOST_TRACED + 1
    with pytest.raises(UserError, match="expected 300 at most"):
        trace(Suppressing(), torch.zeros(1, count, 4), torch.zeros(1, count), torch.zeros(1, count).long())
