"""Ratings: who gave what how many points, out of a table of a user's own.

The first line names the columns. One begins with "user", one with "item", "movie", "film", "product" or "book", one
with "rating" or "score"; where one begins with "title" or "name", it says what an item is called. Others are not read.

Ratings are stars from 1 to 5, or half stars from 0.5 to 5 where one rating of the table is none of the former.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.data import tables
from liuli.data.dataset import Data, Facts, Split
from liuli.errors import UserError
from liuli.files import sha256

COLUMNS = {
    "user": ("user",),
    "item": ("item", "movie", "film", "product", "book"),
    "rating": ("rating", "score"),
}
TITLES = ("title", "name")
MOST = 5  # stars
SHARE = 5  # one rating in so many is a test
FEWEST = 20


def load(path: Path, target: str | None) -> Data:
    """A table of ratings in stars or half stars; a fifth of them, drawn once for all, is the test part.

    Raises:
        UserError: it is no such table; says the file and the line.
    """
    found = tables.opened(path, str(path))
    header = tables.checked_columns(found)
    places = {role: column(header, beginnings, role, path) for role, beginnings in COLUMNS.items()}
    title = next((place for place, name in enumerate(header) if name.lower().startswith(TITLES)), places["item"])
    users, items, ratings, titles = [], [], [], {}
    met: dict[tuple[str, str], int] = {}
    for line in found.lines:
        where = f"{found.name}, line {line.number}"
        if len(line.cells) != len(header):
            raise UserError(f"{where}: has {len(line.cells)} cells, expected {len(header)}")
        user, item, rating = (line.cells[places[role]] for role in COLUMNS)
        if not user or not item:
            raise UserError(f"{where}: names no {'item' if user else 'user'}")
        value = float(rating) if tables.is_number(rating) else math.nan
        if not (0.5 <= value <= MOST and (2 * value).is_integer()):
            raise UserError(
                f"{where}: the rating is '{rating}', expected stars from 1 to {MOST}, or half stars from 0.5"
            )
        if (user, item) in met:
            raise UserError(f"{where}: user {user} has rated {item} in line {met[user, item]} already; leave one out")
        met[user, item] = line.number
        users.append(user)
        items.append(item)
        ratings.append(value)
        titles[item] = line.cells[title]
    if len(ratings) < FEWEST:
        raise UserError(f"{path}: holds {len(ratings)} ratings, expected {FEWEST} at least")
    facts = Facts(path.name, "", sha256(path), "ratings", "", (), ())
    stars = np.array(ratings)
    whole = bool((stars == np.rint(stars)).all())
    return assembled(facts, users, items, stars.astype(np.int64) if whole else stars, titles)


def column(header: Sequence[str], beginnings: tuple[str, ...], role: str, path: Path) -> int:
    """The place of the first column whose name begins so.

    Raises:
        UserError: there is none.
    """
    for place, name in enumerate(header):
        if name.lower().startswith(beginnings):
            return place
    raise UserError(
        f"{path}: has no column for the {role}, expected one whose name begins with {' or '.join(beginnings)}; "
        f"there are {tables.named(header)}"
    )


def assembled(
    facts: Facts,
    users: Sequence[str],
    items: Sequence[str],
    ratings: NDArray[Any],
    titles: dict[str, str],
) -> Data:
    """Both parts: pairs of user and item, counted from 0 in the order of their names, and ratings.

    The test part are those ratings that come first when all are sorted by random words (NumPy's PCG64, seeded with 0,
    whose stream never changes).

    Args:
        users: who gave each rating.
        items: what it was given.
        ratings: (N,), whole numbers if they are stars, else half stars.
        titles: of every item that there is.
    """
    people, things = (sorted(names, key=in_order) for names in (set(users), set(titles)))
    places = [{name: place for place, name in enumerate(names)} for names in (people, things)]
    pairs = np.array([[places[0][user], places[1][item]] for user, item in zip(users, items, strict=True)])
    rated: list[list[int]] = [[] for _ in people]
    for user, item in pairs.tolist():
        rated[user].append(item)
    details = {
        "scale": [1 if ratings.dtype.kind == "i" else 0.5, MOST],  # the lowest, which is also the step, and the highest
        "users": people,
        "items": things,
        "titles": [titles[one] for one in things],
        "rated": [" ".join(map(str, sorted(one))) for one in rated],
    }
    tested = np.zeros(len(ratings), dtype=bool)
    tested[np.argsort(np.random.PCG64(0).random_raw(len(ratings)))[: len(ratings) // SHARE]] = True
    train, test = (Split(pairs[part], ratings[part]) for part in (~tested, tested))
    return Data(Facts(**{**vars(facts), "details": details}), train, test)


def in_order(name: str) -> tuple[int, str]:
    """Numbers by their size, then names by the alphabet."""
    return (int(name), "") if name.isdecimal() and name.isascii() else (1 << 62, name)
