"""A photograph and a painting: the Neckar front of Tübingen (Andreas Praefcke) and The Starry Night (van Gogh, 1889).

The pair of Gatys, Ecker & Bethge (2016, figure 3 C). A user's own is a folder with two pictures, `content` and `style`
(content.jpg and style.png, say). Each becomes the middle square of itself, 192 × 192 in colour.

An example is the pair: the content uint8 (192, 192, 3) is its input, the style its target. The training part holds it
25 times, so that an epoch is 25 steps; the test part is the same pair, for nothing of it is to be foretold.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.data.folders import pictures
from liuli.data.opening import opened, photograph
from liuli.errors import UserError
from liuli.files import sha256

SIDE = 192
STEPS = 25  # of an epoch
ROLES = ("content", "style")
SOURCE = "https://raw.githubusercontent.com/jcjohnson/neural-style/master/examples/inputs/"
TUBINGEN = RemoteFile(
    name="tubingen.jpg",
    size=406_531,
    sha256="e67d1869f01fd805385c681a80d9ebcf0f70ea4a5fe6127f0606bb1c7f4bf506",
    urls=(f"{SOURCE}tubingen.jpg",),
)
STARRY_NIGHT = RemoteFile(
    name="starry_night.jpg",
    size=315_236,
    sha256="0592ab0f7b51b3ce72608a95e53880bd93971e5b48f93a0ce8dfd3cbccf3d098",
    urls=(f"{SOURCE}starry_night.jpg",),
)


def load(folder: Path | None) -> Data:
    """The two files of `folder`.

    Raises:
        UserError: one of them cannot be opened.
    """
    assert folder is not None
    files = (TUBINGEN, STARRY_NIGHT)
    return pair("photos", fingerprint(files), *(folder / file.name for file in files))


def pair(name: str, digest: str, content: Path, style: Path) -> Data:
    """The data of two pictures."""
    one, other = (photograph(opened(file, str(file)), SIDE)[None] for file in (content, style))
    details = {"content": content.name, "style": style.name}
    facts = Facts(name, "", digest, "photograph", "photograph", (SIDE, SIDE, 3), (), details)
    return Data(facts, Split(np.repeat(one, STEPS, 0), np.repeat(other, STEPS, 0)), Split(one, other))


def fits(path: Path) -> bool:
    """Whether `path` is a folder with a picture called content or style in it."""
    return path.is_dir() and any(one.stem.lower() in ROLES for one in pictures(path))


def load_own(path: Path, target: str | None = None) -> Data:
    """The pair in a user's own folder.

    Raises:
        UserError: one of the two is missing, is there twice, or cannot be opened.
    """
    files = []
    for role in ROLES:
        found = [one for one in pictures(path) if one.stem.lower() == role]
        if len(found) != 1:
            names = ", ".join(one.name for one in found) or "none"
            raise UserError(f"{path}: expected one picture called {role}, such as {role}.jpg; found {names}")
        files += found
    digest = hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()
    return pair(f"{path.name}/", digest, *files)


DATA = DataSet(
    name="photos",
    title="A photograph and a painting",
    about="2 pictures: Tübingen and The Starry Night, 192×192 colour",
    licence="as in jcjohnson/neural-style, the painting in the public domain; A. Praefcke, V. van Gogh",
    homepage="https://github.com/jcjohnson/neural-style/tree/master/examples/inputs",
    files=(TUBINGEN, STARRY_NIGHT),
    load=load,
)
