"""Iris: four lengths of 150 flowers of three species (Fisher, 1936), as they come with scikit-learn.

A fifth, stratified by species and drawn once for all, is the test part.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, Split
from liuli.errors import UserError

SHA256 = "5befe0734718d3fe7febc71e7833fbb4bfbfc15ec829d49f70a0af3a4bc67d38"
"""Of the lengths (150, 4) in tenths of a centimetre as bytes, then the species as bytes."""

FACTS = Facts(
    name="iris",
    variant="",
    sha256=SHA256,
    kind="table",
    form="",
    shape=(4,),
    classes=("setosa", "versicolor", "virginica"),
    details={"columns": ["sepal length", "sepal width", "petal length", "petal width"], "target": "species"},
)


def flowers() -> Split:
    """All 150, in centimetres.

    Raises:
        UserError: this version of scikit-learn brings other numbers.
    """
    import sklearn
    from sklearn.datasets import load_iris

    bunch = load_iris()
    tenths, species = np.rint(bunch.data * 10).astype(np.uint8), bunch.target.astype(np.uint8)
    if hashlib.sha256(tenths.tobytes() + species.tobytes()).hexdigest() != SHA256:
        raise UserError(
            f"iris: scikit-learn {sklearn.__version__} brings other numbers than expected; "
            "install it anew with: pip install --force-reinstall scikit-learn"
        )
    return Split(tenths / 10, species.astype(np.int64))


def load(folder: Path | None) -> Data:
    """120 training and 30 test flowers."""
    from liuli.data.order import hold_out

    return Data(FACTS, *hold_out(flowers(), share=0.2, seed=0))


DATA = DataSet(
    name="iris",
    title="Iris flowers",
    about="120 + 30 flowers, 4 numbers, 3 classes",
    licence="CC BY 4.0; R. A. Fisher",
    homepage="https://archive.ics.uci.edu/dataset/53/iris",
    files=(),
    load=load,
)
