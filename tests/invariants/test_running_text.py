"""Running text read by paragraphs, and sentences of reviews: a user's own, and the published sets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from liuli.data import own, prose, rt_polarity, store, wikitext_2
from liuli.errors import UserError


def test_paragraphs_end_at_empty_lines_or_else_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeffone\r\ntwo\r\n \t\r\nthree\r\n".encode())
    assert prose.paragraphs(file) == ["one two", "three"]
    file.write_text("one\n  two  words\n")
    assert prose.paragraphs(file) == ["one", "two words"]


def test_a_folder_of_texts_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / f"{name}.txt").write_text("\n".join(f"{name} {number}" for number in range(20)))
    data = own.load(tmp_path, None, "prose")
    assert data.facts.kind == "prose"
    assert sorted([*data.train.inputs, *data.test.inputs]) == sorted(f"{n} {k}" for n in "ab" for k in range(20))
    assert data.train.inputs[0].startswith("a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"one\ntwo\n\xff\xfe", r"a.txt, line 3: is no text in UTF-8"),
        (b"one\ntw\0o\n", r"a.txt, line 2: holds a zero byte"),
        (b"", r"a.txt: has 0 paragraph\(s\), too few to hold a fifth back"),
    ],
)
def test_faulty_texts_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=said):
        own.load(tmp_path / "a.txt", None, "prose")


def test_wikitext_is_read_by_paragraphs(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text(
        " \n = A Title = \n \n The <unk> cost 1 @,@ 000 well @-@ known = signs . \n = = Part = = \n End .\n"
    )
    assert wikitext_2.paragraphs(file).inputs.tolist() == ["The [UNK] cost 1,000 well-known = signs .", "End ."]
    file.write_bytes(b"\xff")
    with pytest.raises(UserError, match="cannot be read as WikiText-2"):
        wikitext_2.paragraphs(file)
    file.write_text("\n = A = \n")
    with pytest.raises(UserError, match="holds no paragraph"):
        wikitext_2.paragraphs(file)


def test_reviews_are_read_and_parted_by_their_words(tmp_path: Path) -> None:
    for name, word in (("neg", "bad"), ("pos", "good")):
        (tmp_path / f"rt-polarity.{name}").write_text("\n".join(f"a {word} film {n} ." for n in range(200)) + "\n")
    data = rt_polarity.load(tmp_path)
    for part in (data.train, data.test):
        assert ["good" in text for text in part.inputs] == part.targets.astype(bool).tolist()
        assert {rt_polarity.is_test(text) for text in part.inputs} == {part is data.test}
    assert 20 < len(data.test) < 60
    (tmp_path / "rt-polarity.pos").write_bytes(b"\xe9")
    with pytest.raises(UserError, match="cannot be read as sentences in UTF-8"):
        rt_polarity.load(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("LIULI_DATA"), reason="LIULI_DATA is not set")
def test_the_real_texts_are_read_whole() -> None:
    wiki = store.load("wikitext-2")
    assert [len(part) for part in wiki.splits().values()] == [17_556, 2_185, 1_841]
    reviews = store.load("rt-polarity")
    assert len(reviews.train) + len(reviews.test) == 10_662
    assert int(reviews.train.targets.sum() + reviews.test.targets.sum()) == 5_331
    assert not set(reviews.train.inputs) & set(reviews.test.inputs)
