"""What is read is what was written: IDX, CIFAR-10's records, the embedded digits, and the arrays kept of them."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from liuli.data import arrays, cifar10, digits, idx, store
from liuli.data.dataset import Data, DataSet, Facts, Split
from liuli.data.store import load
from tests.tiny_data import encode, put, tiny_files, tiny_set


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIULI_DATA", raising=False)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """The tiny set, in the folder that LIULI_DATA names."""
    contents = tiny_files()
    dataset = tiny_set(contents)
    put(contents, tmp_path / "data" / "tiny")
    monkeypatch.setenv("LIULI_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(store, "definitions", lambda: {"tiny": dataset})
    return dataset


def same(one: Data, other: Data) -> bool:
    parts = [(one.train, other.train), (one.test, other.test)]
    equal = [
        np.array_equal(a, b) and a.dtype == b.dtype and a.flags.writeable and b.flags.writeable
        for left, right in parts
        for a, b in ((left.inputs, right.inputs), (left.targets, right.targets))
    ]
    return all(equal) and one.facts == other.facts


@pytest.mark.parametrize("shape", [(5,), (3, 2, 4)])
def test_idx_gives_back_the_array(shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path = tmp_path / "array.gz"
    path.write_bytes(encode(array))
    assert np.array_equal(idx.read(path, len(shape)), array)


def test_a_set_in_mnist_files_is_read(tiny: DataSet) -> None:
    data = load("tiny")
    assert data.train.inputs.shape == (300, 28, 28, 1)
    assert data.train.inputs.dtype == np.uint8
    assert data.test.targets.dtype == np.int64
    assert data.test.targets.tolist() == [*range(10), *range(10)]


def test_arrays_kept_in_the_cache_are_the_same_and_spare_the_reading(
    tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load("tiny")
    monkeypatch.setattr(idx, "read", lambda *_: pytest.fail("the files were read again"))
    assert same(first, load("tiny"))


def test_arrays_that_lie_otherwise_in_memory_are_kept_as_they_read(tmp_path: Path) -> None:
    pairs = np.arange(6).reshape(3, 2)
    split = Split(pairs.T[None], np.zeros(1, np.int64), {"edges": pairs.T[None], "every other": pairs[::2, 0][:1]})
    arrays.save_arrays(tmp_path / "kept", Data(Facts("turned", "", "", "graph", "", (), ()), split, split))
    found = arrays.open_arrays(tmp_path / "kept").test
    np.testing.assert_array_equal(found.inputs, split.inputs)
    for name, array in split.extra.items():
        np.testing.assert_array_equal(found.extra[name], array)


def test_arrays_made_by_other_code_are_not_used(tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load("tiny")
    monkeypatch.setattr(arrays, "code", lambda: "another")
    reads = []
    read = idx.read
    monkeypatch.setattr(idx, "read", lambda path, dimensions: reads.append(path) or read(path, dimensions))
    assert same(first, load("tiny"))
    assert len(reads) == 4
    assert len(list((tmp_path / "cache" / "arrays").iterdir())) == 1, "what other code made is cleared away"


def test_damaged_arrays_in_the_cache_are_made_again(tiny: DataSet, tmp_path: Path) -> None:
    first = load("tiny")
    (kept,) = (tmp_path / "cache" / "arrays").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    assert same(first, load("tiny"))
    assert same(first, load("tiny"))


def test_a_cache_that_cannot_be_written_does_not_matter(
    tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "file" / "cache"))
    assert len(load("tiny").train) == 300


def test_a_large_file_is_hashed_once_until_it_changes(tiny: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "REMEMBER", 10_000)  # only the training pictures are as large
    hashed: list[str] = []
    sha256 = store.sha256
    monkeypatch.setattr(store, "sha256", lambda path: hashed.append(path.name) or sha256(path))
    load("tiny")
    assert hashed == list(idx.NAMES)
    hashed.clear()
    load("tiny")
    assert hashed == [name for name, size in zip(idx.NAMES, (300, 0, 20, 0), strict=True) if size < 20]
    hashed.clear()
    store.verify("tiny")
    assert hashed == list(idx.NAMES), "verify trusts nothing"
    hashed.clear()
    place = store.find(tiny)
    assert place is not None
    assert place.folder is not None
    os.utime(place.folder / idx.NAMES[0], ns=(1, 1))
    load("tiny")
    assert idx.NAMES[0] in hashed


def test_the_folder_named_by_the_user_comes_before_the_cache(tiny: DataSet, tmp_path: Path) -> None:
    put(tiny_files(), tmp_path / "cache" / "tiny")
    place = store.find(tiny)
    assert place is not None
    assert place.kind == "LIULI_DATA"
    (tmp_path / "data" / "tiny" / idx.NAMES[3]).unlink()
    place = store.find(tiny)
    assert place is not None
    assert place.kind == "cache", "a folder that lacks a file does not hold the set"


def test_digits_are_the_embedded_1797() -> None:
    data = load("digits")
    assert (len(data.train), len(data.test)) == (1438, 359)
    assert data.train.inputs.shape[1:] == data.facts.shape == (8, 8, 1)
    everything = np.concatenate([data.train.inputs, data.test.inputs])
    assert set(np.unique(everything)) == {round(value * 255 / 16) for value in range(17)}
    assert np.bincount(data.train.targets).tolist() == [142, 146, 142, 146, 145, 146, 144, 144, 139, 144]
    assert np.bincount(data.test.targets).tolist() == [36, 36, 35, 37, 36, 36, 37, 35, 35, 36]


def test_digits_are_parted_the_same_for_ever() -> None:
    # Figures of published runs depend on which pictures are the test part.
    test = load("digits").test
    assert test.targets[:20].tolist() == [0, 1, 3, 5, 9, 5, 6, 9, 5, 8, 7, 2, 2, 1, 4, 6, 3, 8, 4, 3]
    assert int(test.inputs[..., 0].astype(np.int64).sum()) == 1_788_323


def test_digits_read_anew_are_those_kept(tmp_path: Path) -> None:
    assert same(digits.load(None), load("digits"))
    assert same(digits.load(None), load("digits"))


def record(label: int, seed: int) -> tuple[bytes, np.ndarray]:
    """One of CIFAR-10's records, and its picture (32, 32, 3)."""
    picture = np.random.Generator(np.random.PCG64(seed)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    planes = b"".join(picture[:, :, channel].tobytes() for channel in range(3))
    return bytes([label]) + planes, picture


def test_cifar10_is_read_in_the_order_of_its_batches(tmp_path: Path) -> None:
    names = [*cifar10.PARTS, "test_batch.bin"]
    pictures = []
    with tarfile.open(tmp_path / cifar10.ARCHIVE.name, "w:gz") as archive:
        for number in (3, 0, 5, 1, 2, 4):  # the archive's own order is of no account
            records = [record(number, 2 * number), record(number + 1, 2 * number + 1)]
            pictures.append((number, [picture for _, picture in records]))
            content = b"".join(encoded for encoded, _ in records)
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{names[number]}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = cifar10.load(tmp_path)
    expected = [picture for _, pair in sorted(pictures, key=lambda one: one[0]) for picture in pair]
    assert np.array_equal(data.train.inputs, np.stack(expected[:10]))
    assert np.array_equal(data.test.inputs, np.stack(expected[10:]))
    assert data.train.targets.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert data.test.targets.tolist() == [5, 6]
    assert data.facts.variant == "full set"


def test_cifar10_says_when_it_is_the_subset(tmp_path: Path) -> None:
    images = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(4, dtype=np.uint8)
    np.savez(
        tmp_path / cifar10.SUBSET.files[0].name,
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
    )
    data = cifar10.load(tmp_path)
    assert data.facts.variant == "subset of 12,000"
    assert data.facts.sha256 != cifar10.FACTS.sha256
    assert data.train.targets.dtype == np.int64


def test_the_whole_comes_before_the_subset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_DATA", str(tmp_path))
    put({cifar10.SUBSET.files[0].name: b"subset"}, tmp_path / cifar10.SUBSET.folder)
    place = store.find(cifar10.DATA)
    assert place is not None
    assert place.variant == "subset of 12,000"
    put({cifar10.ARCHIVE.name: b"whole"}, tmp_path / "cache" / "cifar10")
    place = store.find(cifar10.DATA)
    assert place is not None
    assert (place.kind, place.variant) == ("cache", "")
