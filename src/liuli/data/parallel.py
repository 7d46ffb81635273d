"""A user's own sentences with their translations: two aligned files in a folder, or a table of two columns.

    talks/train.en  talks/train.fr              line n of one is the translation of line n of the other
    talks/valid.en  talks/valid.fr              where there are such files (also val, dev); else a share is held out
    talks/test.en   talks/test.fr               likewise: else a tenth, drawn once for all, is the test part
    talks.tsv                                   the sentence, a tab, its translation; no names above

The endings name the languages. It is translated into the one that `--target` names, else into the second by name.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data import plain_text
from liuli.data.dataset import Data, Facts, Split
from liuli.errors import UserError, nearest
from liuli.files import sha256

ENDING = ".tsv"
TRAIN, VALIDATION, TEST = "train", ("valid", "val", "dev", "validation"), ("test",)
TEST_SHARE = 0.1
FEWEST = 10  # pairs that can be parted
Lines = tuple[Path, list[str]]


def fits(path: Path) -> bool:
    """Whether this is a table, or a folder that holds the training part in files with an ending for each language."""
    if path.is_file():
        return path.suffix.lower() == ENDING
    return any(path.glob(f"{TRAIN}.*"))


def load(path: Path, target: str | None) -> Data:
    """All parts.

    Raises:
        UserError: files are missing, have unequal numbers of lines or a line without its translation; says where.
    """
    return of_table(path, target) if path.is_file() else of_folder(path, target)


def of_folder(folder: Path, target: str | None) -> Data:
    """The parts that the files of a folder are named for."""
    endings = sorted(file.name.removeprefix(f"{TRAIN}.") for file in folder.glob(f"{TRAIN}.*") if file.is_file())
    if len(endings) != 2:
        found = ", ".join(f"{TRAIN}.{ending}" for ending in endings) or "nothing"
        raise UserError(f"{folder}: holds {found}, expected two files, such as {TRAIN}.en and {TRAIN}.de")
    if target is not None and target not in endings:
        raise UserError(f"--target {target}: {folder} has no such language; {nearest(target, endings)}")
    if target == endings[0]:
        endings.reverse()
    files: list[Path] = []

    def part(*names: str) -> Split | None:
        for name in names:
            both = [folder / f"{name}.{ending}" for ending in endings]
            if any(file.exists() for file in both):
                files.extend(both)
                return paired(*((file, lines(file)) for file in both))
        return None

    train, validation, test = part(TRAIN), part(*VALIDATION), part(*TEST)
    digest = hashlib.sha256("".join(f"{sha256(file)}  {file.name}\n" for file in files).encode()).hexdigest()
    assert train is not None
    return whole(folder, f"{folder.name}/", digest, endings, train, validation, test)


def of_table(path: Path, target: str | None) -> Data:
    """The first column in, the second out."""
    if target is not None:
        raise UserError(f"--target {target}: {path} is translated from its first column into its second; leave it out")
    columns: tuple[list[str], list[str]] = ([], [])
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != 2 or not all(cell.strip() for cell in cells):
            filled = sum(bool(cell.strip()) for cell in cells)
            raise UserError(
                f"{path}, line {number}: has {filled} of {len(cells)} columns filled, expected 2: a sentence, a tab, "
                "its translation"
            )
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    both = paired((path, columns[0]), (path, columns[1]))
    return whole(path, path.name, sha256(path), ["first column", "second column"], both, None, None)


def whole(
    path: Path, name: str, digest: str, languages: list[str], train: Split, validation: Split | None, test: Split | None
) -> Data:
    """The parts, the test part drawn from the training part where there is none."""
    from liuli.data.order import hold_out

    if len(train) < FEWEST:
        raise UserError(f"{path}: holds {len(train)} pairs of sentences, expected at least {FEWEST} to learn from")
    facts = Facts(name, "", digest, "translation", "", (), (), {"languages": languages})
    if test is None:
        train, test = hold_out(train, TEST_SHARE, seed=0)
    return Data(facts, train, test, validation)


def lines(path: Path) -> list[str]:
    """The lines of a text file, without what ends them."""
    text = plain_text.read(path)
    return text.removesuffix("\n").split("\n") if text else []


def paired(source: Lines, target: Lines) -> Split:
    """Sentences and their translations, str (N,) each; lines that are empty on both sides are left out.

    Raises:
        UserError: there are more of one than of the other, or one is empty.
    """
    (source_file, sources), (target_file, targets) = source, target
    if len(sources) != len(targets):
        raise UserError(
            f"{source_file} has {len(sources):,} lines and {target_file.name} has {len(targets):,}; expected as many, "
            "since line n of one is the translation of line n of the other"
        )
    for number, pair in enumerate(zip(sources, targets, strict=True), 1):
        empty = [not sentence.strip() for sentence in pair]
        if any(empty) and not all(empty):
            file, other = (source_file, target_file) if empty[0] else (target_file, source_file)
            raise UserError(f"{file}, line {number}: is empty, expected a sentence, since {other.name} has one there")
    kept = [number for number, sentence in enumerate(sources) if sentence.strip()]
    inputs, outputs = (np.array([side[number] for number in kept], dtype=object) for side in (sources, targets))
    return Split(inputs, outputs)
