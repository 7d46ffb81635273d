"""text8: the first 100 million characters of English Wikipedia of 2006, words of a to z alone (Mahoney, 2006).

Read from the whole where it is at hand; else from its first 4.5 MB where that is at hand. There are no sentences
and no lines: the text is cut into rows of 1,000 words. All of it is to train on; what word vectors are tested by
are the questions of `word-eval`.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

from liuli.data import corpus
from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Subset, fingerprint
from liuli.errors import UserError

ARCHIVE = RemoteFile(
    name="text8.zip",
    size=31_344_016,
    sha256="a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
    urls=("http://mattmahoney.net/dc/text8.zip",),
)
SUBSET = Subset(
    variant="first 4.5 MB",
    folder="text8",
    files=(
        RemoteFile(
            name="text8-first-4.5MB.gz",
            size=1_494_509,
            sha256="f63dddec6babd4d35de775b221b945362619e771292e07e7613c250d6cf3378b",
            urls=(),
        ),
    ),
)


def load(folder: Path | None) -> Data:
    """The text in rows, and the questions that test what was learnt from it.

    Raises:
        UserError: a file is damaged, or the questions are not to be had.
    """
    from liuli.data import store

    assert folder is not None
    archive = folder / ARCHIVE.name
    whole = archive.is_file()
    path = archive if whole else folder / SUBSET.files[0].name
    try:
        text = read_archive(path) if whole else gzip.decompress(path.read_bytes()).decode("ascii")
    except (OSError, EOFError, KeyError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is not a sound file of text8 ({error}); get it again") from error
    questions = store.load("word-eval")
    facts = Facts(
        name="text8",
        variant="full text" if whole else SUBSET.variant,
        sha256=fingerprint([ARCHIVE] if whole else SUBSET.files),
        kind="corpus",
        form="",
        shape=(),
        classes=(),
        details=questions.facts.details,
    )
    return Data(facts, corpus.rows(text.split()), questions.test)


def read_archive(path: Path) -> str:
    """The text out of the archive."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("text8").decode("ascii")


DATA = DataSet(
    name="text8",
    title="text8, cleaned text of Wikipedia",
    about="17 million words of English, a to z; tested by the questions of word-eval",
    licence="CC BY-SA and GFDL; M. Mahoney, the authors of Wikipedia",
    homepage="http://mattmahoney.net/dc/textdata.html",
    files=(ARCHIVE,),
    load=load,
    subset=SUBSET,
)
