"""Multi30k, English and German: what a photograph shows, in one sentence, and a translator's version of it.

The English captions are Flickr30k's, written by people who looked at the picture; the German ones were made from them
without it (Elliott, Frank, Sima'an & Specia, 2016). One sentence a line; line n of one file is line n of the other.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from liuli.data import parallel
from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, fingerprint
from liuli.errors import UserError

BASE = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
LANGUAGES = {"en": "English", "de": "German"}
FILES = tuple(
    RemoteFile(name, size, sha256, (BASE + name,))
    for name, size, sha256 in (
        ("train.en.gz", 568_929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
        ("train.de.gz", 637_044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
        ("val.en.gz", 21_650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
        ("val.de.gz", 24_681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
        ("test_2016_flickr.en.gz", 21_077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"),
        ("test_2016_flickr.de.gz", 22_890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"),
    )
)

FACTS = Facts(
    name="multi30k",
    variant="",
    sha256=fingerprint(FILES),
    kind="translation",
    form="",
    shape=(),
    classes=(),
    details={"languages": list(LANGUAGES.values())},
)


def load(folder: Path | None) -> Data:
    """Training, validation and test part (test_2016_flickr) as published, in the order of the files.

    Raises:
        UserError: a file is damaged.
    """
    assert folder is not None
    train, validation, test = (
        parallel.paired(*((path, lines(path)) for path in (folder / f"{part}.{ending}.gz" for ending in LANGUAGES)))
        for part in ("train", "val", "test_2016_flickr")
    )
    return Data(FACTS, train, test, validation)


def lines(path: Path) -> list[str]:
    """The sentences of a file."""
    try:
        text = gzip.decompress(path.read_bytes()).decode()
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as sentences of Multi30k ({error}); get it again") from error
    return text.removesuffix("\n").split("\n")


DATA = DataSet(
    name="multi30k",
    title="Multi30k, English and German (task 1, raw)",
    about="29,000 + 1,014 + 1,000 captions of photographs, in English and German",
    licence="CC BY-NC-SA 4.0; D. Elliott, S. Frank, K. Sima'an, L. Specia",
    homepage="https://github.com/multi30k/dataset",
    files=FILES,
    load=load,
)
