"""What goes wrong with data: damaged files, no rights, no network, servers that lie, full disks, impatient users.

Each is one sentence that names the thing, what was expected and what to do; and nothing sound is lost.
"""

from __future__ import annotations

import gzip
import json
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from liuli.cli import run
from liuli.data import cifar10, download, idx, store
from liuli.data.dataset import DataSet
from liuli.data.store import fetch, load, verify
from liuli.errors import UserError
from tests.tiny_data import Server, encode, put, serving, tiny_files, tiny_set

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = idx.NAMES


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIULI_DATA", raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[DataSet], DataSet]:
    """Make a made data set the only one, beside the embedded digits."""
    digits = store.definition("digits")

    def only(dataset: DataSet) -> DataSet:
        monkeypatch.setattr(store, "definitions", lambda: {"tiny": dataset, "digits": digits})
        return dataset

    return only


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[DataSet], DataSet]) -> Path:
    """The tiny set, sound, in the folder that LIULI_DATA names; nothing can be downloaded."""
    contents = tiny_files()
    use(tiny_set(contents))
    monkeypatch.setenv("LIULI_DATA", str(tmp_path / "data"))
    return put(contents, tmp_path / "data" / "tiny")


@pytest.fixture
def server(use: Callable[[DataSet], DataSet]) -> Iterator[Server]:
    """The tiny set behind a server on the loopback."""
    with serving(Server(tiny_files())) as serves:
        use(tiny_set(serves.contents, (serves.base,)))
        yield serves


def refusal(call: Callable[[], object]) -> str:
    """The sentence with which a call is refused."""
    with pytest.raises(UserError) as caught:
        call()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_file_of_another_size(folder: Path) -> None:
    whole = (folder / LABELS).read_bytes()
    (folder / LABELS).write_bytes(whole[:-1])
    expected = (
        f"tiny: {LABELS} has {len(whole) - 1} bytes, expected {len(whole)}; "
        f"delete it and run 'liuli data fetch tiny' (it is in {folder})"
    )
    assert refusal(lambda: load("tiny")) == expected
    assert verify("tiny") == {IMAGES: None, LABELS: expected, TEST_IMAGES: None, TEST_LABELS: None}
    assert refusal(lambda: fetch("tiny")) == expected, "what is the user's own is not downloaded over"


def test_a_file_of_another_hash(folder: Path) -> None:
    content = bytearray((folder / IMAGES).read_bytes())
    content[1000] ^= 1
    (folder / IMAGES).write_bytes(content)
    assert f"tiny: {IMAGES} has SHA-256 " in refusal(lambda: load("tiny"))


def test_a_file_that_is_a_folder(folder: Path) -> None:
    (folder / IMAGES).unlink()
    (folder / IMAGES).mkdir()
    assert IMAGES in refusal(lambda: load("tiny"))


def test_data_folder_that_is_none(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_DATA", str(tmp_path / "nowhere"))
    assert refusal(lambda: load("tiny")) == (
        f"LIULI_DATA is '{tmp_path}/nowhere', which is no folder; name the folder that holds the data, or unset it"
    )
    assert len(load("digits").train) == 1438, "what is embedded needs no folder"


def test_a_folder_that_cannot_be_read(tmp_path: Path, folder: Path) -> None:
    folder.rename(tmp_path / "away")
    folder.symlink_to(folder)  # refused to every user, root included
    assert refusal(lambda: load("tiny")).startswith(f"{folder}/{IMAGES}: cannot be read (")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (encode(np.zeros((9, 4, 4), np.uint8))[:-9], "is cut short"),
        (b"not gzip at all", "is not a sound gzip file"),
        (b"", "begins with nothing"),
        (gzip.compress(b"", mtime=0), "begins with nothing"),
        (gzip.compress(bytes([0, 0, 13, 3]) + bytes(16), mtime=0), "begins with 00 00 0d 03, expected 00 00 08 03"),
        (encode(np.zeros(9, np.uint8)), "begins with 00 00 08 01, expected 00 00 08 03"),
        (gzip.compress(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2]), mtime=0), "its header says"),
        (
            gzip.compress(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(11), mtime=0),
            "11 values, .* 2 × 2 × 3",
        ),
    ],
)
def test_a_file_that_is_no_array(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "pictures.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        idx.read(path, 3)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", [cifar10.ARCHIVE.name, cifar10.SUBSET.files[0].name])
def test_a_damaged_cifar10(name: str, tmp_path: Path) -> None:
    put({name: b"\x1f\x8b\x08 damaged"}, tmp_path)
    assert refusal(lambda: cifar10.load(tmp_path)).startswith(f"{tmp_path / name}: is not a sound file of CIFAR-10 (")


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        (LABELS, np.full(300, 10), "the training part has a label 10, expected 0 to 9"),
        (TEST_LABELS, np.zeros(19), "the test part has 20 inputs and 19 labels, expected as many"),
        (TEST_IMAGES, np.zeros((20, 8, 8)), "the test part has inputs of shape (8, 8, 1), expected (28, 28, 1)"),
    ],
)
def test_data_that_contradict_themselves(
    name: str, array: np.ndarray, says: str, folder: Path, use: Callable[[DataSet], DataSet]
) -> None:
    contents = tiny_files() | {name: encode(array.astype(np.uint8))}
    use(tiny_set(contents))
    put(contents, folder)
    assert refusal(lambda: load("tiny")) == f"tiny: {says}"


def test_without_network_both_ways_are_said(tmp_path: Path, use: Callable[[DataSet], DataSet]) -> None:
    use(tiny_set(tiny_files()))
    both = (
        f"put {IMAGES}, {LABELS}, {TEST_IMAGES} and {TEST_LABELS} into FOLDER/tiny and set LIULI_DATA=FOLDER, "
        "or run 'liuli data fetch tiny' where there is a network; '--data digits' needs neither"
    )
    assert refusal(lambda: load("tiny", fetch=False)) == f"tiny: is not here; {both}"
    assert refusal(lambda: verify("tiny")) == f"tiny: is not here; {both}"
    assert refusal(lambda: load("tiny")) == (
        f"tiny: {IMAGES} cannot be downloaded (127.0.0.1:9 cannot be reached); {both}"
    )


def test_without_network_the_users_folder_is_named(tmp_path: Path, folder: Path) -> None:
    (folder / LABELS).unlink()
    assert f" into {folder}, or run " in refusal(lambda: load("tiny", fetch=False))


def test_a_download_is_made_once_and_leaves_only_sound_files(server: Server, tmp_path: Path) -> None:
    assert len(load("tiny").train) == 300
    assert server.log == [(name, "") for name in idx.NAMES]
    load("tiny")
    place = fetch("tiny")
    assert len(server.log) == 4
    assert place.folder == tmp_path / "cache" / "tiny"
    assert {path.name: path.read_bytes() for path in place.folder.iterdir() if path.name != ".lock"} == server.contents


def test_a_download_that_breaks_off_goes_on_where_it_was(server: Server) -> None:
    server.breaks[IMAGES] = [100_000, 50_000]
    assert len(load("tiny").train) == 300
    assert [asked for name, asked in server.log if name == IMAGES] == ["", "bytes=100000-", "bytes=150000-"]


def test_a_download_goes_on_after_the_process_was_killed(server: Server, tmp_path: Path) -> None:
    put({f"{IMAGES}.part": server.contents[IMAGES][:70_000]}, tmp_path / "cache" / "tiny")
    load("tiny")
    assert server.log[0] == (IMAGES, "bytes=70000-")
    server.log.clear()
    (tmp_path / "cache" / "tiny" / IMAGES).rename(tmp_path / "cache" / "tiny" / f"{IMAGES}.part")
    load("tiny")
    assert server.log == [], "all had come, only the name was missing"


def test_a_download_goes_on_after_ctrl_c(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(line: download.Line, here: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download.Line, "show", pressed)
        with pytest.raises(KeyboardInterrupt):
            load("tiny")
    load("tiny")
    assert server.log[:2] == [(IMAGES, ""), (IMAGES, f"bytes={download.PIECE}-")]


def test_a_server_that_cannot_go_on_begins_again(server: Server) -> None:
    server.ranges = False
    server.breaks[IMAGES] = [100_000]
    assert len(load("tiny").train) == 300


def test_a_wrong_beginning_is_thrown_away(server: Server, tmp_path: Path) -> None:
    put({f"{IMAGES}.part": bytes(70_000)}, tmp_path / "cache" / "tiny")
    load("tiny")
    assert [asked for name, asked in server.log if name == IMAGES] == ["bytes=70000-", ""]


def test_a_beginning_that_is_too_long_is_thrown_away(server: Server, tmp_path: Path) -> None:
    put({f"{IMAGES}.part": bytes(len(server.contents[IMAGES]) + 1)}, tmp_path / "cache" / "tiny")
    assert len(load("tiny").train) == 300
    assert not list((tmp_path / "cache" / "tiny").glob("*.part"))


def test_a_damaged_file_in_the_cache_is_replaced_by_fetch(server: Server, tmp_path: Path) -> None:
    put(server.contents | {LABELS: b"damaged"}, tmp_path / "cache" / "tiny")
    assert "run 'liuli data fetch tiny'" in refusal(lambda: load("tiny"))
    fetch("tiny")
    assert server.log == [(LABELS, "")]
    assert len(load("tiny").train) == 300


def test_the_next_address_is_tried(server: Server, use: Callable[[DataSet], DataSet]) -> None:
    with serving(Server({})) as empty:
        use(tiny_set(server.contents, (empty.base, server.base)))
        assert len(load("tiny").train) == 300
        assert len(empty.log) == 4


def test_every_address_that_failed_is_named(server: Server, use: Callable[[DataSet], DataSet]) -> None:
    contents = server.contents
    server.contents = contents | {IMAGES: b"please log in to this network"}
    with serving(Server({})) as empty:
        use(tiny_set(contents, (empty.base, server.base)))
        sentence = refusal(lambda: fetch("tiny"))
    hosts = [one.base.removeprefix("http://").rstrip("/") for one in (empty, server)]
    assert sentence.startswith(
        f"tiny: {IMAGES} cannot be downloaded ({hosts[0]} says 404 Not Found; "
        f"{hosts[1]} offers 29 bytes, expected {len(contents[IMAGES]):,}); put "
    )


def test_what_came_before_everything_failed_is_kept(server: Server, tmp_path: Path) -> None:
    put({f"{IMAGES}.part": server.contents[IMAGES][:70_000]}, tmp_path / "cache" / "tiny")
    images = server.contents.pop(IMAGES)
    assert "(70,000 bytes are kept, and the next try goes on from there)" in refusal(lambda: fetch("tiny"))
    server.contents[IMAGES] = images
    fetch("tiny")
    assert server.log[1] == (IMAGES, "bytes=70000-")


def test_a_lying_server_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.contents[IMAGES] = bytes(len(server.contents[IMAGES]))
    assert "gives a file of another SHA-256" in refusal(lambda: fetch("tiny"))
    assert [path.name for path in (tmp_path / "cache" / "tiny").iterdir() if path.name != ".lock"] == []
    assert len(server.log) == 1, "the same answer is not asked for again"


def test_a_full_disk_is_said_and_what_came_is_kept(server: Server, tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, limit[1]))  # writing on fails as on a full disk
    try:
        sentence = refusal(lambda: fetch("tiny"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert sentence.startswith(f"tiny: {tmp_path / 'cache' / 'tiny'} cannot be written (")
    assert sentence.endswith("free some space or name another folder with LIULI_CACHE; what has come is kept")
    fetch("tiny")
    assert server.log[1] == (IMAGES, "bytes=80000-")


def test_a_cache_that_may_not_be_written(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "file"))
    assert refusal(lambda: fetch("tiny")).startswith(f"tiny: {tmp_path}/file/tiny cannot be written (")


def test_two_at_once_download_once(server: Server) -> None:
    threads = [threading.Thread(target=fetch, args=("tiny",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.log) == sorted((name, "") for name in idx.NAMES)


def test_fetch_refuses_a_misspelt_name_before_it_downloads(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "fetch", "tiny", "tinny"]) == 2
    assert "no data set is called 'tinny'; did you mean 'tiny'?" in capsys.readouterr().err
    assert server.log == []


def test_the_verbs_say_what_is_where(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "--json"]) == 0
    assert {one["name"]: one["where"] for one in json.loads(capsys.readouterr().out)} == {
        "tiny": None,
        "digits": "embedded",
    }
    assert run(["data", "fetch", "tiny"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "tiny: cache, sound\n"
    assert f"tiny: {IMAGES}: {len(server.contents[IMAGES]):,} bytes" in printed.err
    assert run(["data", "list"]) == 0
    listed = capsys.readouterr().out
    assert "cache" in listed
    assert "0.3 MB" in listed
    assert run(["data", "verify"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"OK     tiny    {name}" for name in idx.NAMES] + [
        "OK     digits  embedded"
    ]


def test_verify_ends_with_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / LABELS).write_bytes(b"?")
    assert run(["data", "verify", "tiny"]) == 2
    printed = capsys.readouterr()
    assert f"WRONG  tiny  {LABELS}" in printed.out
    assert printed.err.startswith(f"liuli: tiny: {LABELS} has 1 bytes, expected ")
    assert run(["data", "verify", "tiny", "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["tiny"][IMAGES] is None
    assert "has 1 bytes" in json.loads(printed.out)["tiny"][LABELS]
