"""SMS Spam Collection: text messages, most from friends, some that want to sell (Almeida & Gómez Hidalgo, 2011).

One message a line, its label and a tab before it. There is no published split, so ours follows from the words alone:
a message is in the test part where the first 32 bits of the SHA-256 of its text, as a number, are divisible by 5, which
about a fifth are. So the 403 lines that repeat an earlier message fall on its side, and no test message is ever learnt
from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data.dataset import Archive, Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError

FILE = RemoteFile(
    name="SMSSpamCollection",
    size=477_907,
    sha256="7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
    urls=(),
)
ARCHIVE = Archive(
    file=RemoteFile(
        name="sms+spam+collection.zip",
        size=203_415,
        sha256="1587ea43e58e82b14ff1f5425c88e17f8496bfcdb67a583dbff9eefaf9963ce3",
        urls=("https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",),
    ),
    members={FILE.name: "SMSSpamCollection"},
)

FACTS = Facts(
    name="sms-spam",
    variant="",
    sha256=fingerprint([FILE]),
    kind="sentence",
    form="",
    shape=(),
    classes=("ham", "spam"),
)


def load(folder: Path | None) -> Data:
    """Both parts, in the order of the file.

    Raises:
        UserError: the file is damaged.
    """
    assert folder is not None
    path = folder / FILE.name
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as the SMS Spam Collection ({error}); get it again") from error
    parts: dict[bool, tuple[list[str], list[int]]] = {False: ([], []), True: ([], [])}
    for number, line in enumerate(lines, 1):
        label, tab, text = line.partition("\t")
        if not tab or label not in FACTS.classes:
            raise UserError(f"{path}, line {number}: begins with {line[:20]!r}, expected ham or spam and a tab")
        texts, labels = parts[is_test(text)]
        texts.append(text)
        labels.append(FACTS.classes.index(label))
    train, test = (Split(np.array(texts, dtype=object), np.array(labels)) for texts, labels in parts.values())
    return Data(FACTS, train, test)


def is_test(text: str) -> bool:
    """Whether a message is in the test part."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 5 == 0


DATA = DataSet(
    name="sms-spam",
    title="SMS Spam Collection v.1",
    about="4,439 + 1,135 text messages, 2 classes",
    licence="CC BY 4.0; T. Almeida, J. M. Gómez Hidalgo",
    homepage="https://archive.ics.uci.edu/dataset/228/sms+spam+collection",
    files=(FILE,),
    load=load,
    archives=(ARCHIVE,),
)
