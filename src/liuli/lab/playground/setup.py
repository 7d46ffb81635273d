"""What a person chose to learn with: points, a network, an optimizer. All of it stands in the page's address."""

from __future__ import annotations

from dataclasses import dataclass

from liuli.errors import UserError
from liuli.lab.playground.asking import Asked
from liuli.lab.playground.network import ACTIVATIONS, MODELS
from liuli.lab.playground.points import MOST_POINTS, PATTERNS, Points, drawn, own
from liuli.system import SGD, Adam

MOST_LAYERS = 5
MOST_UNITS = 8
MOST_SEED = 2**31 - 1
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam")


@dataclass(frozen=True)
class Setup:
    """What is learnt, by what, and how.

    Attributes:
        model: one of `MODELS`.
        widths: units of each hidden layer; none of a perceptron or a logistic regression.
        activation: one of `ACTIVATIONS`.
        optimizer: as in a recipe; of a perceptron always plain descent, which is its rule.
        batch: points of a step.
    """

    points: Points
    model: str
    widths: tuple[int, ...]
    activation: str
    optimizer: SGD | Adam
    batch: int
    seed: int


def setup_of(asked: Asked) -> Setup:
    """What was asked for.

    Raises:
        UserError: a field is not of its kind or not within its bounds.
    """
    seed = asked.whole("seed", 0, MOST_SEED)
    model = asked.choice("model", MODELS)
    widths = widths_of(asked, model)
    activation = asked.choice("activation", ACTIVATIONS) if model == "mlp" else "sigmoid"
    batch = asked.whole("batch", 1, MOST_POINTS)
    return Setup(points_of(asked, seed), model, widths, activation, optimizer_of(asked, model), batch, seed)


def points_of(asked: Asked, seed: int) -> Points:
    """The points: of a pattern, or the person's own."""
    data = asked.choice("data", (*PATTERNS, "own"))
    classes, test = asked.whole("classes", 2, 3), asked.number("test", 0, 0.9)
    if data == "own":
        return own(asked.several("points", MOST_POINTS), classes, test, seed)
    count, noise = asked.whole("count", 2, MOST_POINTS), asked.number("noise", 0, 2)
    return drawn(data, count, classes, noise, test, seed)


def widths_of(asked: Asked, model: str) -> tuple[int, ...]:
    """Units of each hidden layer."""
    if model not in ("cascaded", "mlp"):
        return ()
    given = asked.several("layers", MOST_LAYERS)
    if model == "cascaded" and len(given) != 1:
        raise UserError(f"layers: {len(given)} were sent, expected one: a cascade has one layer before its output")
    return tuple(Asked({"units of a layer": one}).whole("units of a layer", 1, MOST_UNITS) for one in given)


def optimizer_of(asked: Asked, model: str) -> SGD | Adam:
    """The rule of a step."""
    rate = asked.number("rate", 1e-6, 100)
    if model == "perceptron":
        return SGD(rate)
    name, decay = asked.choice("optimizer", OPTIMIZERS), asked.number("decay", 0, 1)
    if name == "adam":
        return Adam(rate, weight_decay=decay)
    momentum = 0.0 if name == "sgd" else asked.number("momentum", 0, 0.999)
    return SGD(rate, momentum, name == "nesterov" and momentum > 0, decay)
