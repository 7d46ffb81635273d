"""Pictures in a folder for each class, as a user has them.

    pets/cat/*.jpg  pets/dog/*.jpg              a fifth, stratified and drawn once for all, is the test part
    pets/train/cat/*.jpg  pets/test/cat/*.jpg   as the user parted them; instead of test also val, valid or validation

Every picture becomes the middle square of itself, and all have one size: that of the smaller half of them, or what of
it fits into memory.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from liuli.data.dataset import Data, Facts, Split
from liuli.data.opening import opened, photograph
from liuli.errors import UserError
from liuli.files import sha256

ENDINGS = frozenset([".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
TRAIN, TEST = "train", ("test", "val", "valid", "validation")
SIDES = (224, 128, 96, 64, 32)  # pixels
ROOM = 2 << 30  # bytes of all pictures together
TEST_SHARE = 0.2


def fits(path: Path) -> bool:
    """Whether `path` is a folder in whose folders, or in the classes of whose `train`, a picture lies."""
    return path.is_dir() and any(pictures(one) for root in (path, path / TRAIN) for one in classes_in(root))


def classes_in(folder: Path) -> list[Path]:
    """The folders in a folder, by name."""
    return sorted(one for one in folder.glob("[!.]*") if one.is_dir())


def pictures(folder: Path) -> list[Path]:
    """The picture files in a folder, by name."""
    return sorted(one for one in folder.glob("[!.]*") if one.suffix.lower() in ENDINGS and one.is_file())


def load(path: Path, target: str | None = None) -> Data:
    """Read all pictures below `path`.

    Raises:
        UserError: there are too few classes or pictures, or a picture cannot be opened; says the file.
    """
    from liuli.data.order import hold_out

    held = next((path / name for name in TEST if (path / name).is_dir()), None)
    parted = (path / TRAIN).is_dir() and held is not None
    train = path / TRAIN if parted else path
    classes = tuple(one.name for one in classes_in(train) if pictures(one))
    if len(classes) < 2:
        raise UserError(
            f"{train}: holds pictures in {len(classes)} folder(s), expected two or more, one for each class"
        )
    files = labelled(train, classes)
    test_files = labelled(held, classes) if parted and held is not None else []
    for name, count in zip(classes, np.bincount([label for _, label in files], minlength=len(classes)), strict=True):
        if count < 2:
            raise UserError(f"{train / name}: holds one picture, expected two or more: to learn from and to test on")
    if parted and not test_files:
        raise UserError(f"{held}: holds no pictures in folders called {' or '.join(classes)}, expected some to test on")
    side = common_side([file for file, _ in (*files, *test_files)])
    whole = read(files, side)
    digest = fingerprint(path, files + test_files)
    facts = Facts(f"{path.name}/", "", digest, "image", "photograph", (side, side, 3), classes)
    parts = (whole, read(test_files, side)) if parted else hold_out(whole, TEST_SHARE, seed=0)
    return Data(facts, *parts)


def labelled(folder: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Every picture below `folder` and the number of its class."""
    return [(file, label) for label, name in enumerate(classes) for file in pictures(folder / name)]


def common_side(files: list[Path]) -> int:
    """The size of all: the largest of `SIDES` that half of the pictures fill and that leaves room for all of them."""
    short = statistics.median(min(size_of(file)) for file in files)
    fitting = (side for side in SIDES if side <= short and side * side * 3 * len(files) <= ROOM)
    return next(fitting, SIDES[-1])


def size_of(file: Path) -> tuple[int, int]:
    """Width and height, out of the head of a file; of one that cannot be opened, which `read` will say, nothing."""
    try:
        with Image.open(file) as picture:
            return picture.size
    except Exception:  # Pillow's decoders raise errors of every kind
        return 0, 0


def read(files: list[tuple[Path, int]], side: int) -> Split:
    """The pictures uint8 (N, side, side, 3) and their labels."""
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    for place, (file, _) in enumerate(files):
        pixels[place] = photograph(opened(file, str(file)), side)
    return Split(pixels, np.array([label for _, label in files], dtype=np.int64))


def fingerprint(root: Path, files: Iterable[tuple[Path, int]]) -> str:
    """One SHA-256 over the names and the contents of all files."""
    lines = "".join(f"{sha256(file)}  {file.relative_to(root).as_posix()}\n" for file, _ in files)
    return hashlib.sha256(lines.encode()).hexdigest()
