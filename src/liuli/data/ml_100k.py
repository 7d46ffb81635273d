"""MovieLens 100k: 100,000 ratings from 1 to 5 that 943 people gave 1,682 films (Harper & Konstan, 2015).

A fifth of the ratings, 20,000, is the test part, as in the publisher's folds u1 to u5, but drawn: the lines of u.data
that come first when lines are sorted by random words (NumPy's PCG64, seeded with 0, whose stream never changes). The
publisher's own u1 is the first 20,000 lines of u.data, which come from 459 people only, so that much less is known of
each: figures on it are worse by some 0.02, and not to be compared with figures here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from liuli.data import ratings
from liuli.data.dataset import Archive, Data, DataSet, Facts, RemoteFile, fingerprint
from liuli.errors import UserError

FILES = (
    RemoteFile("u.data", 1_979_173, "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", ()),
    RemoteFile("u.item", 236_344, "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701", ()),
)
ARCHIVE = Archive(
    RemoteFile(
        name="ml-100k.zip",
        size=4_924_029,
        sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        urls=("https://files.grouplens.org/datasets/movielens/ml-100k.zip",),
    ),
    members={file.name: f"ml-100k/{file.name}" for file in FILES},
)
FACTS = Facts("ml-100k", "", fingerprint(FILES), "ratings", "", (), ())


def load(folder: Path | None) -> Data:
    """Both parts: pairs of user and film, counted from 0 in the order of their numbers, and ratings.

    Raises:
        UserError: a file is damaged.
    """
    assert folder is not None
    path = folder / "u.data"
    try:
        rows = np.loadtxt(path, dtype=np.int64, ndmin=2)  # user, film, rating, seconds
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as ratings ({error}); get it again") from error
    if rows.shape[1:] != (4,) or not ((rows[:, 2] >= 1) & (rows[:, 2] <= 5)).all():
        raise UserError(f"{path}: expected user, film, a rating from 1 to 5 and seconds in each line; get it again")
    titles = read_titles(folder / "u.item")
    users, films = ([str(one) for one in column] for column in rows[:, :2].T)
    if not titles.keys() >= set(films):
        raise UserError(f"{path}: rates a film that u.item does not name; get both again")
    return ratings.assembled(FACTS, users, films, rows[:, 2], titles)


def read_titles(path: Path) -> dict[str, str]:
    """The title of each film by its number: the first two fields of a line, which bars part.

    Raises:
        UserError: the file is damaged.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); get it again") from error
    titles = {}
    for number, line in enumerate(lines, 1):
        fields = line.split("|")
        if len(fields) < 2 or not fields[0].isdecimal():
            raise UserError(f"{path}, line {number}: begins with {line[:20]!r}, expected a number, a bar and a title")
        titles[fields[0]] = fields[1]
    return titles


DATA = DataSet(
    name="ml-100k",
    title="MovieLens 100k",
    about="100,000 ratings, 943 people, 1,682 films",
    licence="research, no redistribution; GroupLens (F. M. Harper, J. A. Konstan)",
    homepage="https://grouplens.org/datasets/movielens/100k/",
    files=FILES,
    load=load,
    archives=(ARCHIVE,),
)
