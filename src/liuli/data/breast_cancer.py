"""Breast cancer: thirty measures of the cell nuclei in 569 samples, malignant or benign, as come with scikit-learn.

Street, Wolberg & Mangasarian, Nuclear feature extraction for breast tumor diagnosis, 1993.
A fifth, stratified by class and drawn once for all, is the test part.
"""

from __future__ import annotations

from pathlib import Path

from liuli.data import bundled
from liuli.data.dataset import Data, DataSet, Facts

FACTS = Facts(
    name="breast-cancer",
    variant="",
    sha256="3a54a12ffd3db348fbe319a9056329cde28da5b2e5ecc26ff7fb9f54aa7cc9f4",
    kind="table",
    form="",
    shape=(30,),
    classes=("malignant", "benign"),
    details={
        "columns": [
            "mean radius",
            "mean texture",
            "mean perimeter",
            "mean area",
            "mean smoothness",
            "mean compactness",
            "mean concavity",
            "mean concave points",
            "mean symmetry",
            "mean fractal dimension",
            "radius error",
            "texture error",
            "perimeter error",
            "area error",
            "smoothness error",
            "compactness error",
            "concavity error",
            "concave points error",
            "symmetry error",
            "fractal dimension error",
            "worst radius",
            "worst texture",
            "worst perimeter",
            "worst area",
            "worst smoothness",
            "worst compactness",
            "worst concavity",
            "worst concave points",
            "worst symmetry",
            "worst fractal dimension",
        ],
        "target": "diagnosis",
    },
)


def load(folder: Path | None) -> Data:
    """455 training and 114 test samples."""
    from liuli.data.order import hold_out

    return Data(FACTS, *hold_out(bundled.table("breast_cancer", FACTS.sha256), share=0.2, seed=0))


DATA = DataSet(
    name="breast-cancer",
    title="Breast cancer, Wisconsin diagnostic",
    about="455 + 114 samples, 30 numbers, 2 classes",
    licence="CC BY 4.0; W. Wolberg, O. Mangasarian, N. Street, W. Street",
    homepage="https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic",
    files=(),
    load=load,
    instead="breast-cancer",
)
