"""The Gaussian classifier: each class is a cloud with a mean and a covariance, and Bayes' rule says which it came from.

Instead of learning a boundary it learns what the examples of each class look like: a Gaussian, fitted by maximum
likelihood, and how common the class is. A new example is then as probable a member of each class as that class would
have made it. The boundary follows: a curve of the second degree where each class has a covariance of its own, and a
plane where all share one, because the squares then cancel.

    fit:        μ_k = mean of x in class k,   Σ_k = mean of (x − μ_k)(x − μ_k)ᵀ,   π_k = N_k / N
    shared:     Σ = Σ_k π_k Σ_k
    score:      s_k = log π_k − ½ log |Σ_k| − ½ (x − μ_k)ᵀ Σ_k⁻¹ (x − μ_k)
    posterior:  P(k | x) = softmax(s)_k;   of two classes with one Σ:  P(1 | x) = σ(w·x + b),
                w = Σ⁻¹(μ₁ − μ₀),   b = ½ μ₀ᵀΣ⁻¹μ₀ − ½ μ₁ᵀΣ⁻¹μ₁ + log(π₁ / π₀)

Paper: Welch, Note on discriminant functions, Biometrika 31, 1939; with a shared covariance it is the discriminant of
Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7(2), 1936.

Shapes:
    B  batch, N examples, d features, K classes, S covariances: one, or one a class

Departures:
    Before it is inverted each covariance gets a millionth of the mean variance added on its diagonal (`ridge`), so that
    a class of few rows has an inverse; the fitted covariance itself is the maximum-likelihood one. The factor
    (2π)^(−d/2) is left out, which all classes have. For class 2 of this example, Normal by (Defense, Sp. Def), a
    covariance of (847, 422; 422, 685) circulates with the lecture that made it known. That is the mean of
    (x − μ₁)(x − μ₁)ᵀ, about the mean of the other class. About its own mean it is (468.3, 197.8; 197.8, 552.7).

Look at:
    The two squared distances of one example, each by its own covariance: the nearer mean is not always the likelier
    class. Train again with `--set shared=true`: the boundary becomes a line. Two numbers say little about a Pokémon's
    type: of the 70 not learnt from, the curve is right on 36 and the line on 34, no more than a coin would be.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from liuli.system import SGD, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.table_classification import TableClassification, whole

Array = NDArray[Any]


class GaussianClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussians by maximum likelihood and Bayes' rule, as a scikit-learn estimator.

    Args:
        shared: one covariance for all classes instead of one for each.
        ridge: share of the mean variance of a feature that is added to each variance before inverting.

    Attributes:
        classes_: the labels.
        priors_: π (K,).
        means_: μ (K, d).
        covariance_: Σ (S, d, d), as fitted.
        precision_: Σ⁻¹ (S, d, d), with the ridge.
        log_determinant_: log |Σ| (S,), with the ridge.
        coef_, intercept_: w (1, d) and b (1,) of the posterior σ(w·x + b), where two classes share a covariance.
    """

    def __init__(self, shared: bool = False, ridge: float = 1e-6) -> None:
        self.shared = shared
        self.ridge = ridge

    def fit(self, X: Array, y: Array) -> "GaussianClassifier":
        """Learn from rows (N, d) and their labels (N,)."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"expected two classes or more, found one class only: {self.classes_[0]!r}")
        clouds = [X[labels == k] for k in range(len(self.classes_))]
        self.priors_ = np.array([len(cloud) / len(X) for cloud in clouds])  # (K,)
        self.means_ = np.array([cloud.mean(0) for cloud in clouds])  # (K, d)
        away = [cloud - mean for cloud, mean in zip(clouds, self.means_, strict=True)]
        own = np.array([one.T @ one / len(one) for one in away])  # (K, d, d)
        self.covariance_ = np.tensordot(self.priors_, own, 1)[None] if self.shared else own  # (S, d, d)
        steadied = self.covariance_ + self.ridge * (X.var(0).mean() or 1.0) * np.eye(X.shape[1])
        spread, axes = np.linalg.eigh(steadied)  # (S, d), (S, d, d)
        if (spread <= 0).any():
            raise ValueError("a covariance has no inverse, as a class lies in a plane; set ridge above 0")
        self.precision_ = axes / spread[:, None] @ axes.mT  # (S, d, d)
        self.log_determinant_ = np.log(spread).sum(1)  # (S,)
        if self.shared and len(self.classes_) == 2:
            towards = self.means_ @ self.precision_[0]  # (2, d)
            constant = np.log(self.priors_) - (towards * self.means_).sum(1) / 2  # (2,)
            self.coef_, self.intercept_ = np.diff(towards, axis=0), np.diff(constant)
        return self

    def scores(self, X: Array) -> Array:
        """log P(k) p(x | k), but for a constant that all classes have: (N, K)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        away = X[:, None] - self.means_  # (N, K, d)
        squares = ((away[:, :, None] @ self.precision_)[:, :, 0] * away).sum(-1)  # (N, K)
        result: Array = np.log(self.priors_) - (self.log_determinant_ + squares) / 2
        return result

    def predict_proba(self, X: Array) -> Array:
        """P(k | x): (N, K), each row sums to 1."""
        scores = self.scores(X)
        shares = np.exp(scores - scores.max(1, keepdims=True))
        result: Array = shares / shares.sum(1, keepdims=True)
        return result

    def decision_function(self, X: Array) -> Array:
        """Scores (N, K); of two classes their difference (N,), the log-odds of the second."""
        scores = self.scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Array) -> Array:
        """Labels (N,)."""
        best = self.scores(X).argmax(1)
        answers: Array = self.classes_[best]
        return answers


class GaussianNetwork(nn.Module):
    """The Gaussians as a network, which `GaussianClassifier` fits; returns scores (B, K), whose softmax is P(k | x)."""

    def __init__(self, features: int = 2, classes: int = 2, shared: bool = False, ridge: float = 1e-6) -> None:
        super().__init__()
        self.shared, self.ridge = shared, ridge
        covariances = 1 if shared else classes
        self.mean = nn.Parameter(torch.zeros(classes, features))  # μ (K, d)
        self.precision = nn.Parameter(torch.eye(features).repeat(covariances, 1, 1))  # Σ⁻¹ (S, d, d)
        self.log_determinant = nn.Parameter(torch.zeros(covariances))  # log |Σ| (S,)
        self.log_prior = nn.Parameter(torch.full((classes,), 1 / classes).log())  # log π (K,)
        self.register_buffer("covariance", torch.eye(features).repeat(covariances, 1, 1))  # Σ (S, d, d), to see

    def forward(self, rows: Tensor) -> Tensor:
        away = rows.unsqueeze(1) - self.mean  # (B, K, d)
        weighed = (away.unsqueeze(2) @ self.precision).squeeze(2)  # (B, K, d)
        distance = (weighed * away).sum(-1)  # (B, K): squared, in the measure of each class
        return self.log_prior - 0.5 * self.log_determinant - 0.5 * distance  # (B, K)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> None:
        """Fit all the examples (B, d) and their labels (B,) at once; there is nothing to step."""
        rows, labels = whole(batch, len(self.mean))
        fitted = GaussianClassifier(self.shared, self.ridge).fit(rows, labels)
        learnt = {
            "mean": fitted.means_,
            "precision": fitted.precision_,
            "log_determinant": fitted.log_determinant_,
            "log_prior": np.log(fitted.priors_),
            "covariance": fitted.covariance_,
        }
        for name, value in self.state_dict().items():
            value.copy_(torch.from_numpy(learnt[name]))


SYSTEM = System(
    name="gaussian-classifier",
    year=1939,
    paper="Welch, Note on discriminant functions",
    model=GaussianNetwork,
    task=TableClassification(features=2, classes=2),
    data="pokemon",
    recipe=Recipe(epochs=1, batch_size=1_000_000, optimizer=SGD(lr=1.0), validation=0),
    target=Target("accuracy", at_least=0.514),
)
