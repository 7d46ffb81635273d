"""Pickles: what is data is read, and what is a program is refused without being run."""

from __future__ import annotations

import os
import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from liuli.data import pickles
from liuli.errors import UserError


def pickled(value: Any, folder: Path, protocol: int = 2) -> Path:
    path = folder / "pickle"
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<i8", "<i4", ">i2", "|u1", "|b1"])
def test_an_array(dtype: str, protocol: int, tmp_path: Path) -> None:
    for array in (np.arange(-6, 6).reshape(3, 4).astype(dtype), np.arange(12).reshape(3, 4).astype(dtype, order="F")):
        found = pickles.read(pickled(array, tmp_path, protocol))
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)


def test_a_sparse_matrix(tmp_path: Path) -> None:
    dense = np.array([[0, 2.5, 0], [0, 0, 0], [1, 0, -3]], np.float32)
    found = pickles.read(pickled(csr_matrix(dense), tmp_path))
    assert found.shape == (3, 3)
    assert np.array_equal(found.dense(), dense)


def test_dictionaries_lists_and_numbers(tmp_path: Path) -> None:
    value = {0: [1, 2, 300, 70_000, -5], "a": (1.5, None, True), 7: [], "long": 2**40, "empty": ({}, ())}
    for protocol in (1, 2, 3, 4):
        assert pickles.read(pickled(value, tmp_path, protocol)) == value
    # as Python 2 wrote it: collections.defaultdict(list)
    old = b"\x80\x02ccollections\ndefaultdict\nq\x01c__builtin__\nlist\nq\x02\x85Rq\x03(K\x00]q\x04(K\x01K\x02euu."
    assert pickles.read(pickled(old.replace(b"euu.", b"eu."), tmp_path)) == {0: [1, 2]}


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_program_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    harmed = tmp_path / "harmed"
    path = pickled([np.arange(3).tolist(), Harm(harmed)], tmp_path, protocol)
    with pytest.raises(UserError, match=r"holds a reference to \w+.system, expected arrays, .* it was not run$"):
        pickles.read(path)
    assert not harmed.exists()
    pickle.loads(path.read_bytes())
    assert harmed.exists(), "Python itself would have run it"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"(S'touch harmed'\nios\nsystem\n.", "holds the instruction INST"),
        (b"(cos\nsystem\nS'touch harmed'\no.", "holds a reference to os.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "holds a reference to __builtin__.eval"),
        (b"S'x'\nP\n.", "is not a sound pickle|holds the instruction"),
        (b"\x80\x02]K\x01\x85R.", "holds a call of something that is no function"),
        (b"\x80\x02]}b.", "holds a state for something that has none"),
        (pickle.dumps(np.array([print, 1], dtype=object), 2), "holds (an array of type|a reference to)"),
        (pickle.dumps(np.arange(1000.0), 2)[:-500], "is not a sound pickle"),
        (b"", "is not a sound pickle"),
        (b"\x80\x02K\x01", "is not a sound pickle"),
        (b"\x80\x02a.", "is not a sound pickle"),
        (b"\x80\x02t.", "is not a sound pickle"),
        (b"\x80\x02h\x05.", "is not a sound pickle"),
        (b"no pickle", "is not a sound pickle"),
    ],
)
def test_what_is_no_data(content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = pickled(content, tmp_path)
    with pytest.raises(UserError, match=says) as caught:
        pickles.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert [one.name for one in tmp_path.iterdir()] == ["pickle"]


def test_an_array_that_says_it_is_larger_than_it_is(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(200, dtype=np.uint8), 2)
    path = pickled(content.replace(b"K\xc8\x85", b"K\xc9\x85"), tmp_path)
    with pytest.raises(UserError, match=r"holds an array of shape \(201,\) in 200 bytes"):
        pickles.read(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a sound pickle"):
        pickles.read(tmp_path / "none")


def test_a_dictionary_with_a_factory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds a reference to"):
        pickles.read(pickled(defaultdict(os.getcwd, {1: 2}), tmp_path))
