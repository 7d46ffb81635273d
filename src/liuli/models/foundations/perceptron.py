"""The perceptron: one unit with adjustable weights that learns from its mistakes only.

A unit adds up its inputs, each times a weight, and says yes where the sum is above zero: a plane parts what it accepts
from what it refuses. It looks at its examples one by one. Where it is wrong it turns the plane a little towards that
example; where it is right it leaves everything as it is. If any plane separates the classes, it stops after finitely
many mistakes; if none does it would go on for ever, so it is stopped, and what it keeps in its pocket is the plane that
was wrong least often.

    score:   s = w·x + b,   yes where s > 0
    rule:    where y·s ≤ 0 (y = +1 yes, −1 no):   w ← w + η·y·x,   b ← b + η·y
    bound:   at most (R / γ)² mistakes, where every example (x, 1) is no longer than R and lies γ or more from a plane

Paper: Rosenblatt, The perceptron: a probabilistic model for information storage and organization in the brain,
Psychological Review 65(6), 1958. The bound: Novikoff, On convergence proofs for perceptrons, 1962. The pocket: Gallant,
Perceptron-based learning algorithms, IEEE Transactions on Neural Networks 1(2), 1990, section III, with ratchet.

Shapes:
    B  batch, N examples, d features, U units: one for two classes, else one a class

Departures:
    The retina and the randomly connected association units are left out: the features are what they would give. The
    next example is drawn from those that are wrong, as examples that are right teach nothing. More than two classes
    are told apart by one unit each, which has learnt it against all the others; the highest score wins.

Look at:
    Two scores of opposite sign, term by term: which of the four lengths tells the species apart? The weights are a sum
    of the few examples that were mistaken. In the picture of the boundary: the plane passes close to one class, as it
    stops at the first one that makes no mistake.
"""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from liuli.system import SGD, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.margin_classification import MarginClassification
from liuli.tasks.table_classification import whole

Array = NDArray[Any]


class Perceptron(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The perceptron learning algorithm with the pocket, as a scikit-learn estimator.

    Args:
        eta: η; as the weights begin at 0 it only scales them.
        max_updates: mistakes after which a unit gives up and takes what is in its pocket.
        random_state: of the draw of the next mistaken example.

    Attributes:
        coef_, intercept_: w (U, d) and b (U,).
        classes_: the labels.
        updates_: mistakes learnt from, of each unit (U,).
        errors_: examples that each unit still gets wrong (U,); 0 where its plane separates.
    """

    def __init__(self, eta: float = 1.0, max_updates: int = 10_000, random_state: Any = None) -> None:
        self.eta = eta
        self.max_updates = max_updates
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> "Perceptron":
        """Learn from rows (N, d) and their labels (N,)."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"expected two classes or more, found one class only: {self.classes_[0]!r}")
        random = check_random_state(self.random_state)
        rows = np.hstack([X, np.ones((len(X), 1))])  # (N, d + 1): the threshold is the weight of a constant 1
        yes = [1] if len(self.classes_) == 2 else range(len(self.classes_))
        learnt = [separate(rows, np.where(labels == k, 1.0, -1.0), self.eta, self.max_updates, random) for k in yes]
        weights, self.updates_, self.errors_ = (np.array(one) for one in zip(*learnt, strict=True))
        self.coef_, self.intercept_ = weights[:, :-1], weights[:, -1]
        if self.errors_.any():
            warnings.warn(
                f"no plane was found that separates the classes in {self.max_updates:,} updates; the best one met is "
                f"kept, with {self.errors_.sum()} of {len(X)} examples on its wrong side",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def decision_function(self, X: Array) -> Array:
        """Scores (N,) of the second of two classes, or (N, U)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        scores: Array = X @ self.coef_.T + self.intercept_  # (N, U)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Array) -> Array:
        """Labels (N,)."""
        scores = self.decision_function(X)
        answers: Array = self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(1)]
        return answers


def separate(
    rows: Array, sides: Array, eta: float, max_updates: int, random: np.random.RandomState
) -> tuple[Array, int, int]:
    """One unit: weights (d + 1,) that are wrong least often, the updates made, and how many rows stay wrong.

    Args:
        rows: (N, d + 1).
        sides: +1 or −1 (N,).
    """
    weights = np.zeros(rows.shape[1])  # (d + 1,)
    pocket, fewest = weights.copy(), len(rows) + 1
    updates = 0
    while True:
        wrong = np.flatnonzero(sides * (rows @ weights) <= 0)
        if len(wrong) < fewest:
            pocket, fewest = weights.copy(), len(wrong)
        if not len(wrong) or updates == max_updates:
            return pocket, updates, fewest
        mistaken = random.choice(wrong)
        weights += eta * sides[mistaken] * rows[mistaken]
        updates += 1


class PerceptronNetwork(nn.Module):
    """The units as a network, which `Perceptron` teaches; returns scores (B, U)."""

    def __init__(self, features: int = 4, classes: int = 2, max_updates: int = 10_000) -> None:
        super().__init__()
        if max_updates < 1:
            raise ValueError("max_updates must be at least 1")
        units = 1 if classes == 2 else classes
        self.max_updates = max_updates
        self.weight = nn.Parameter(torch.zeros(units, features))  # w (U, d)
        self.bias = nn.Parameter(torch.zeros(units))  # b (U,)

    def forward(self, rows: Tensor) -> Tensor:
        return rows @ self.weight.T + self.bias  # (B, U)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> None:
        """Learn all the examples (B, d) and their labels (B,) until none is wrong, or patience ends."""
        rows, labels = whole(batch, max(2, len(self.weight)))
        unit = Perceptron(rate, self.max_updates, random_state=int(torch.randint(2**31, ())))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy on the training part says it
            unit.fit(rows, labels)
        self.weight.copy_(torch.from_numpy(unit.coef_))
        self.bias.copy_(torch.from_numpy(unit.intercept_))


SYSTEM = System(
    name="perceptron",
    year=1958,
    paper="Rosenblatt, The perceptron: a probabilistic model for information storage and organization in the brain",
    model=PerceptronNetwork,
    task=MarginClassification(features=4, classes=2),
    data="iris-two",
    recipe=Recipe(epochs=1, batch_size=1_000_000, optimizer=SGD(lr=1.0), validation=0),
    target=Target("accuracy", at_least=1.0),
)
