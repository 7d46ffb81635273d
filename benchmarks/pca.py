"""What fitting 50 principal components to MNIST costs, beside scikit-learn's two exact ways.

    LIULI_DATA=FOLDER python benchmarks/pca.py [--quick] [--json FILE]

60,000 × 784 in float32 to 50 components, fitted only; each peer fits once a round (see `rounds`). What stands for an
accuracy is the share of the variance that the components explain, which must be the same for all. Bars: `BARS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rounds import Bar, Gate, Peer, main, measure, report

OURS = "liuli"
BARS = {"scikit-learn, full": Bar(0.2), "scikit-learn, covariance": Bar(1.0)}
COMPONENTS = 50


@dataclass(frozen=True)
class Work:
    """The rows that every peer is given."""

    name: str = "pca"

    def rows(self) -> np.ndarray:
        """Pixels in [0, 1], float32 (60000, 784)."""
        from liuli.data import store

        return store.load("mnist").train.inputs.reshape(-1, 784).astype(np.float32) / 255


def fit(work: Work, gate: Gate, solver: str = "") -> None:
    """Fit once a turn: ours, or scikit-learn's by one of its solvers."""
    rows = work.rows()
    if solver:
        from sklearn.decomposition import PCA

        estimator = PCA(COMPONENTS, svd_solver=solver)
    else:
        from liuli.models.foundations.pca import PCA as Ours

        estimator = Ours(COMPONENTS)
    gate(0.0)
    while True:
        gate(float(estimator.fit(rows).explained_variance_ratio_.sum()))


PEERS = (
    Peer(OURS, fit),
    Peer("scikit-learn, covariance", fit, ("covariance_eigh",)),
    Peer("scikit-learn, full", fit, ("full",)),
)


def compared(rounds: int) -> dict[str, dict[str, Any]]:
    title = f"60,000 × 784 to {COMPONENTS} components: one fit"
    return report(title, measure(PEERS, Work(), rounds), OURS, BARS)


if __name__ == "__main__":
    main(__doc__, {"pca": compared})
