"""Wine: thirteen measures of 178 wines from three vineyards (Forina, 1988), as they come with scikit-learn.

A fifth, stratified by class and drawn once for all, is the test part.
"""

from __future__ import annotations

from pathlib import Path

from liuli.data import bundled
from liuli.data.dataset import Data, DataSet, Facts

FACTS = Facts(
    name="wine",
    variant="",
    sha256="8ab3beb6aa5b46bd8cf2bd6e4cce18804475aaab9e12dd4ec8684b893ddaecf9",
    kind="table",
    form="",
    shape=(13,),
    classes=("vineyard 1", "vineyard 2", "vineyard 3"),
    details={
        "columns": [
            "alcohol",
            "malic acid",
            "ash",
            "alcalinity of ash",
            "magnesium",
            "total phenols",
            "flavanoids",
            "nonflavanoid phenols",
            "proanthocyanins",
            "color intensity",
            "hue",
            "od280/od315 of diluted wines",
            "proline",
        ],
        "target": "vineyard",
    },
)


def load(folder: Path | None) -> Data:
    """142 training and 36 test wines."""
    from liuli.data.order import hold_out

    return Data(FACTS, *hold_out(bundled.table("wine", FACTS.sha256), share=0.2, seed=0))


DATA = DataSet(
    name="wine",
    title="Wine recognition",
    about="142 + 36 wines, 13 numbers, 3 classes",
    licence="CC BY 4.0; S. Aeberhard, M. Forina",
    homepage="https://archive.ics.uci.edu/dataset/109/wine",
    files=(),
    load=load,
    instead="wine",
)
