"""Pictures and, for each, a label map that says of every pixel what it shows, as a user has them.

    garden/images/*.jpg    garden/masks/*.png    garden/classes.txt (a name a line; may be absent)

A mask has the name of its picture and its size; it is an 8-bit PNG, grey or with a palette, whose numbers are the
classes: 0 is the first line of classes.txt. 255, and a class that is called "unlabelled", are neither learnt nor
counted. A fifth of the pictures, drawn once for all, is the test part. All are brought to one size: the median height
and width, made smaller where a picture has more than `ROOM` pixels.
"""

from __future__ import annotations

import hashlib
import statistics
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liuli.data import plain_text
from liuli.data.dataset import Data, Facts, Split
from liuli.data.folders import TEST_SHARE, pictures, size_of
from liuli.data.opening import Pixels, on_white, opened
from liuli.errors import UserError
from liuli.files import sha256

KIND = "picture"
IMAGES, MASKS, NAMES = "images", "masks", "classes.txt"
UNLABELLED = "unlabelled"
VOID = 255
ROOM = 320 * 240  # pixels of a picture
FEWEST = 3


def fits(path: Path) -> bool:
    """Whether `path` is a folder with folders called images and masks."""
    return (path / IMAGES).is_dir() and (path / MASKS).is_dir()


def load(path: Path, target: str | None = None) -> Data:
    """Read all pairs below `path`.

    Raises:
        UserError: a picture has no mask or a mask no picture, they differ in size, a mask is no label map or has a
            number that is no class, or there are too few; says the file.
    """
    from liuli.data.order import hold_out

    pairs = paired(path)
    names = named(path / NAMES)
    width, height = common_size([image for image, _ in pairs])
    inputs = np.empty((len(pairs), height, width, 3), np.uint8)
    targets = np.empty((len(pairs), height, width), np.uint8)
    for place, (image, mask) in enumerate(pairs):
        picture = on_white(opened(image, str(image)))
        labels = label_map(mask, picture.size, image, names)
        inputs[place] = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
        targets[place] = np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))
    names = names or numbered(targets, path)
    known = [name for name in names if name != UNLABELLED]
    numbers = [known.index(name) if name in known else len(known) for name in names]
    places = np.full(VOID + 1, len(known), np.uint8)
    places[: len(names)] = numbers
    facts = Facts(
        f"{path.name}/", "", fingerprint(path, pairs), KIND, "photograph", (height, width, 3), (*known, UNLABELLED)
    )
    return Data(facts, *hold_out(Split(inputs, places[targets]), TEST_SHARE, seed=0))


def paired(path: Path) -> list[tuple[Path, Path]]:
    """Every picture and its mask.

    Raises:
        UserError: one has no other, or there are too few.
    """
    images = {one.stem: one for one in pictures(path / IMAGES)}
    masks = {one.stem: one for one in pictures(path / MASKS)}
    for stem in sorted(images.keys() ^ masks.keys()):
        if stem in images:
            raise UserError(f"{images[stem]}: has no mask, expected {path / MASKS / stem}.png; add it, or take it away")
        raise UserError(f"{masks[stem]}: is the mask of no picture, expected {path / IMAGES / stem}.jpg or .png")
    if len(images) < FEWEST:
        raise UserError(
            f"{path}: holds {len(images)} pictures with masks, expected {FEWEST} or more: to learn from and to test on"
        )
    return [(images[stem], masks[stem]) for stem in sorted(images)]


def named(file: Path) -> list[str]:
    """The names in classes.txt, in the order of the numbers; [] where there is no such file.

    Raises:
        UserError: it cannot be read, or a name stands there twice or is missing.
    """
    if not file.is_file():
        return []
    names = [line.strip() for line in plain_text.read(file).splitlines()]
    while names and not names[-1]:
        names.pop()
    for number, name in enumerate(names, 1):
        if not name:
            raise UserError(f"{file}, line {number}: is empty, expected the name of class {number - 1}")
        if name in names[: number - 1]:
            raise UserError(f"{file}, line {number}: '{name}' stands there twice")
    if len(set(names) - {UNLABELLED}) < 2 or len(names) > VOID:
        raise UserError(f"{file}: names {len(names)} classes, expected from 2 to {VOID}, one a line")
    return names


def label_map(mask: Path, size: tuple[int, int], image: Path, names: list[str]) -> Pixels:
    """The numbers of a mask, (H, W).

    Raises:
        UserError: it cannot be opened, is no 8-bit label map, is not of the picture's size, or has another number.
    """
    opened(mask, str(mask))  # says what is wrong with a file that is no picture
    with Image.open(mask) as picture:
        if picture.mode not in ("1", "L", "P"):
            raise UserError(
                f"{mask}: is a picture in mode {picture.mode}, expected an 8-bit grey or palette PNG whose numbers "
                "are classes"
            )
        if picture.size != size:
            raise UserError(
                f"{mask}: has {picture.width} × {picture.height} pixels, expected {size[0]} × {size[1]} as {image.name}"
            )
        labels: NDArray[np.uint8] = np.asarray(picture).astype(np.uint8)
    most = int(labels.max(where=labels != VOID, initial=0))
    if names and most >= len(names):
        raise UserError(
            f"{mask}: has the number {most}, expected 0 to {len(names) - 1}, the lines of {NAMES}, "
            f"or {VOID} for what is not labelled"
        )
    return labels


def numbered(targets: Pixels, path: Path) -> list[str]:
    """Names for classes that have none: their numbers.

    Raises:
        UserError: there is one class only.
    """
    count = int(targets.max(where=targets != VOID, initial=0)) + 1
    if count < 2:
        raise UserError(f"{path / MASKS}: its masks hold no number but 0 and {VOID}, expected two classes or more")
    return [f"class {number}" for number in range(count)]


def common_size(images: list[Path]) -> tuple[int, int]:
    """Width and height of all: the median of each, smaller where they would hold more than `ROOM` pixels."""
    sizes = [size_of(image) for image in images]
    width, height = (statistics.median(side) for side in zip(*sizes, strict=True))
    scale = min(1.0, (ROOM / max(1, width * height)) ** 0.5)
    return max(1, round(width * scale)), max(1, round(height * scale))


def fingerprint(root: Path, pairs: list[tuple[Path, Path]]) -> str:
    """One SHA-256 over the names and the contents of all files."""
    files = [file for pair in pairs for file in pair]
    files += [root / NAMES] * (root / NAMES).is_file()
    lines = "".join(f"{sha256(file)}  {file.relative_to(root).as_posix()}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()
