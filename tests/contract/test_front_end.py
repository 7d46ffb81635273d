"""What the package build made of `web/`."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import liuli

STATIC = Path(liuli.__file__).parent / "lab" / "static"
MOST = 300_000  # bytes, compressed


def test_the_laboratory_is_small() -> None:
    files = [STATIC / "lab.html", *(STATIC / "assets").glob("*")]
    if not files[0].is_file():
        pytest.skip("the pages have not been built")
    assert len(files) > 1
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= MOST
