"""A user's own sentences with classes: a CSV or TSV file, the names of its columns in the first line.

Columns of a CSV are separated by commas, semicolons or tabs, whichever the first line has most of.

The column of classes is the one that `--target` names, else "label" or "class"; the sentences are in "text", else in
the one column that is left. A fifth is held back as the test part, by the same rule as the SMS Spam Collection's: what
is written twice is on one side.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from liuli.data import plain_text, tables
from liuli.data.dataset import Data, Facts, Split
from liuli.data.sms_spam import is_test
from liuli.errors import UserError, nearest
from liuli.files import contents, sha256

ENDINGS = {".csv": ",;\t", ".tsv": "\t"}  # and what may stand between columns
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
    content = plain_text.decoded(contents(path), str(path), tables.REMEDY)
    first = next((line for line in content.splitlines() if line.strip()), "")
    if not first:
        raise UserError(f"{path}: is empty, expected the names of the columns, text and label, and a sentence a line")
    between = max(ENDINGS[path.suffix.lower()], key=first.count)
    rows = csv.reader(io.StringIO(content), delimiter=between, strict=True)
    begun = 0  # line after which the row begins
    try:
        names = next(row for row in rows if row)
        text, label = columns(path, names, target)
        begun = rows.line_num
        for row in rows:
            line, begun = begun + 1, rows.line_num
            if not row:
                continue
            if len(row) != len(names):
                raise UserError(f"{path}, line {line}: has {len(row)} columns, expected {len(names)}")
            if not row[text].strip() or not row[label].strip():
                raise UserError(f"{path}, line {line}: lacks its sentence or its class")
            texts.append(row[text])
            labels.append(row[label].strip())
    except csv.Error as error:
        raise UserError(f"{path}, line {begun + 1}: is no CSV ({error})") from error
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
    if label is None:
        raise UserError(
            f"{path}: which column holds the classes? Name it with --target, or call it 'label'; there are "
            f"{tables.named(names)}"
        )
    left = [name for name in lower if name != label]
    text = "text" if "text" in left else left[0] if len(left) == 1 else None
    if text is None:
        raise UserError(
            f"{path}: which column holds the sentences? Call it 'text' in the first line; there are "
            f"{tables.named(names)}"
        )
    return lower.index(text), lower.index(label)
