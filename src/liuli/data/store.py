"""Where the data sets are: found, checked, read, and downloaded where they are not here.

A data set is looked for in the folder that LIULI_DATA names (one folder per data set, the publisher's
file names), then in the user's cache (LIULI_CACHE, else the system's place for caches). Its files are used
only after their SHA-256 was checked. What is at neither place is downloaded into the cache.
"""

from __future__ import annotations

import importlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from liuli.data.arrays import kept
from liuli.data.dataset import Data, DataSet, Facts, RemoteFile
from liuli.errors import UserError, nearest
from liuli.files import sha256, write_json

MARK = "\nDATA = "
REMEMBER = 64 << 20
"""Files of this many bytes or more are not hashed again while their size and time of change stay the same."""


@dataclass(frozen=True)
class Place:
    """Where a data set was found.

    Attributes:
        kind: "embedded" in a dependency, "LIULI_DATA" or "cache".
        folder: that holds `files`; None when embedded.
        files: of the whole set, or of its subset.
        variant: of the subset where it is that, else "".
    """

    kind: str
    folder: Path | None = None
    files: tuple[RemoteFile, ...] = ()
    variant: str = ""


@cache
def definitions() -> dict[str, DataSet]:
    """Every data set by name: the `DATA` of each file of this folder that has one."""
    stems = [path.stem for path in sorted(Path(__file__).parent.glob("*.py")) if MARK in path.read_text("utf-8")]
    found: list[DataSet] = [importlib.import_module(f"liuli.data.{stem}").DATA for stem in stems]
    return {dataset.name: dataset for dataset in found}


def definition(name: str) -> DataSet:
    """The data set called `name`.

    Raises:
        UserError: there is none of that name; the nearest one is offered.
    """
    known = definitions()
    if name not in known:
        raise UserError(f"no data set is called '{name}'; {nearest(name, known)} 'liuli data list' shows them all")
    return known[name]


def load(name: str, fetch: bool = True, *, target: str | None = None, kind: str | None = None) -> Data:
    """Read the data set called `name`, downloading it first where it is not here and `fetch` allows it.

    Args:
        name: of a data set, or the path of a user's own data (see `own`).
        target: the column to be predicted, in a table of the user's own.
        kind: what is to be read out of it ("table", "image"), where a path may be more than one thing.

    Raises:
        UserError: no such data set, a file is damaged, or it is not here and cannot be had.
    """
    if is_path(name):
        from liuli.data import own

        return own.load(Path(name).expanduser(), target, kind)
    dataset = definition(name)
    if target is not None:
        raise UserError(f"--target {target}: names a column of a table of your own; {name} is read as published")
    place = find(dataset)
    if place is None:
        if not fetch:
            raise UserError(f"{name}: is not here; {by_hand(dataset)}")
        place = download_to_cache(dataset)
    check(dataset, place)
    return kept(cache_folder() / "arrays", name, place.files, lambda: dataset.load(place.folder))


def load_again(facts: Facts) -> Data:
    """The data that `facts` are of, as they are now.

    Raises:
        UserError: they cannot be had.
    """
    if "path" not in facts.details:
        return load(facts.name)
    return load(facts.details["path"], target=facts.details["target"], kind=facts.kind)


def is_path(name: str) -> bool:
    """Whether what a user gave for data is a path: no data set is called so, and it is there or is written like one."""
    if name in definitions():
        return False
    path = Path(name).expanduser()
    return path.exists() or bool(path.suffix) or len(path.parts) > 1


def fetch(name: str) -> Place:
    """Make sure that the whole data set called `name` is here, sound; say where.

    Raises:
        UserError: it cannot be downloaded, or what LIULI_DATA has of it is damaged.
    """
    dataset = definition(name)
    place = find(dataset)
    if place is None or place.kind == "cache" or place.files != dataset.files:
        return download_to_cache(dataset)
    check(dataset, place)
    return place


def verify(name: str) -> dict[str, str | None]:
    """Hash every file of a data set: the file's name to None when it is sound, else a sentence on what is wrong.

    Raises:
        UserError: the data set is not here.
    """
    dataset = definition(name)
    place = find(dataset)
    if place is None:
        raise UserError(f"{name}: is not here; {by_hand(dataset)}")
    if place.folder is None:
        dataset.load(None)  # checks itself
    return {file.name: fault(dataset, place.folder, file, trust=False) for file in place.files if place.folder}


def find(dataset: DataSet) -> Place | None:
    """Where all the files of a data set lie, unchecked; the whole before its subset; None where they do not.

    Raises:
        UserError: LIULI_DATA names no folder, or a folder cannot be read.
    """
    if not dataset.files:
        return Place("embedded")
    roots = [("cache", cache_folder())]
    if folder := data_folder():
        roots.insert(0, ("LIULI_DATA", folder))
    sources = [(dataset.name, dataset.files, "")]
    if dataset.subset:
        sources.append((dataset.subset.folder, dataset.subset.files, dataset.subset.variant))
    for inside, files, variant in sources:
        for kind, root in roots:
            if all(exists(root / inside / file.name) for file in files):
                return Place(kind, root / inside, files, variant)
    return None


def exists(path: Path) -> bool:
    """Whether there is such a file; a folder that cannot be read is not taken for an empty one."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); make its folder readable") from error
    return True


def data_folder() -> Path | None:
    """The folder that LIULI_DATA names; None when it is not set."""
    value = os.environ.get("LIULI_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"LIULI_DATA is '{value}', which is no folder; name the folder that holds the data, or unset it"
        )
    return folder


def cache_folder() -> Path:
    """Where downloads and what was made of them are kept: LIULI_CACHE, else the system's place for caches."""
    import platformdirs

    value = os.environ.get("LIULI_CACHE")
    return Path(value).expanduser() if value else platformdirs.user_cache_path("liuli", appauthor=False)


def by_hand(dataset: DataSet) -> str:
    """The clause that says how a user brings a data set, and what would serve without."""
    names = [file.name for file in dataset.files]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    folder = data_folder()
    where = folder / dataset.name if folder else f"FOLDER/{dataset.name} and set LIULI_DATA=FOLDER"
    if not can_be_fetched(dataset):
        return f"put {listed} into {where}; nobody publishes that file"
    return (
        f"put {listed} into {where}, or run 'liuli data fetch {dataset.name}' where there is a network; "
        f"'--data {dataset.instead}' needs neither"
    )


def can_be_fetched(dataset: DataSet) -> bool:
    """Whether its files are to be had somewhere; of others only the user has them."""
    return bool(dataset.archives) or all(file.urls for file in dataset.files)


def download_to_cache(dataset: DataSet) -> Place:
    """Download what the cache does not have of a data set, or has damaged.

    Raises:
        UserError: it cannot be had.
    """
    if not can_be_fetched(dataset):
        raise UserError(f"{dataset.name}: is not here; {by_hand(dataset)}")
    from liuli.data.download import download

    folder = cache_folder() / dataset.name
    download(dataset, folder, otherwise=by_hand(dataset))
    return Place("cache", folder, dataset.files)


def check(dataset: DataSet, place: Place) -> None:
    """Raise the first thing that is wrong with the files of a place."""
    for file in place.files:
        assert place.folder is not None
        if sentence := fault(dataset, place.folder, file):
            raise UserError(sentence)


def fault(dataset: DataSet, folder: Path, file: RemoteFile, trust: bool = True) -> str | None:
    """A sentence on what is wrong with a file, None when it is sound; `trust` what is remembered of a large one."""
    path = folder / file.name
    anew = f"delete it and run 'liuli data fetch {dataset.name}'" if can_be_fetched(dataset) else "copy it anew"
    remedy = f"{anew} (it is in {folder})"
    try:
        status = path.stat()
        if status.st_size != file.size:
            return f"{dataset.name}: {file.name} has {status.st_size:,} bytes, expected {file.size:,}; {remedy}"
        state = [status.st_size, status.st_mtime_ns, file.sha256]
        if trust and file.size >= REMEMBER and remembered().get(str(path)) == state:
            return None
        digest = sha256(path)
    except OSError as error:
        return f"{dataset.name}: {path} cannot be read ({error.strerror}); make it a readable file"
    if digest != file.sha256:
        return f"{dataset.name}: {file.name} has SHA-256 {digest[:12]}…, expected {file.sha256[:12]}…; {remedy}"
    if file.size >= REMEMBER:
        with suppress(OSError, UserError):  # only saves time
            cache_folder().mkdir(parents=True, exist_ok=True)
            write_json(cache_folder() / "verified.json", {**remembered(), str(path): state})
    return None


def remembered() -> dict[str, list[object]]:
    """By path: size, time of change and SHA-256 of the large files that were found sound."""
    try:
        known = json.loads((cache_folder() / "verified.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
