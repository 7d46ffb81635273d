"""A user's own running text by paragraphs: a .txt file, or a folder of them.

A paragraph ends at an empty line; in a file without empty lines every line is one. A fifth is held back as the test
part, by the same rule as the SMS Spam Collection's: what is written twice is on one side.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from liuli.data import plain_text
from liuli.data.corpus import ENDING
from liuli.data.dataset import Data, Facts, Split
from liuli.data.sms_spam import is_test
from liuli.errors import UserError
from liuli.files import sha256

EMPTY_LINE = re.compile(r"\n[^\S\n]*\n\s*")


def load(path: Path, target: str | None = None) -> Data:
    """Both parts, the files in the order of their names.

    Raises:
        UserError: a file is no text (says which line), or there is too little.
    """
    files = [path] if path.is_file() else sorted(path.glob(f"*{ENDING}"))
    texts = [paragraph for file in files for paragraph in paragraphs(file)]
    tested = np.array([is_test(one) for one in texts], dtype=bool)
    if tested.all() or not tested.any():
        raise UserError(f"{path}: has {len(texts)} paragraph(s), too few to hold a fifth back for the test; give more")
    inputs, targets = np.array(texts, dtype=object), np.full(len(texts), np.nan)
    digest = sha256(path) if path.is_file() else hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()
    facts = Facts(path.name, "", digest, "prose", "", (), ())
    return Data(facts, *(Split(inputs[part], targets[part]) for part in (~tested, tested)))


def paragraphs(file: Path) -> list[str]:
    """The paragraphs of one file, without the ends of lines inside them."""
    text = plain_text.read(file).strip()
    parts = EMPTY_LINE.split(text) if EMPTY_LINE.search(text) else text.split("\n")
    return [" ".join(part.split()) for part in parts if part.strip()]
