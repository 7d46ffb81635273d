"""Tables that come with scikit-learn, checked like files that are downloaded."""

from __future__ import annotations

import hashlib

import numpy as np

from liuli.data.dataset import Split
from liuli.errors import UserError


def table(name: str, sha256: str) -> Split:
    """All rows float64 (N, d) and classes int64 (N,) of what `sklearn.datasets.load_NAME` gives.

    Args:
        name: "iris", "wine", "breast_cancer".
        sha256: of the rows as little-endian float64, then the classes as bytes.

    Raises:
        UserError: this version of scikit-learn brings other numbers.
    """
    import sklearn
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    rows, classes = bunch.data.astype("<f8"), bunch.target.astype(np.uint8)
    if hashlib.sha256(rows.tobytes() + classes.tobytes()).hexdigest() != sha256:
        raise UserError(
            f"{name}: scikit-learn {sklearn.__version__} brings other numbers than expected; "
            "install it anew with: pip install --force-reinstall scikit-learn"
        )
    return Split(rows, classes.astype(np.int64))
