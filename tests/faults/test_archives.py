"""Archives: what is wanted is taken out, checked; nothing that an archive says about paths and sizes is believed."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from liuli.data import idx, store
from liuli.data.dataset import Archive, RemoteFile
from liuli.data.store import load
from liuli.data.unpacking import unpack
from liuli.errors import UserError
from tests.tiny_data import Server, put, serving, tiny_files, tiny_set

Packer = Callable[[dict[str, bytes]], bytes]


def zipped(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return stream.getvalue()


def tarred(contents: dict[str, bytes], kind: str = "gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{kind}") as packed:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def remote(name: str, content: bytes, *urls: str) -> RemoteFile:
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), urls)


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar.gz"])
def test_a_set_that_comes_in_an_archive(pack: Packer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIULI_DATA", raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    contents = tiny_files()
    packed = pack(
        {f"tiny/{name}": content for name, content in contents.items()} | {"../escaped": b"x", "/tiny/y": b""}
    )
    with serving(Server({"tiny.packed": packed})) as server:
        archive = Archive(
            remote("tiny.packed", packed, f"{server.base}tiny.packed"), {name: f"tiny/{name}" for name in idx.NAMES}
        )
        plain = tiny_set(contents)
        files = tuple(replace(file, urls=()) for file in plain.files)
        monkeypatch.setattr(store, "definitions", lambda: {"tiny": replace(plain, files=files, archives=(archive,))})
        assert len(load("tiny").train) == 300
        folder = tmp_path / "cache" / "tiny"
        assert {path.name for path in folder.iterdir()} == {".lock", *idx.NAMES}, (
            "the archive is gone, nothing else came"
        )
        assert not list(tmp_path.rglob("escaped"))
        (folder / idx.NAMES[0]).write_bytes(b"damaged")
        store.fetch("tiny")
        assert {name: (folder / name).read_bytes() for name in idx.NAMES} == contents
        assert len(server.log) == 2, "what is damaged is brought again"


@pytest.mark.parametrize(
    ("pack", "held", "says"),
    [
        (zipped, {"in/a": b"12345"}, None),
        (tarred, {"in/a": b"12345"}, None),
        (lambda contents: tarred(contents, "xz"), {"in/a": b"12345"}, None),
        (zipped, {"in/b": b"12345"}, "holds no in/a; delete it and fetch it again"),
        (tarred, {"in/b": b"12345"}, "holds no in/a; delete it and fetch it again"),
        (zipped, {"in/a": bytes(1_000_000)}, "its in/a has more than the expected 5 bytes; nothing of it is kept"),
        (tarred, {"in/a": bytes(1_000_000)}, "its in/a has more than the expected 5 bytes; nothing of it is kept"),
        (zipped, {"in/a": b"123"}, "its in/a has 3 bytes, expected 5; nothing of it is kept"),
        (zipped, {"in/a": b"54321"}, "its in/a has another SHA-256 than the published one; nothing of it is kept"),
        (lambda contents: tarred(contents)[:40], {"in/a": b"12345"}, "is not a sound archive"),
        (lambda contents: b"none", {"in/a": b"12345"}, "is not a sound archive"),
    ],
)
def test_only_the_bytes_that_are_expected(
    pack: Packer, held: dict[str, bytes], says: str | None, tmp_path: Path
) -> None:
    content = pack(held)
    put({"packed": content}, tmp_path)
    archive = Archive(remote("packed", content), {"a": "in/a"})
    wanted = [remote("a", b"12345")]
    if says is None:
        unpack(archive, wanted, tmp_path)
        assert (tmp_path / "a").read_bytes() == b"12345"
        return
    with pytest.raises(UserError, match=says) as caught:
        unpack(archive, wanted, tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'packed'}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]


def test_a_link_is_no_file(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        entry = tarfile.TarInfo("in/a")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(entry)
    put({"packed": stream.getvalue()}, tmp_path)
    with pytest.raises(UserError, match="holds no in/a"):
        unpack(Archive(remote("packed", b""), {"a": "in/a"}), [remote("a", b"12345")], tmp_path)
