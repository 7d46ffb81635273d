"""Pictures with boxes as the Pascal VOC challenge writes them (Everingham et al., 2010), a user's own too.

    FOLDER/JPEGImages/cat1.jpg           a picture, of any kind that can be opened
    FOLDER/Annotations/cat1.xml          <annotation> with an <object> for each thing: <name>, and <bndbox> with
                                         <xmin>, <ymin>, <xmax>, <ymax> in pixels
    FOLDER/ImageSets/Main/train.txt      names without ending, a line each; beside it val.txt and test.txt

Without lists a fifth of the pictures is held back as the test part. Pictures become 224 × 224, stretched, as networks
that find boxes take them; boxes are kept as shares of the picture, so that they are where they were.

An annotation is read as what it is, a short list: a document type, an entity, or more than a list needs is refused.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liuli.data.dataset import Data, Facts, Split
from liuli.data.folders import pictures
from liuli.data.opening import on_white, opened
from liuli.errors import UserError
from liuli.files import contents

KIND = "detection"
SIDE = 224  # pixels
PICTURES, ANNOTATIONS, LISTS = "JPEGImages", "Annotations", "ImageSets/Main"
TEST_SHARE = 0.2
LARGEST = 1 << 20  # bytes of an annotation
DEEPEST = 20  # elements within one another
MOST = 1000  # boxes of a picture
CORNERS = ("xmin", "ymin", "xmax", "ymax")
Contents = Callable[[str], bytes]
"""The bytes of a file by its path inside the set."""


class Marked(NamedTuple):
    """One thing in a picture: its class, its corners in pixels, and the line that says so."""

    name: str
    corners: tuple[float, float, float, float]
    line: int


Read = tuple[NDArray[np.uint8], tuple[int, int], list[Marked]]
"""A picture stretched, its own width and height, and its things."""


@dataclass(frozen=True)
class Named:
    """One picture of a set: where it and its annotation lie inside the set."""

    picture: str
    annotation: str


def fits(path: Path) -> bool:
    """Whether `path` is a folder with annotations, or pictures for them, in it."""
    return path.is_dir() and any((path / name).is_dir() for name in (ANNOTATIONS, PICTURES))


def load(path: Path, target: str | None = None) -> Data:
    """A user's own folder.

    Raises:
        UserError: a picture or an annotation is missing or faulty; says the file and, of an annotation, the line.
    """
    from liuli.data.order import hold_out

    for name in (PICTURES, ANNOTATIONS):
        if not (path / name).is_dir():
            raise UserError(f"{path}: has no folder {name}, expected {PICTURES} with pictures and {ANNOTATIONS}")
    by_stem = {one.stem: f"{PICTURES}/{one.name}" for one in pictures(path / PICTURES)}
    annotated = sorted(one.stem for one in (path / ANNOTATIONS).glob("[!.]*.xml"))
    lists = {part: listed(path / LISTS / f"{part}.txt", annotated) for part in ("train", "val", "trainval", "test")}
    parts = apportioned(path, lists) or {"train": annotated}
    for stem in (one for part in parts.values() for one in part):
        if stem not in by_stem:
            raise UserError(f"{path / ANNOTATIONS / stem}.xml: there is no picture {stem} in {PICTURES}")
    named = {
        part: [Named(by_stem[stem], f"{ANNOTATIONS}/{stem}.xml") for stem in stems] for part, stems in parts.items()
    }
    data = read(f"{path.name}/", named, lambda inside: contents(path / inside), where=f"{path}/")
    return data if "test" in parts else Data(data.facts, *hold_out(data.train, TEST_SHARE, seed=0))


def listed(path: Path, annotated: Sequence[str]) -> list[str] | None:
    """The names in a list, None where there is no such list.

    Raises:
        UserError: one of them has no annotation; says the line.
    """
    if not path.is_file():
        return None
    known, names = set(annotated), []
    for number, line in enumerate(contents(path).decode("utf-8", "replace").splitlines(), 1):
        name = (line.split() or [""])[0]
        if name and name not in known:
            raise UserError(f"{path}, line {number}: '{name:.60}' has no annotation, expected {ANNOTATIONS}/NAME.xml")
        names += [name] * bool(name)
    return names


def apportioned(path: Path, lists: Mapping[str, list[str] | None]) -> dict[str, list[str]] | None:
    """Which list is which part; where there is no test list the validation list is what is tested on.

    Raises:
        UserError: one of the two that are needed is missing, or a picture is in two parts.
    """
    train, test = lists["train"] or lists["trainval"], lists["test"] or lists["val"]
    if not any(lists.values()):
        return None
    if not train or not test:
        raise UserError(f"{path / LISTS}: expected train.txt and test.txt with names in them, or no lists at all")
    parts = {"train": train, "test": test}
    if lists["train"] and lists["val"] and lists["test"]:
        parts["validation"] = lists["val"]
    names = [name for part in parts.values() for name in part]
    if len(names) > len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path / LISTS}: '{twice}' is listed twice, expected each picture in one part")
    return parts


def read(
    name: str, parts: Mapping[str, Sequence[Named]], contents: Contents, *, where: str = "", drop_empty: bool = False
) -> Data:
    """All parts of a set.

    Args:
        name: what the facts call it.
        parts: the pictures of "train" and, where they are parted, of "test" and "validation".
        contents: gives a file's bytes.
        where: stands before a file's name in messages.
        drop_empty: leave out boxes without an area, which a published set may hold; else they are faults.

    Raises:
        UserError: a picture or an annotation is faulty.
    """
    digest = hashlib.sha256()
    found: dict[str, list[Read]] = {}
    for part, members in parts.items():
        found[part] = []
        for member in members:
            raw, xml = contents(member.picture), contents(member.annotation)
            digest.update(hashlib.sha256(raw).digest() + hashlib.sha256(xml).digest())
            picture = on_white(opened(raw, where + member.picture))
            pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
            marked = annotation(xml, where + member.annotation, picture.size, drop_empty)
            found[part].append((pixels, picture.size, marked))
    classes = sorted({one.name for rows in found.values() for _, _, marked in rows for one in marked})
    if not classes or len(parts["train"]) + len(parts.get("test", ())) < 2:
        raise UserError(f"{where or name}: holds too little, expected two pictures or more, with boxes")
    facts = Facts(name, "", digest.hexdigest(), KIND, "photograph", (SIDE, SIDE, 3), tuple(classes))
    splits = {part: split(rows, classes) for part, rows in found.items()}
    return Data(facts, splits["train"], splits.get("test", splits["train"]), splits.get("validation"))


def split(rows: Iterable[Read], classes: Sequence[str]) -> Split:
    """Pixels uint8 (N, 224, 224, 3); boxes float32 (N, M, 5); the pictures' own width and height int64 (N, 2).

    Of a box its class and its corners from 0 to 1; rows that only fill the place have the class −1.
    """
    pixels, sizes, marked = zip(*rows, strict=True)
    boxes = np.zeros((len(pixels), max(1, max(map(len, marked))), 5))
    boxes[..., 0] = -1
    for place, (size, things) in enumerate(zip(sizes, marked, strict=True)):
        for number, thing in enumerate(things):
            boxes[place, number] = [classes.index(thing.name), *(np.array(thing.corners) / np.tile(size, 2))]
    return Split(np.stack(pixels), boxes.astype(np.float32), {"sizes": np.array(sizes, dtype=np.int64)})


def annotation(content: bytes, where: str, size: tuple[int, int], drop_empty: bool = False) -> list[Marked]:
    """The things that an annotation marks, in its order; of a box that looks out of the picture what is inside.

    Raises:
        UserError: it is no annotation, a tag is missing or no number, or a box is not in the picture.
    """
    root = parsed(content, where)
    if root.tag != "annotation":
        raise UserError(f"{where}, line {root.get('line')}: begins with <{root.tag:.40}>, expected <annotation>")
    marked = []
    for thing in root.iter("object"):
        name = text(thing, "name", where)
        box = child(thing, "bndbox", where)
        left, top, right, bottom = (number(box, tag, where) for tag in CORNERS)
        x1, x2 = (min(max(one, 0.0), float(size[0])) for one in (left, right))
        y1, y2 = (min(max(one, 0.0), float(size[1])) for one in (top, bottom))
        if x1 < x2 and y1 < y2:
            marked.append(Marked(name, (x1, y1, x2, y2), int(box.get("line", 0))))
        elif not drop_empty:
            raise UserError(
                f"{where}, line {box.get('line')}: the box from {left:g}, {top:g} to {right:g}, {bottom:g} has no area "
                f"in a picture of {size[0]} × {size[1]} pixels; expected xmin < xmax and ymin < ymax, in pixels"
            )
    if len(marked) > MOST:
        raise UserError(f"{where}: marks {len(marked):,} things, expected {MOST:,} at most")
    return marked


def child(parent: Element, tag: str, where: str) -> Element:
    """The first element called `tag` in another."""
    found = parent.find(tag)
    if found is None:
        raise UserError(f"{where}, line {parent.get('line')}: <{parent.tag}> has no <{tag}>")
    return found


def text(parent: Element, tag: str, where: str) -> str:
    """What an element called `tag` says."""
    found = child(parent, tag, where)
    said = " ".join((found.text or "").split())
    if not said:
        raise UserError(f"{where}, line {found.get('line')}: <{tag}> is empty")
    return said


def number(parent: Element, tag: str, where: str) -> float:
    """The number that an element called `tag` says."""
    said = text(parent, tag, where)
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        line = child(parent, tag, where).get("line")
        raise UserError(f"{where}, line {line}: <{tag}> is '{said:.40}', expected a number of pixels")
    return value


def parsed(content: bytes, where: str) -> Element:
    """The elements of a small XML file, each of which knows its `line`; nothing outside of it is ever looked at.

    Raises:
        UserError: it is no XML, is too large or too deep, or has a document type.
    """
    if len(content) > LARGEST:
        raise UserError(f"{where}: has {len(content):,} bytes, expected {LARGEST:,} at most for a list of boxes")
    builder, depth = TreeBuilder(), 0
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            line = parser.CurrentLineNumber
            raise UserError(f"{where}, line {line}: has more than {DEEPEST} elements within one another")
        builder.start(tag, {"line": str(parser.CurrentLineNumber)})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise UserError(
            f"{where}, line {parser.CurrentLineNumber}: has a document type (<!DOCTYPE …>), which an annotation does "
            "not need and which is not read; delete it"
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise UserError(f"{where}, line {error.lineno}: is no sound XML ({reason}); save it anew") from error
    return builder.close()
