"""The real files are what was published: numbers, classes, means, and the MD5 sums of their publishers."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from liuli.data import store
from liuli.data.store import load

DATA = os.environ.get("LIULI_DATA")
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA, reason="LIULI_DATA is not set")]

# From the pages of the publishers: yann.lecun.com by way of torchvision, and zalandoresearch/fashion-mnist.
MD5 = {
    "mnist/train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "mnist/train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "mnist/t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "mnist/t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    "fashion-mnist/train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "fashion-mnist/train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "fashion-mnist/t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "fashion-mnist/t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))


def test_the_messages_are_as_many_as_published() -> None:
    data = load("sms-spam")
    targets = np.concatenate([data.train.targets, data.test.targets])
    assert (len(targets), int(targets.sum())) == (5574, 747)
    assert (len(data.train), len(data.test)) == (4439, 1135)
    assert not set(data.train.inputs) & set(data.test.inputs)


@pytest.mark.parametrize("name", MD5)
def test_the_files_are_the_published_ones(name: str) -> None:
    assert hashlib.md5((Path(str(DATA)) / name).read_bytes()).hexdigest() == MD5[name]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_all_files_are_sound(name: str) -> None:
    assert set(store.verify(name).values()) == {None}


def test_mnist() -> None:
    data = load("mnist")
    assert data.train.inputs.shape == (60_000, 28, 28, 1)
    assert data.test.inputs.shape == (10_000, 28, 28, 1)
    assert np.bincount(data.train.targets).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.test.targets).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mean_and_deviation(data.train.inputs) == pytest.approx([0.1307, 0.3081], abs=5e-5)
    assert data.train.targets[:5].tolist() == [5, 0, 4, 1, 9]


def test_fashion_mnist() -> None:
    data = load("fashion-mnist")
    assert np.bincount(data.train.targets).tolist() == [6000] * 10
    assert np.bincount(data.test.targets).tolist() == [1000] * 10
    assert mean_and_deviation(data.train.inputs) == pytest.approx([0.2860, 0.3530], abs=5e-5)


def test_cifar10_full_or_subset() -> None:
    data = load("cifar10")
    full = data.facts.variant == "full set"
    assert np.bincount(data.train.targets).tolist() == [5000 if full else 1000] * 10
    assert np.bincount(data.test.targets).tolist() == [1000 if full else 200] * 10
    means = data.train.inputs.mean(axis=(0, 1, 2), dtype=np.float64)
    assert means == pytest.approx([125.307, 122.950, 113.865], abs=1e-3 if full else 1.5)


def mean_and_deviation(pixels: np.ndarray) -> list[float]:
    """Of all pixels, as shares of 255."""
    counts = np.bincount(pixels.ravel(), minlength=256) / pixels.size
    values = np.arange(256) / 255
    mean = float(counts @ values)
    return [mean, float(np.sqrt(counts @ (values - mean) ** 2))]
