"""The real BCCD holds what its publisher says it holds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from liuli.data.store import load, verify

DATA = os.environ.get("LIULI_DATA")
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA, reason="LIULI_DATA is not set")]


def test_bccd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    assert set(verify("bccd").values()) == {None}
    data = load("bccd")
    assert data.validation is not None
    assert data.facts.classes == ("Platelets", "RBC", "WBC")
    counts = [
        np.bincount(split.targets[..., 0][split.targets[..., 0] >= 0].astype(int)).tolist()
        for split in (data.train, data.validation, data.test)
    ]
    assert counts == [[209, 2381, 214], [83, 967, 87], [69, 805, 71]], "two boxes without an area are left out"
    for split in data.splits().values():
        assert set(map(tuple, split.extra["sizes"].tolist())) == {(640, 480)}
        assert 0 <= split.targets[..., 1:].min() <= split.targets[..., 1:].max() <= 1
    assert np.allclose(data.train.targets[0, 0] * [1, 640, 480, 640, 480], [2, 68, 315, 286, 480])
