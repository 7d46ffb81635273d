"""The playground: what learns there learns by the formulas that are shown, and the race is liuli's own optimizers'."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import torch

from liuli.lab.playground import inside, race
from liuli.lab.playground.asking import Asked
from liuli.lab.playground.network import ACTIVATIONS, MODELS
from liuli.lab.playground.points import PATTERNS, WINDOW, drawn, read_csv
from liuli.lab.playground.session import COARSE, FINE, Session, plane
from liuli.lab.playground.setup import OPTIMIZERS, setup_of
from liuli.lab.playground.surfaces import SURFACES

SETUP = {
    "data": "moons",
    "classes": 2,
    "count": 60,
    "noise": 0.2,
    "test": 0.3,
    "seed": 0,
    "model": "mlp",
    "layers": [3, 2],
    "activation": "tanh",
    "optimizer": "adam",
    "rate": 0.03,
    "momentum": 0.9,
    "decay": 0,
    "batch": 8,
}
SLOPES = {  # worked out by hand
    "bowl": lambda x, y: (2 * x, 2 * y),
    "ravine": lambda x, y: (2 * x, 20 * y),
    "saddle": lambda x, y: (2 * x, -2 * y + y**3),
    "rosenbrock": lambda x, y: (-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)),
    "beale": lambda x, y: (
        2 * (1.5 - x + x * y) * (y - 1)
        + 2 * (2.25 - x + x * y**2) * (y**2 - 1)
        + 2 * (2.625 - x + x * y**3) * (y**3 - 1),
        2 * (1.5 - x + x * y) * x + 2 * (2.25 - x + x * y**2) * 2 * x * y + 2 * (2.625 - x + x * y**3) * 3 * x * y**2,
    ),
    "himmelblau": lambda x, y: (
        4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
        2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
    ),
}


def session(**changes: object) -> Session:
    return Session(setup_of(Asked(SETUP | changes)))


def unpacked(content: bytes) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    (length,) = struct.unpack("<I", content[:4])
    told = json.loads(content[4 : 4 + length])
    kinds = {"f4": "<f4", "f8": "<f8", "u1": "u1"}
    arrays = []
    for one in told["arrays"]:
        count = int(np.prod(one["shape"]))
        array = np.frombuffer(content, kinds[one["type"]], count, 4 + length + one["start"])
        arrays.append(array.reshape(one["shape"]))
    return told, arrays


def value(part: dict[str, Any]) -> float:
    """What a formula of the page comes to, by arithmetic of this test's own."""
    known = {name: one["number"] for name, one in part["letters"].items()}

    def of(tree: Any) -> float:
        if isinstance(tree, int | float):
            return tree
        if isinstance(tree, str):
            return known[tree]
        sign, *rest = tree
        values = [of(one) for one in rest]
        match sign:
            case "+":
                return sum(values)
            case "*":
                return float(np.prod(values))
            case "/":
                return values[0] / values[1]
            case "^":
                return values[0] ** values[1]
        raise AssertionError(sign)

    for name, tree in part["formula"]["define"]:
        known[name] = of(tree)
    return of(part["formula"]["body"])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_points_are_the_same_each_time_and_all_within_the_plane(pattern: str) -> None:
    for classes in PATTERNS[pattern].classes:
        first, again = (drawn(pattern, 61, classes, 0.1, 0.3, 5) for _ in range(2))
        assert np.array_equal(first.rows, again.rows)
        assert (len(first.rows), first.learnt, first.reach) == (61, 43, WINDOW)
        assert sorted(set(first.labels)) == list(range(classes))
    assert not np.array_equal(first.rows, drawn(pattern, 61, classes, 0.1, 0.3, 6).rows)


def test_four_points_of_xor_are_the_exclusive_or() -> None:
    points = drawn("xor", 4, 2, 0.0, 0.0, 0)
    said = {tuple(np.sign(row)): label for row, label in zip(points.rows, points.labels, strict=True)}
    assert said == {(1, 1): 0, (-1, -1): 0, (-1, 1): 1, (1, -1): 1}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", MODELS)
def test_the_planes_are_the_networks_own_answers(model: str, classes: int) -> None:
    one = session(model=model, classes=classes, data="blobs", layers=[3])
    one.learn(20)
    told, (planes, shares, *_) = unpacked(one.told())
    x = np.concatenate([[row] for row in plane(WINDOW, FINE).numpy().astype(np.float64)])
    for layer in told["layers"]:
        x = x @ np.array(layer["weight"]).T + layer["bias"]
        if layer["name"] != "output":
            x = 1 / (1 + np.exp(-x)) if model == "cascaded" else np.tanh(x)
    if model == "perceptron":
        expected = (x > 0) if classes == 2 else x == x.max(1, keepdims=True)
    else:
        expected = 1 / (1 + np.exp(-x)) if classes == 2 else np.exp(x) / np.exp(x).sum(1, keepdims=True)
    assert np.abs(shares / 255 - expected.T.reshape(shares.shape)).max() < 0.003
    assert planes.shape == (2 + (3 if model in ("mlp", "cascaded") else 0), COARSE, COARSE)
    assert shares[0, 0, 0] == pytest.approx(expected[0, 0] * 255, abs=1)  # the first is at the left, above


def test_two_last_units_are_where_the_points_are_put() -> None:
    one = session(model="cascaded", layers=[2])
    one.learn(3)
    told, (_, _, features) = unpacked(one.told())
    rows = one.setup.points.rows.astype(np.float64)
    hidden = told["layers"][0]
    assert features == pytest.approx(
        1 / (1 + np.exp(-(rows @ np.array(hidden["weight"]).T + hidden["bias"]))), abs=1e-6
    )
    assert len(unpacked(session(layers=[3]).told())[1]) == 2


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("decay", [0, 0.01])
def test_a_weight_moves_as_its_formula_says(optimizer: str, decay: float) -> None:
    one = session(optimizer=optimizer, decay=decay)
    for _ in range(3):
        record, _, _ = inside.of_step(one)
        move = inside.move(one, record, "hidden2.weight", (1, 2))
        assert float(one.network.hidden2.weight.detach()[1, 2]) == move["before"]
        one.learn(1)
        assert float(one.network.hidden2.weight.detach()[1, 2]) == move["after"]
        assert value(move["part"]) == pytest.approx(move["after"], abs=1e-6)
        assert value(move["part"]) == pytest.approx(move["computed"], abs=1e-12)
        assert abs(move["after"] - move["before"]) > 1e-5


def test_the_perceptron_follows_its_rule_and_ends() -> None:
    one = session(model="perceptron", data="blobs", rate=0.5, noise=0.2)
    weight, bias = np.zeros(2), 0.0
    steps = 0
    while not one.ended:
        rows, labels = one.next_batch()
        x, side = rows[0].numpy().astype(np.float64), 2 * int(labels[0]) - 1
        assert side * (weight @ x + bias) <= 1e-6, "it learns from mistakes only"
        weight, bias, steps = weight + 0.5 * side * x, bias + 0.5 * side, steps + 1
        one.learn(1)
        assert one.network.output.weight[0].tolist() == pytest.approx(weight, abs=1e-5)
        assert float(one.network.output.bias.detach()) == pytest.approx(bias, abs=1e-5)
    assert (one.ended, one.steps) == ("separated", steps)
    assert one.figures()["train"]["wrong"] == 0
    with pytest.raises(Exception, match="no next step"):
        inside.of_step(one)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_point_opens_in_the_glass_box(activation: str, classes: int) -> None:
    one = session(activation=activation, data="circles", classes=classes)
    one.learn(5)
    record, subject, layers = inside.of_point(one, (0.5, -0.25), 1)
    first = record.value(layers[0]["sum"]).tensor
    assert first is not None
    hidden = one.network.hidden1
    assert first[0].tolist() == pytest.approx((hidden.weight @ torch.tensor([0.5, -0.25]) + hidden.bias).tolist())
    assert [layer["name"] for layer in layers] == ["hidden1", "hidden2", "output"]
    bent = record.value(layers[1]["activation"])
    assert record.explain(bent, (0, 1)).residual == pytest.approx(0, abs=1e-6)
    assert bent.grad is not None
    assert record.value(subject.shares).shape == (1, 1 if classes == 2 else 3)


def test_steps_that_diverge_end_and_every_number_stays_finite() -> None:
    one = session(optimizer="sgd", activation="relu", rate=100, layers=[8] * 5)
    one.learn(200)
    assert one.ended == "diverged"
    told, _ = unpacked(one.told())
    assert all(np.isfinite(layer["weight"]).all() for layer in told["layers"])


def test_a_slice_more_or_less_leads_to_the_same_network() -> None:
    whole, parts = session(), session()
    whole.learn(20)
    for count in (1, 7, 12):
        parts.learn(count)
    assert whole.weights() == parts.weights()


# The race.


@pytest.mark.parametrize("name", SURFACES)
def test_slopes_and_minima_of_the_surfaces(name: str) -> None:
    surface = SURFACES[name]
    for x, y in np.random.default_rng(0).uniform(-3, 3, (50, 2)):
        assert surface.gradient(x, y) == pytest.approx(SLOPES[name](x, y), rel=1e-10, abs=1e-9)
    for x, y in surface.minima:
        assert surface.gradient(x, y) == pytest.approx([0, 0], abs=1e-3)
        around = [surface.height(x + dx, y + dy) for dx in (-0.05, 0.05) for dy in (-0.05, 0.05)]
        assert surface.height(x, y) < min(around)
    told, (heights,) = unpacked(surface.told(name))
    left, _, _, high = told["window"]
    assert heights[0, 0] == pytest.approx(surface.height(left, high), rel=1e-6)
    assert told["levels"] == sorted(told["levels"])


TORCH = {
    "sgd": lambda w, rate: torch.optim.SGD(w, rate),
    "momentum": lambda w, rate: torch.optim.SGD(w, rate, 0.9),
    "nesterov": lambda w, rate: torch.optim.SGD(w, rate, 0.9, nesterov=True),
    "adagrad": lambda w, rate: torch.optim.Adagrad(w, rate),
    "rmsprop": lambda w, rate: torch.optim.RMSprop(w, rate),
    "adam": lambda w, rate: torch.optim.Adam(w, rate),
}


def asked(name: str = "himmelblau", **changes: object) -> race.Race:
    racers = [{"optimizer": kind, "rate": 0.005} for kind in race.KINDS]
    start = list(SURFACES[name].start)
    return race.race_of(
        Asked({"surface": name, "start": start, "steps": 40, "momentum": 0.9, "racers": racers} | changes)
    )


def test_paths_are_those_of_another_implementation() -> None:
    run = asked()
    told, paths = unpacked(race.told(run))
    for racer, path in zip(told["racers"], paths, strict=True):
        w = torch.tensor(run.start, dtype=torch.float64, requires_grad=True)
        optimizer = TORCH[racer["optimizer"]]([w], racer["rate"])
        for x, y, height in path:
            assert [x, y] == pytest.approx(w.tolist(), abs=1e-10)
            f = (w[0] ** 2 + w[1] - 11) ** 2 + (w[0] + w[1] ** 2 - 7) ** 2
            assert height == pytest.approx(float(f), rel=1e-9)
            optimizer.zero_grad()
            f.backward()
            optimizer.step()


@pytest.mark.parametrize("racer", range(len(race.KINDS)))
def test_a_step_of_the_race_is_what_its_formulas_say(racer: int) -> None:
    for step in (1, 2, 30):
        told = race.explained(asked(), racer, step)
        f, *rest = [value(part) for part in told["parts"]]
        assert f == pytest.approx(SURFACES["himmelblau"].height(*told["before"]))
        assert rest[:2] == pytest.approx(told["gradient"], rel=1e-12)
        assert rest[2:] == pytest.approx(told["after"], abs=1e-12)


def test_a_race_that_diverges_says_so_and_ends() -> None:
    told, paths = unpacked(race.told(asked("rosenbrock", racers=[{"optimizer": "sgd", "rate": 0.5}])))
    assert told["racers"][0]["diverged"]
    assert len(paths[0]) == told["racers"][0]["steps"] + 1 < 40
    assert np.isfinite(paths[0]).all()


# A file.


def test_a_csv_is_read_and_scaled_where_it_is_wide() -> None:
    near = read_csv("x,y,colour\r\n0.5,-1,red\r\n\r\n1,2,blue\r\n")
    assert near == {"points": [[0.5, -1.0, 1], [1.0, 2.0, 0]], "names": ["blue", "red"], "scaled": None}
    wide = read_csv("\ufeff100;5;a\n300;5;b")
    assert wide["points"] == [[-1.0, 0.0, 0], [1.0, 0.0, 1]]
    assert wide["scaled"] == {"mean": [200.0, 5.0], "deviation": [100.0, 1.0]}
