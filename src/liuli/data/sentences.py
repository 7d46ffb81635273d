"""A user's own sentences with classes: a CSV or TSV file, the names of its columns in the first line.

The column of classes is the one that `--target` names, else "label" or "class"; the sentences are in "text", else in
the one column that is left. A fifth is held back as the test part, by the same rule as the SMS Spam Collection's: what
is written twice is on one side.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, Facts, Split
from liuli.data.sms_spam import is_test
from liuli.errors import UserError, nearest
from liuli.files import sha256

ENDINGS = {".csv": ",", ".tsv": "\t"}
LABELS = ("label", "class")


def fits(path: Path) -> bool:
    """Whether this may be such a file."""
    return path.is_file() and path.suffix.lower() in ENDINGS


def load(path: Path, target: str | None) -> Data:
    """Both parts, in the order of the file.

    Raises:
        UserError: it is no such file; says which line.
    """
    texts: list[str] = []
    labels: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, delimiter=ENDINGS[path.suffix.lower()], strict=True)
            names = next(rows, [])
            text, label = columns(path, names, target)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(names):
                    raise UserError(f"{path}, line {rows.line_num}: has {len(row)} columns, expected {len(names)}")
                if not row[text].strip() or not row[label].strip():
                    raise UserError(f"{path}, line {rows.line_num}: lacks its sentence or its class")
                texts.append(row[text])
                labels.append(row[label].strip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table in UTF-8 ({error})") from error
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise UserError(f"{path}: column '{names[label]}' holds {len(classes)} classes, expected at least 2")
    tested = np.array([is_test(one) for one in texts])
    if tested.all() or not tested.any():
        raise UserError(f"{path}: has {len(texts)} sentences, too few to hold a fifth back for the test; give more")
    inputs, targets = np.array(texts, dtype=object), np.array([classes.index(one) for one in labels])
    facts = Facts(path.stem, "", sha256(path), "sentence", "", (), classes)
    return Data(facts, *(Split(inputs[part], targets[part]) for part in (~tested, tested)))


def columns(path: Path, names: list[str], target: str | None) -> tuple[int, int]:
    """Where the sentences and the classes stand.

    Raises:
        UserError: that is not said by the names.
    """
    lower = [name.strip().lower() for name in names]
    label = next((one for one in ([target.lower()] if target else LABELS) if one in lower), None)
    if label is None and target:
        raise UserError(f"--target {target}: {path} has no such column; {nearest(target, names)}")
    left = [name for name in lower if name != label]
    text = "text" if "text" in left else left[0] if len(left) == 1 else None
    if label is None or text is None:
        raise UserError(f"{path}: has the columns {', '.join(names)}, expected text and label; name it with --target")
    return lower.index(text), lower.index(label)
