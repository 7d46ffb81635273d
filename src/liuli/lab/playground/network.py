"""The networks of the playground: a few units that say on which side of a boundary a point lies.

    perceptron   one layer of units that say yes where w·x + b > 0; learns from its mistakes only (Rosenblatt, 1958)
    logistic     one layer whose sum becomes a probability
    cascaded     units of logistic regression whose answers are the input of another: the least that solves XOR
    mlp          any number of hidden layers with an activation that is chosen (Rumelhart, Hinton & Williams, 1986)

"Cascaded" is meant as in *cascaded logistic regression*, where one logistic regression reads the probabilities that
others gave, and all learn together by one loss. It is not Fahlman & Lebiere's cascade-correlation (1990), which adds
hidden units one by one.

Two classes need one output, the score of the second; more need one each.

Shapes: B points, U units of a layer, K outputs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky-relu": functional.leaky_relu,
    "elu": functional.elu,
    "identity": None,
}
MODELS = ("perceptron", "logistic", "cascaded", "mlp")


class Units(nn.Module):
    """Layers `hidden1`, `hidden2`, …, `output`; returns scores (B, K).

    Args:
        widths: units of each hidden layer.
        outputs: K.
        activation: bends the sums of the hidden layers, one of `ACTIVATIONS`.
        zero: begin at 0, as the perceptron does; else weights are drawn as Glorot & Bengio (2010, equation 16) advise.
    """

    def __init__(self, widths: Sequence[int], outputs: int, activation: str, zero: bool = False) -> None:
        super().__init__()
        self.names = [f"hidden{place + 1}" for place in range(len(widths))]
        self.bend = ACTIVATIONS[activation]
        sizes = [2, *widths, outputs]
        for name, before, units in zip([*self.names, "output"], sizes[:-1], sizes[1:], strict=True):
            layer = nn.Linear(before, units)
            nn.init.zeros_(layer.weight) if zero else nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
            self.add_module(name, layer)

    def forward(self, points: Tensor) -> Tensor:
        """Scores (B, K) of points (B, 2)."""
        values = points  # (B, 2)
        for name in self.names:
            values = self.get_submodule(name)(values)  # (B, U)
            if self.bend is not None:
                values = self.bend(values)
        scores: Tensor = self.get_submodule("output")(values)  # (B, K)
        return scores

    @torch.no_grad()
    def activations(self, points: Tensor) -> list[Tensor]:
        """What every hidden layer (B, U) and the output (B, K) say of points (B, 2)."""
        found, values = [], points
        for name in self.names:
            values = self.get_submodule(name)(values)
            if self.bend is not None:
                values = self.bend(values)
            found.append(values)
        return [*found, self.get_submodule("output")(values)]


def loss_of(model: str, scores: Tensor, labels: Tensor) -> Tensor:
    """The mean loss of scores (B, K) under the right classes (B,): what the model learns to make small.

    The perceptron's is −y·s where a unit is mistaken (y·s ≤ 0), else 0: a step against its slope adds η·y·x to w,
    which is the perceptron's rule.
    """
    if model == "perceptron":
        sides = sides_of(labels, scores.size(1))  # (B, K)
        margins = sides * scores  # (B, K)
        each = torch.where(margins <= 0, -margins, 0.0)  # (B, K)
        return each.sum(1).mean()
    if scores.size(1) == 1:
        return functional.binary_cross_entropy_with_logits(scores[:, 0], labels.to(scores.dtype))
    return functional.cross_entropy(scores, labels)


def sides_of(labels: Tensor, units: int) -> Tensor:
    """+1 where a unit is to say yes, else −1: (B, K)."""
    if units == 1:
        return labels[:, None] * 2.0 - 1
    return functional.one_hot(labels, units) * 2.0 - 1


def shares_of(model: str, scores: Tensor) -> Tensor:
    """What is drawn over the plane: probabilities (B, 1) of the second of two classes, else (B, K).

    The perceptron has none: 1 where it says yes, else 0; of several units the highest score.
    """
    if model == "perceptron":
        if scores.size(1) == 1:
            return (scores > 0).to(scores.dtype)
        return functional.one_hot(scores.argmax(1), scores.size(1)).to(scores.dtype)
    return scores.sigmoid() if scores.size(1) == 1 else scores.softmax(1)


def answers_of(scores: Tensor) -> Tensor:
    """The classes (B,) that are answered."""
    return (scores[:, 0] > 0).long() if scores.size(1) == 1 else scores.argmax(1)
