"""Downloads that show how far they are, go on where they broke off, and end in a checked file or in none.

pooch keeps the rule that only a file of the right SHA-256 gets its name; the downloader given to it
here adds the rest: what has come lies in `NAME.part` and is asked for no second time (HTTP Range).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pooch
import requests
import urllib3
from filelock import FileLock

from liuli.data.dataset import DataSet, RemoteFile
from liuli.data.unpacking import unpack
from liuli.errors import UserError
from liuli.files import sha256

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

TRIES = 20  # of one address, as long as each brings something
PIECE = 1 << 16
TIMEOUT = (10, 30)  # seconds: to connect, between two pieces


class Refused(Exception):
    """An address that does not give what is wanted; the message says why."""


def download(dataset: DataSet, folder: Path, otherwise: str) -> None:
    """Bring every file of `dataset` into `folder` that is not there sound.

    Several processes may ask at once: one downloads, the others wait and find the files.

    Args:
        dataset: with addresses.
        folder: made where it is missing.
        otherwise: the clause of an error message that says what a user can do without a network.

    Raises:
        UserError: no address gives the file, the disk is full, or the folder may not be written to.
    """
    pooch.get_logger().setLevel("WARNING")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"), progress() as shown:
            for file in dataset.files:
                if file.urls:
                    bring(dataset, file, folder, line(shown, dataset, file), otherwise)
            for archive in dataset.archives:
                if lacking := [file for file in dataset.files if file.name in archive.members and lacks(folder, file)]:
                    bring(dataset, archive.file, folder, line(shown, dataset, archive.file), otherwise)
                    unpack(archive, lacking, folder)
                    (folder / archive.file.name).unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"{dataset.name}: {folder} cannot be written ({reason}); "
            "free some space or name another folder with LIULI_CACHE; what has come is kept"
        ) from error


def line(shown: Progress, dataset: DataSet, file: RemoteFile) -> Line:
    """Where it is shown how far a file is."""
    return Line(shown, f"{dataset.name}: {file.name}", file.size)


def lacks(folder: Path, file: RemoteFile) -> bool:
    """Whether `folder` does not have `file`, or has it damaged."""
    path = folder / file.name
    return size(path) != file.size or sha256(path) != file.sha256


def bring(dataset: DataSet, file: RemoteFile, folder: Path, line: Line, otherwise: str) -> None:
    """Have one file from the first of its addresses that gives it, going on while pieces of it come."""
    part = folder / f"{file.name}.part"
    reasons: dict[str, str] = {}
    for url in file.urls:
        for _ in range(TRIES):
            begun = size(part)
            try:
                downloader = Downloader(file, part, line)
                pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
                return
            except Refused as error:
                reason = str(error)
            except ValueError:  # what pooch raises when the hash differs
                reason = f"{host(url)} gives a file of another SHA-256"
            reasons[host(url)] = reason
            if size(part) == begun:  # nothing came, and nothing that was here proved wrong
                break
    failures = "; ".join(reasons.values())
    kept = f" ({size(part):,} bytes are kept, and the next try goes on from there)" if size(part) else ""
    raise UserError(f"{dataset.name}: {file.name} cannot be downloaded ({failures}){kept}; {otherwise}")


class Downloader:
    """What pooch calls to bring `file`: goes on from what `part` holds of it."""

    def __init__(self, file: RemoteFile, part: Path, line: Line) -> None:
        self.file = file
        self.part = part
        self.line = line

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Bring the rest of `part`, then rename it to `output_file`, whose hash pooch checks.

        Raises:
            Refused: the server cannot be reached, says no, has another file, or breaks off.
        """
        if size(self.part) < self.file.size:
            try:
                self.receive(url)
            except requests.Timeout as error:
                raise Refused(f"{host(url)} does not answer") from error
            except requests.ConnectionError as error:
                raise Refused(f"{host(url)} cannot be reached") from error
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise Refused(f"{host(url)} breaks off") from error
        if size(self.part) > self.file.size:
            self.part.unlink()
            raise Refused(f"{host(url)} offers more than the expected {self.file.size:,} bytes")
        if size(self.part) < self.file.size:
            raise Refused(f"{host(url)} breaks off")
        os.replace(self.part, output_file)

    def receive(self, url: str) -> None:
        """Append what the server sends to `part`, as it is sent: a .gz file is not to be unpacked on the way."""
        begun = size(self.part)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if not response.ok:
                raise Refused(f"{host(url)} says {response.status_code} {response.reason}")
            continues = response.status_code == requests.codes.partial_content
            begun = begun if continues else 0
            length = response.headers.get("Content-Length")
            if length and begun + int(length) != self.file.size:
                raise Refused(f"{host(url)} offers {begun + int(length):,} bytes, expected {self.file.size:,}")
            with self.part.open("ab" if continues else "wb") as stream:
                for piece in response.raw.stream(PIECE, decode_content=False):
                    stream.write(piece)
                    begun += len(piece)
                    self.line.show(begun)
                    if begun > self.file.size:
                        break


def host(url: str) -> str:
    """The machine that an address names."""
    return urlsplit(url).netloc


def size(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class Line:
    """How far one file is: a bar on a terminal, else one plain line when it begins. Nothing for a file that is here."""

    def __init__(self, shown: Progress, label: str, total: int) -> None:
        self.shown = shown
        self.label = label
        self.total = total
        self.task: TaskID | None = None

    def show(self, here: int) -> None:
        """Say that so many bytes are here."""
        if self.task is None:
            self.task = self.shown.add_task(self.label, total=self.total)
            if self.shown.disable:
                self.shown.console.print(f"{self.label}: {self.total:,} bytes", highlight=False, soft_wrap=True)
        self.shown.update(self.task, completed=here)


@contextmanager
def progress() -> Iterator[Progress]:
    """Where the lines are drawn: on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        yield shown
