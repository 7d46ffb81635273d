"""Principal component analysis: the few directions in which the data spread most, and the data told in those.

A picture of 784 pixels seldom uses its 784 freedoms: neighbours are alike, corners are dark. Turn the axes so that the
first lies along the widest spread of the data, the second along the widest that is left, and so on. A few coordinates
along these axes then say most of what there is to say, and turning back gives the example again, but for what the left
out directions held. No other subspace of that size loses less in the square.

    standardise: z = (x − μ) / s,   s = 1 unless asked for
    covariance:  C = 1/(N − 1) Σ z zᵀ,   C v_i = λ_i v_i,   λ_1 ≥ λ_2 ≥ …;   the rows of V are the first k of the v_i
    project:     c = V z
    reconstruct: x̂ = s · Vᵀ c + μ

Paper: Pearson, On lines and planes of closest fit to systems of points in space, Philosophical Magazine 2(11), 1901; by
the covariance: Hotelling, Analysis of a complex of statistical variables into principal components, 1933.

Shapes:
    B  batch, N examples, d features, k components

Departures:
    An eigenvector has no sign of its own: here its entry of largest magnitude is positive, as in scikit-learn. The
    covariance of many rows is added up over blocks of them, each centred first, so that no centred copy of all the data
    is made and nothing large cancels; only the k eigenvectors asked for are computed.

Look at:
    Any coordinate as a sum over pixels: the pixel's distance from its mean, times the component's entry there. The
    scatter of the first two coordinates: 0 and 1 lie far apart, 4, 7 and 9 on one another. The scree: how soon does the
    share of variance fall? The reconstructions: what of a digit do 50 numbers keep?
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from liuli.system import SGD, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.projection import Projection

Array = NDArray[Any]
BLOCK = 4096
FLOATS = (np.float64, np.float32)


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal component analysis by the covariance's eigenvectors, as a scikit-learn estimator.

    Args:
        n_components: k, at most d; None: all that the rows can tell, min(N, d).
        standardize: divide each feature by its standard deviation (a constant one by 1).

    Attributes:
        components_: V (k, d), orthonormal rows.
        mean_, scale_: μ (d,) and s (d,).
        explained_variance_: λ (k,).
        explained_variance_ratio_: λ as a share of the sum of all.
    """

    def __init__(self, n_components: int | None = None, standardize: bool = False) -> None:
        self.n_components = n_components
        self.standardize = standardize

    def fit(self, X: Array, y: object = None) -> "PCA":
        """Learn from rows (N, d), N at least 2."""
        X = validate_data(self, X, dtype=FLOATS, ensure_min_samples=2)
        count, features = X.shape
        kept = min(count, features) if self.n_components is None else self.n_components
        if not 1 <= kept <= features:
            raise ValueError(f"n_components is {kept}, expected 1 to the number of features, {features}")
        self.mean_ = X.mean(0)  # (d,)
        covariance = np.zeros((features, features), X.dtype)
        for begin in range(0, count, BLOCK):
            away = X[begin : begin + BLOCK] - self.mean_  # (≤ BLOCK, d)
            covariance += away.T @ away
        covariance /= count - 1
        self.scale_ = np.ones(features, X.dtype)
        if self.standardize:
            deviation = np.sqrt(covariance.diagonal() * ((count - 1) / count))
            self.scale_ = np.where(deviation > 0, deviation, 1).astype(X.dtype)
            covariance /= np.outer(self.scale_, self.scale_)
        total = np.trace(covariance)
        values, vectors = eigh(covariance, subset_by_index=(features - kept, features - 1), overwrite_a=True)
        components = vectors[:, ::-1].T  # (k, d), the widest first
        largest = np.abs(components).argmax(1)
        self.components_ = components * np.sign(components[np.arange(kept), largest])[:, None]
        self.explained_variance_ = np.maximum(values[::-1], 0)
        self.explained_variance_ratio_ = self.explained_variance_ / (total or 1)
        return self

    @property
    def _n_features_out(self) -> int:
        """For scikit-learn's names of the columns that come out."""
        return len(self.components_)

    def transform(self, X: Array) -> Array:
        """Coordinates (N, k)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        coordinates: Array = (X - self.mean_) / self.scale_ @ self.components_.T
        return coordinates

    def inverse_transform(self, X: Array) -> Array:
        """Rows (N, d) from coordinates (N, k)."""
        check_is_fitted(self)
        rows: Array = X @ self.components_ * self.scale_ + self.mean_
        return rows


class PCANetwork(nn.Module):
    """Projection and reconstruction as a network, which `PCA` fits; returns both beside one another, (B, k + d)."""

    def __init__(self, features: int = 784, components: int = 50, standardize: bool = False) -> None:
        super().__init__()
        if components < 1:
            raise ValueError(f"components is {components}, expected 1 or more")
        components = min(components, features)  # a table of a few columns has no more of them
        self.standardize = standardize
        self.mean = nn.Parameter(torch.zeros(features))  # μ (d,)
        self.scale = nn.Parameter(torch.ones(features))  # s (d,)
        self.components = nn.Parameter(torch.eye(components, features))  # V (k, d)

    def forward(self, rows: Tensor) -> Tensor:
        centred = (rows - self.mean) / self.scale  # (B, d)
        coordinates = centred @ self.components.T  # (B, k)
        reconstruction = coordinates @ self.components * self.scale + self.mean  # (B, d)
        return torch.cat([coordinates, reconstruction], dim=1)  # (B, k + d)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> None:
        """Fit all the examples (B, d) at once; there is nothing to step."""
        fitted = PCA(len(self.components), self.standardize).fit(batch[0].cpu().numpy())
        learnt = {"mean": fitted.mean_, "scale": fitted.scale_, "components": fitted.components_}
        for name, value in self.state_dict().items():
            value.copy_(torch.from_numpy(learnt[name]))


SYSTEM = System(
    name="pca",
    year=1901,
    paper="Pearson, On lines and planes of closest fit to systems of points in space",
    model=PCANetwork,
    task=Projection(features=784),
    data="mnist",
    recipe=Recipe(epochs=1, batch_size=1_000_000, optimizer=SGD(lr=1.0), validation=0),
    target=Target("explained", at_least=0.8296),
)
