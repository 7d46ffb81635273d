"""Every definition of a data set keeps the contract, and all are found by looking."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import liuli.data
from liuli.data.dataset import RemoteFile
from liuli.data.store import can_be_fetched, definition, definitions
from liuli.errors import UserError

names = sorted(definitions())


def test_a_file_is_a_definition_and_its_name() -> None:
    folder = Path(liuli.data.__file__).parent
    stems = {path.stem for path in folder.glob("*.py") if re.search(r"^DATA = DataSet\(", path.read_text(), re.M)}
    assert {stem.replace("_", "-") for stem in stems} == set(definitions())
    assert {"digits", "mnist", "fashion-mnist", "cifar10"} <= set(definitions())


@pytest.mark.parametrize("name", names)
def test_says_what_it_is(name: str) -> None:
    one = definition(name)
    assert one.title
    assert one.about
    assert "; " in one.licence, "the licence, then the authors"
    assert one.homepage.startswith("http")


@pytest.mark.parametrize("name", names)
def test_files_can_be_had_and_checked(name: str) -> None:
    one = definition(name)
    packed = {name for archive in one.archives for name in archive.members}
    for file in (*one.files, *(archive.file for archive in one.archives)):
        assert sound(file)
        assert not file.urls or file.name not in packed
        assert all(url.startswith(("https://", "http://")) and url.endswith(file.name) for url in file.urls)
    without = [file.name for file in one.files if not file.urls and file.name not in packed]
    assert not without or not can_be_fetched(one), "all can be had, or the user is told that they cannot"
    assert len({file.name for file in one.files}) == len(one.files)
    for file in one.subset.files if one.subset else ():
        assert sound(file)
        assert not file.urls


@pytest.mark.parametrize("name", names)
def test_what_serves_instead_needs_no_network(name: str) -> None:
    assert not definition(definition(name).instead).files


def test_definitions_are_read_without_pytorch_or_scikit_learn() -> None:
    program = (
        "import sys; from liuli.data.store import definitions; definitions(); "
        "sys.exit(', '.join({'torch', 'sklearn', 'requests', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr.strip() == ""


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"^no data set is called 'minst'; did you mean 'mnist'\?"):
        definition("minst")


def sound(file: RemoteFile) -> bool:
    return file.size > 0 and re.fullmatch("[0-9a-f]{64}", file.sha256) is not None and "/" not in file.name
