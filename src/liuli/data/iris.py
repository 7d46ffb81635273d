"""Iris: four lengths of 150 flowers of three species (Fisher, 1936), in centimetres, as they come with scikit-learn.

A fifth, stratified by class and drawn once for all, is the test part.
"""

from __future__ import annotations

from pathlib import Path

from liuli.data import bundled
from liuli.data.dataset import Data, DataSet, Facts

FACTS = Facts(
    name="iris",
    variant="",
    sha256="b6ae2f075937fb96b4d06f56b6b12a23dcf0db8d27f41824f0fa7ca6e8559b4c",
    kind="table",
    form="",
    shape=(4,),
    classes=("setosa", "versicolor", "virginica"),
    details={"columns": ["sepal length", "sepal width", "petal length", "petal width"], "target": "species"},
)


def load(folder: Path | None) -> Data:
    """120 training and 30 test flowers."""
    from liuli.data.order import hold_out

    return Data(FACTS, *hold_out(bundled.table("iris", FACTS.sha256), share=0.2, seed=0))


DATA = DataSet(
    name="iris",
    title="Iris flowers",
    about="120 + 30 flowers, 4 numbers, 3 classes",
    licence="CC BY 4.0; R. A. Fisher",
    homepage="https://archive.ics.uci.edu/dataset/53/iris",
    files=(),
    load=load,
    instead="iris",
)
