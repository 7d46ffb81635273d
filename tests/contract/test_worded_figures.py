"""What liuli writes into figures is known in Chinese, text by text as the source has them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from string import Formatter

from liuli.tasks.wording import words
from tests.contract.spoken import LETTERS, sentences, sources
from tests.contract.test_texts import HAN, faults

PLACES = {"set_xlabel": 0, "set_ylabel": 0, "set_title": 0, "suptitle": 0, "entitle": 1, "sheet": 2, "scattered": 3,
          "compared": 5}  # fmt: skip
"""Functions that write, and which of their arguments it is."""
KEYWORDS = ("label", "xlabel", "ylabel", "title")
AS_IN_ENGLISH = {"F1", "AP"}


def worded() -> list[str]:
    """Every text that is worded, in the order of the source."""
    calls = [call for source in sources().values() for call in source.calls("worded")]
    assert all(isinstance(call.args[0], ast.Constant) for call in calls), "a text is given where it is worded"
    return [ast.literal_eval(call.args[0]) for call in calls]


def written() -> Iterator[tuple[str, str]]:
    """The file and the letters of every text of ours that is written into a figure without being worded."""
    for source in sources().values():
        if not source.file.startswith("tasks/"):
            continue
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            given = [one.value for one in node.keywords if one.arg in KEYWORDS]
            given += node.args[PLACES[name] : PLACES[name] + 1] if name in PLACES else []
            if name == "text" and "axes" in ast.unparse(node.func):
                given += node.args[2:3]
            for one in given:
                for top in sentences(one, source):
                    for said in top.every():
                        yield from ((source.file, word) for word in re.findall(r"[A-Za-z]\w+", said.text))


def test_every_text_of_a_figure_is_said_in_chinese() -> None:
    said = words("zh-TW")
    assert set(worded()) ^ said.keys() == set()
    for english, chinese in said.items():
        assert places(english) == places(chinese)
        assert re.search(HAN, chinese), english
        assert faults(re.sub(r"\{.*?\}", "", chinese)) == [], english


def places(text: str) -> set[tuple[str, str]]:
    """What is put into a text, and how it is written."""
    return {(name, form or "") for _, name, form, _ in Formatter().parse(text) if name is not None}


def test_nothing_of_ours_is_written_that_is_not_worded() -> None:
    assert {(file, word) for file, word in written() if word not in AS_IN_ENGLISH} == set()
    assert LETTERS.search("".join(word for _, word in written())), "what is written is found"
