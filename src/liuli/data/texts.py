"""Running text, every character of it: what a language model reads. The last tenth is held out to test on.

A text is cut, at ends of lines, into pieces that follow one another: whoever reads it may join them again, or hold a
share of them out.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data import plain_text
from liuli.data.corpus import ENDING
from liuli.data.dataset import Data, Facts, Split
from liuli.errors import UserError
from liuli.files import sha256

TRAINING = 0.9
LONGEST, FEWEST = 10_000, 50  # characters of a piece, and pieces of a shorter text


def load(path: Path, target: str | None = None) -> Data:
    """A user's own text, its files in the order of their names.

    Raises:
        UserError: a file cannot be read or is no text, or there is next to nothing in it.
    """
    files = [path] if path.is_file() else sorted(path.glob(f"*{ENDING}"))
    text = "\n\n".join(map(plain_text.read, files))
    if len(text.strip()) < FEWEST:
        raise UserError(f"{path}: holds {len(text.strip()):,} characters, expected a text of {FEWEST} at least")
    digest = sha256(path) if path.is_file() else hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()
    return parted(text, Facts(path.name, "", digest, "text", "", (), ()))


def parted(text: str, facts: Facts) -> Data:
    """The first nine tenths of a text to train on, the rest to test."""
    middle = int(len(text) * TRAINING)
    return Data(facts, pieces(text[:middle]), pieces(text[middle:]))


def pieces(text: str) -> Split:
    """A text in pieces of about equal length that end with a line; targets are NaN: nobody says what is right."""
    length = min(LONGEST, len(text) // FEWEST + 1)
    found, begin = [], 0
    while begin < len(text):
        end = text.find("\n", begin + length - 1) + 1 or len(text)
        end = min(end, begin + 2 * length)  # there may be no lines
        found.append(text[begin:end])
        begin = end
    return Split(np.array(found, dtype=object), np.full(len(found), np.nan))
