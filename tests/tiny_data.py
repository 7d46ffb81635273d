"""A data set of a few made pictures in MNIST's files, and a server on the loopback that can misbehave."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liuli.data import idx
from liuli.data.dataset import DataSet, Facts, RemoteFile, fingerprint


def encode(array: NDArray[np.uint8]) -> bytes:
    """An array as gzipped IDX."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def tiny_files(train: int = 300, test: int = 20, classes: int = 10) -> dict[str, bytes]:
    """The four files: noise of 28×28, labels in turn."""
    noise = np.random.Generator(np.random.PCG64(0))
    contents = []
    for count in (train, test):
        contents.append(encode(noise.integers(0, 256, (count, 28, 28), dtype=np.uint8)))
        contents.append(encode((np.arange(count) % classes).astype(np.uint8)))
    return dict(zip(idx.NAMES, contents, strict=True))


def tiny_set(contents: dict[str, bytes], bases: tuple[str, ...] = ("http://127.0.0.1:9/",)) -> DataSet:
    """A definition called "tiny" of those files, to be had under `bases`; nothing listens at the default one."""
    files = tuple(
        RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), tuple(base + name for base in bases))
        for name, content in contents.items()
    )
    facts = Facts("tiny", "", fingerprint(files), "image", "handwriting", (28, 28, 1), tuple("0123456789"))
    return DataSet("tiny", "Tiny", "made", "none", "", files, partial(idx.load, facts=facts))


def put(contents: dict[str, bytes], folder: Path) -> Path:
    """Write files into a folder, made first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@dataclass
class Server:
    """What the loopback server gives and remembers.

    Attributes:
        contents: by file name.
        ranges: whether it honours Range.
        breaks: by file name, after how many bytes each next answer is cut off.
        base: its address.
        log: (file name, Range header or "") of every request.
    """

    contents: dict[str, bytes]
    ranges: bool = True
    breaks: dict[str, list[int]] = field(default_factory=dict)
    base: str = ""
    log: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on a free port of the loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            asked = self.headers.get("Range", "")
            server.log.append((name, asked))
            content = server.contents.get(name)
            if content is None:
                self.send_error(404)
                return
            begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Encoding", "gzip")  # as some mirrors label .gz files
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            cuts = server.breaks.get(name)
            self.wfile.write(content[begin : begin + cuts.pop(0)] if cuts else content[begin:])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        server.base = f"http://127.0.0.1:{listening.server_port}/"
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
