"""CamVid: streets of Cambridge out of a driving car, every pixel with the name of what it shows (Brostow et al., 2009).

The split of SegNet (Badrinarayanan, Kendall & Cipolla, 2017): 367 pictures to learn from, 101 to validate, 233 to test
on, and eleven classes. What is read is a resized re-pack of its 480 × 360 pixels: pictures averaged to 240 × 180 and
saved as JPEG, label maps by nearest neighbour as 8-bit PNG. Nobody publishes that file; only the user can bring it.

An example is a picture uint8 (180, 240, 3) and its label map uint8 (180, 240). The last class, 11, is what nobody has
named: it is neither learnt nor counted.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.data.masks import KIND, UNLABELLED
from liuli.errors import UserError

ARCHIVE = RemoteFile(
    name="camvid_240x180.tar",
    size=16_203_264,
    sha256="81d2359953662e4fe0ce8bc4cb75d8a884c329950e97c94c9b7289f94e6a27c1",
    urls=(),
)
CLASSES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
    UNLABELLED,
)
FACTS = Facts(
    name="camvid",
    variant="resized to 240 × 180",
    sha256=fingerprint([ARCHIVE]),
    kind=KIND,
    form="photograph",
    shape=(180, 240, 3),
    classes=CLASSES,
)


def load(folder: Path | None) -> Data:
    """The three parts of the archive in `folder`.

    Raises:
        UserError: the file is damaged.
    """
    assert folder is not None
    path = folder / ARCHIVE.name
    try:
        with tarfile.open(path) as archive:
            files = {
                (place.parent.name, place.stem): stream.read()
                for member in archive
                if (stream := archive.extractfile(member)) and (place := PurePosixPath(member.name))
            }
        train, validation, test = (part(files, name) for name in ("train", "val", "test"))
    except (OSError, EOFError, KeyError, ValueError, tarfile.TarError) as error:
        raise UserError(f"{path}: is not a sound file of CamVid ({error}); get it again") from error
    return Data(FACTS, train, test, validation)


def part(files: dict[tuple[str, str], bytes], name: str) -> Split:
    """Pictures (N, 180, 240, 3) and label maps (N, 180, 240) of one part, in the order of their names.

    Args:
        files: contents by folder and stem: ("train", "0001TP_006690"), ("trainannot", "0001TP_006690").
    """
    stems = sorted(stem for folder, stem in files if folder == name)
    return Split(
        np.stack([pixels(files[name, stem]) for stem in stems]),
        np.stack([pixels(files[f"{name}annot", stem]) for stem in stems]),
    )


def pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture (H, W, 3) or a label map (H, W)."""
    return np.asarray(Image.open(io.BytesIO(content)), np.uint8)


DATA = DataSet(
    name="camvid",
    title="CamVid, SegNet's split, resized",
    about="367 + 101 + 233 streets, 240×180 colour, 11 classes of pixels",
    licence="research; G. J. Brostow, J. Fauqueur, R. Cipolla",
    homepage="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
    files=(ARCHIVE,),
    load=load,
)
