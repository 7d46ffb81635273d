"""Running text for word vectors: words in rows, and a user's own from a file or a folder of them.

Words are runs of letters and digits in small letters, with apostrophes and hyphens inside. All of a text is to train
on; what it is tested by are the questions of `word-eval`, as far as their words come in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from liuli.data import plain_text
from liuli.data.dataset import Data, Facts, Split
from liuli.errors import UserError
from liuli.files import sha256

ROW = 1000  # words
ENDING = ".txt"
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def fits(path: Path) -> bool:
    """Whether a path is a text, or a folder that holds one."""
    return path.suffix.lower() == ENDING if path.is_file() else any(path.glob(f"*{ENDING}"))


def load(path: Path, target: str | None = None) -> Data:
    """A user's own text, its files in the order of their names.

    Raises:
        UserError: a file is no text, there are no words, or the questions are not to be had.
    """
    from liuli.data import store

    files = [path] if path.is_file() else sorted(path.glob(f"*{ENDING}"))
    words = [word for file in files for word in WORD.findall(plain_text.read(file).lower())]
    if not words:
        raise UserError(f"{path}: holds no word, expected running text")
    questions = store.load("word-eval")
    digest = sha256(path) if path.is_file() else hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()
    facts = Facts(path.name, "", digest, "corpus", "", (), (), questions.facts.details)
    return Data(facts, rows(words), questions.test)


def rows(words: Iterable[str]) -> Split:
    """Words in rows of 1,000, in their order; targets are NaN: nobody says what is right."""
    left = iter(words)
    inputs = [" ".join(row) for row in iter(lambda: list(islice(left, ROW)), [])]
    return Split(np.array(inputs, dtype=object), np.full(len(inputs), np.nan))
