"""Digits: real handwriting that comes with scikit-learn, so that it needs no network.

The test part of the UCI set of optically recognised digits: 13 people wrote on a form, NIST's programs
cut out 32×32 black-and-white pictures, and the black pixels of each 4×4 block were counted, which gives
8×8 values from 0 to 16 (Alpaydin & Kaynak, 1998). Its 1,797 pictures are not divided any further: a fifth,
stratified by class and drawn once for all, is the test part here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, Split
from liuli.errors import UserError

SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of the pictures (N, 8, 8) as bytes from 0 to 16, then the labels as bytes."""

FACTS = Facts(
    name="digits",
    variant="",
    sha256=SHA256,
    kind="image",
    form="handwriting",
    shape=(8, 8, 1),
    classes=tuple("0123456789"),
)


def load(folder: Path | None) -> Data:
    """1,438 training and 359 test pictures, scaled from 0 … 16 to 0 … 255.

    Raises:
        UserError: this version of scikit-learn brings other pictures.
    """
    import sklearn
    from sklearn.datasets import load_digits

    from liuli.data.order import hold_out

    bunch = load_digits()
    counts, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    if hashlib.sha256(counts.tobytes() + labels.tobytes()).hexdigest() != SHA256:
        raise UserError(
            f"digits: scikit-learn {sklearn.__version__} brings other pictures than expected; "
            "install it anew with: pip install --force-reinstall scikit-learn"
        )
    pixels = np.rint(counts * (255 / 16)).astype(np.uint8)[..., None]  # (1797, 8, 8, 1)
    return Data(FACTS, *hold_out(Split(pixels, labels.astype(np.int64)), share=0.2, seed=0))


DATA = DataSet(
    name="digits",
    title="Optical recognition of handwritten digits",
    about="1,438 + 359 written digits, 8×8 grey, 10 classes",
    licence="CC BY 4.0; E. Alpaydin, C. Kaynak",
    homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    files=(),
    load=load,
)
