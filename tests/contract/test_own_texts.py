"""What liuli's Python says of its own on the pages is known in Chinese, sentence by sentence as the source has them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from liuli.data import store
from tests.contract.test_texts import ROOT, faults

TABLE: dict[str, str] = json.loads((ROOT / "web/src/i18n/own.zh-TW.json").read_text(encoding="utf-8"))
SOURCE = ROOT / "src" / "liuli"
ERRORS = ("UserError", "Busy")
ELSEWHERE = {  # what no page can meet: notebooks, the command line, reading files to train on, weights to begin from
    "lab": {"notebook", "page", "serving", "showing", "subjects"},
    "tasks": {"bert_checkpoints", "tokens", "pieces", "word_formats"},
}
CELLS = ("Platelets", "RBC", "WBC")  # as the files of the data set call them
TRAINING = re.compile(r"holds \{\} data|is data of kind|give more text|this system|take shorter windows|batch of")
A_FILE = re.compile(
    r"there is no such file|is a file|is a folder|name a file|make it a readable|as text|text file|: \{\}$"
)


def template(node: ast.expr) -> str | None:
    """A string of the source with {} for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def strings(file: Path) -> set[str]:
    """Every string of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {found for node in ast.walk(tree) if isinstance(node, ast.expr) and (found := template(node)) is not None}


def refusals(folder: str) -> Iterator[tuple[str, str]]:
    """Every sentence by which a page may be refused, with its file."""
    for file in sorted((SOURCE / folder).rglob("*.py")):
        if file.stem in ELSEWHERE.get(folder, ()):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
                said = template(node.args[0])
                if said is not None and not (folder == "tasks" and (TRAINING.search(said) or A_FILE.search(said))):
                    yield said, file.name


def answers() -> Iterator[tuple[str, str]]:
    """Every sentence that a task answers or remarks: f-strings and constants beside "answer" and in `remark`s."""
    for file in sorted((SOURCE / "tasks").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "answer" and isinstance(value, ast.JoinedStr):
                        yield template(value) or "", file.name
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "remarks.append":
                yield template(node.args[0]) or "", file.name


@pytest.mark.parametrize("folder", ["lab", "tasks"])
def test_why_something_cannot_be_done_is_said_in_chinese(folder: str) -> None:
    assert {f"{file}: {said}" for said, file in refusals(folder) if said not in TABLE} == set()


def test_answers_and_remarks_are_said_in_chinese() -> None:
    found = list(answers())
    assert len(found) >= 8
    assert {f"{file}: {said}" for said, file in found if said not in TABLE} == set()


def test_states_actions_and_classes_are_said_in_chinese() -> None:
    for name in ("racing", "taxi", "frozen-lake", "cliff-walking"):
        facts = store.load(name).facts
        for axis, names in facts.details["axes"].items():
            assert axis in TABLE or f"{axis} {{}}" in TABLE
            assert {one for one in names if not one.isdigit()} <= TABLE.keys()
        assert set(facts.classes) <= TABLE.keys()
    for name in ("iris", "cartpole"):
        facts = store.load(name).facts
        assert {*facts.classes, *facts.details.get("columns", ()), *facts.details.get("measured", ())} <= TABLE.keys()


def test_every_sentence_is_one_of_the_source() -> None:
    known = {found for file in SOURCE.rglob("*.py") for found in strings(file)}
    words = " ".join(known)
    known |= {f"{axis} {{}}" for name in ("racing", "taxi") for axis in store.load(name).facts.details["axes"]}
    assert sorted(key for key in TABLE if "{}" in key and key not in known) == []
    assert sorted(key for key in TABLE if "{}" not in key and key not in words and key not in CELLS) == []


def test_the_places_of_a_sentence_are_those_of_its_english() -> None:
    for english, chinese in TABLE.items():
        places = {int(number) for number in re.findall(r"\{(\d+)!?\}", chinese)}
        assert places <= set(range(english.count("{}"))), english
        assert faults(re.sub(r"[\[\"{].*[\]\"}]", "", chinese)) == [], english
