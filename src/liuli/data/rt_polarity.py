"""Movie review sentence polarity v1.0: one sentence each of a review, for a film or against it (Pang & Lee, 2005).

A sentence a line, in small letters, its words and signs apart by spaces; here in UTF-8, as Kim's convolutional network
(2014) and its followers have it. There is no published split (papers take tenfold cross-validation), so ours follows
from the words alone: a sentence is in the test part where the first 32 bits of the SHA-256 of its text, as a number,
are divisible by 10, which about a tenth are. So no test sentence is ever learnt from, not even one written twice.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError

BASE = "https://raw.githubusercontent.com/dennybritz/cnn-text-classification-tf/master/data/rt-polaritydata/"
FILES = (
    RemoteFile(
        name="rt-polarity.neg",
        size=612_506,
        sha256="2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd",
        urls=(f"{BASE}rt-polarity.neg",),
    ),
    RemoteFile(
        name="rt-polarity.pos",
        size=626_395,
        sha256="4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58",
        urls=(f"{BASE}rt-polarity.pos",),
    ),
)

FACTS = Facts(
    name="rt-polarity",
    variant="",
    sha256=fingerprint(FILES),
    kind="sentence",
    form="",
    shape=(),
    classes=("negative", "positive"),
)


def load(folder: Path | None) -> Data:
    """Both parts, the negative sentences first.

    Raises:
        UserError: a file is damaged.
    """
    assert folder is not None
    texts: list[str] = []
    labels: list[int] = []
    for label, file in enumerate(FILES):
        path = folder / file.name
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read as sentences in UTF-8 ({error}); get it again") from error
        found = [line.strip() for line in lines if line.strip()]
        texts += found
        labels += [label] * len(found)
    inputs, targets = np.array(texts, dtype=object), np.array(labels)
    tested = np.array([is_test(text) for text in texts], dtype=bool)
    return Data(FACTS, *(Split(inputs[part], targets[part]) for part in (~tested, tested)))


def is_test(text: str) -> bool:
    """Whether a sentence is in the test part."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 10 == 0


DATA = DataSet(
    name="rt-polarity",
    title="Movie review sentence polarity v1.0",
    about="10,662 sentences of film reviews, 5,331 for and 5,331 against, a tenth to test",
    licence="research use; B. Pang, L. Lee",
    homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    files=FILES,
    load=load,
)
