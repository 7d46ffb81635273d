"""Optimizers that race from one start over one surface, by liuli's own steps (`liuli.scratch.optimizers`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.playground.asking import Asked, packed
from liuli.lab.playground.inside import part
from liuli.lab.playground.surfaces import SURFACES, Surface
from liuli.lab.trees import number_json
from liuli.scratch.optimizers import SGD, AdaGrad, Adam, Optimizer, RMSProp
from liuli.scratch.tape import Array, Tensor

MOST_RACERS = 6
MOST_STEPS = 500
FARTHEST = 1e6  # a path that leaves by more has diverged


@dataclass(frozen=True)
class Kind:
    """An optimizer in a race.

    Attributes:
        make: by its parameters, rate and momentum.
        text: the formula of a step of the coordinate called w.
        letters: of its settings, by the optimizer's attribute.
        memories: the letters of what it remembers, by their names in its state.
    """

    make: Callable[[dict[str, Tensor], float, float], Optimizer]
    text: str
    letters: Mapping[str, str]
    memories: Mapping[str, str]


KINDS = {
    "sgd": Kind(lambda w, rate, _: SGD(w, rate), "w_new = w - η*g", {}, {}),
    "momentum": Kind(
        lambda w, rate, momentum: SGD(w, rate, momentum),
        "w_new = w - η*v_new\nv_new = μ*v + g",
        {"μ": "momentum"},
        {"v": "velocity"},
    ),
    "nesterov": Kind(
        lambda w, rate, momentum: SGD(w, rate, momentum, nesterov=True),
        "w_new = w - η*d\nv_new = μ*v + g\nd = g + μ*v_new",
        {"μ": "momentum"},
        {"v": "velocity"},
    ),
    "adagrad": Kind(
        lambda w, rate, _: AdaGrad(w, rate),
        "w_new = w - η*g/(sqrt(s_new) + ε)\ns_new = s + g**2",
        {"ε": "epsilon"},
        {"s": "squares"},
    ),
    "rmsprop": Kind(
        lambda w, rate, _: RMSProp(w, rate),
        "w_new = w - η*g/(sqrt(s_new) + ε)\ns_new = α*s + (1 - α)*g**2",
        {"α": "alpha", "ε": "epsilon"},
        {"s": "mean_square"},
    ),
    "adam": Kind(
        lambda w, rate, _: Adam(w, rate),
        "w_new = w - η*a/(sqrt(b) + ε)\nm_new = β_1*m + (1 - β_1)*g\nv_new = β_2*v + (1 - β_2)*g**2\n"
        "a = m_new/(1 - β_1**t)\nb = v_new/(1 - β_2**t)",
        {"β_1": "beta1", "β_2": "beta2", "ε": "epsilon"},
        {"m": "gradients", "v": "squares"},
    ),
}


@dataclass(frozen=True)
class Race:
    """What a person chose: a surface, a start, and who runs."""

    surface: Surface
    start: tuple[float, float]
    steps: int
    momentum: float
    racers: tuple[tuple[str, float], ...]


@dataclass
class Stride:
    """One step of one racer: where from, by which gradient, remembering what, where to; each (x, y), float64."""

    before: Array
    gradient: Array
    memories: dict[str, Array]
    after: Array
    optimizer: Optimizer


def race_of(asked: Asked) -> Race:
    """What was asked for.

    Raises:
        UserError: a field is not of its kind or not within its bounds.
    """
    surface = SURFACES[asked.choice("surface", SURFACES)]
    start = [Asked({"start": one}).number("start", -100, 100) for one in asked.several("start", 2)]
    if len(start) != 2:
        raise UserError("start: expected two numbers, x and y")
    racers = []
    for one in asked.several("racers", MOST_RACERS):
        racer = Asked(one if isinstance(one, dict) else {})
        racers.append((racer.choice("optimizer", KINDS), racer.number("rate", 1e-6, 100)))
    if len({name for name, _ in racers}) < len(racers):
        raise UserError("racers: an optimizer was sent twice")
    steps, momentum = asked.whole("steps", 1, MOST_STEPS), asked.number("momentum", 0, 0.999)
    return Race(surface, (start[0], start[1]), steps, momentum, tuple(racers))


def strides(race: Race, racer: int) -> Iterator[Stride]:
    """The steps of one racer; they end where the next would leave the world."""
    name, rate = race.racers[racer]
    place = Tensor(np.array(race.start, np.float64))
    optimizer = KINDS[name].make({"place": place}, rate, race.momentum)
    memories = KINDS[name].memories
    for _ in range(race.steps):
        before = place.value.copy()
        gradient = race.surface.gradient(*before)
        kept = {letter: optimizer.state[key].copy() for letter, key in memories.items()}
        optimizer.clear_gradients()
        place.receive(gradient)
        with np.errstate(all="ignore"):
            optimizer.step()
        if not np.isfinite(place.value).all() or np.abs(place.value).max() > FARTHEST:
            return
        yield Stride(before, gradient, kept, place.value.copy(), optimizer)


def told(race: Race) -> bytes:
    """Every path as (steps + 1, 3) numbers x, y, f in float64, and whether it diverged."""
    paths = []
    for racer in range(len(race.racers)):
        places = [np.array(race.start), *(stride.after for stride in strides(race, racer))]
        paths.append(np.array([[x, y, race.surface.height(x, y)] for x, y in places]))
    racers = [
        {"optimizer": name, "rate": rate, "steps": len(path) - 1, "diverged": len(path) <= race.steps}
        for (name, rate), path in zip(race.racers, paths, strict=True)
    ]
    return packed({"racers": racers}, paths)


def explained(race: Race, racer: int, step: int) -> Json:
    """Step `step` (from 1) of a racer: the gradient and the move of each coordinate, each with its numbers.

    Raises:
        UserError: there is no such racer or step.
    """
    if not 0 <= racer < len(race.racers):
        raise UserError(f"racer {racer}: there is no such racer; {len(race.racers)} run")
    stride = next((one for number, one in enumerate(strides(race, racer), 1) if number == step), None)
    if stride is None:
        raise UserError(f"step {step:,}: this racer has taken no such step")
    kind = KINDS[race.racers[racer][0]]
    x, y = (float(one) for one in stride.before)
    height, *slopes = (
        {"formula": formula, "letters": letters_in(formula["body"], {"x": x, "y": y})}
        for formula in race.surface.formulas()
    )
    moves = [move(kind, stride, place, letter, step) for place, letter in enumerate("xy")]
    return {
        "racer": racer,
        "step": step,
        "before": [x, y],
        "after": stride.after.tolist(),
        "gradient": stride.gradient.tolist(),
        "parts": [height, *slopes, *moves],
    }


def move(kind: Kind, stride: Stride, place: int, letter: str, step: int) -> Json:
    """How one coordinate moved."""
    optimizer = stride.optimizer
    text = "\n".join(renamed(line, letter) for line in kind.text.splitlines())
    numbers = {letter: float(stride.before[place]), f"g_{letter}": float(stride.gradient[place]), "t": float(step)}
    numbers |= {key: float(one[place]) for key, one in stride.memories.items()}
    if isinstance(optimizer, Adam):  # it keeps sums, of which the paper's m and v are these parts
        numbers["m"] *= 1 - optimizer.beta1
        numbers["v"] *= 1 - optimizer.beta2
    numbers |= {key: float(getattr(optimizer, name)) for key, name in kind.letters.items()}
    return part(text, {}, {**numbers, "η": optimizer.learning_rate})


def renamed(line: str, letter: str) -> str:
    """A line of a formula about the coordinate called `letter` in place of w, by its gradient in place of g."""
    names = {"w": letter, "w_new": f"{letter}_new", "g": f"g_{letter}"}
    return re.sub(r"\w+", lambda found: names.get(found[0], found[0]), line)


def letters_in(tree: Json, numbers: Mapping[str, float]) -> Json:
    """The numbers of the letters that stand in a tree."""
    found = set(re.findall(r"[xy]", str(tree)))
    return {name: {"number": number_json(one)} for name, one in numbers.items() if name in found}
