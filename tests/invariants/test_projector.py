"""The vectors of a run as points: whose they are, where they lie, what is near them; and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from liuli.catalog import find, listings
from liuli.data.store import load
from liuli.errors import UserError
from liuli.files import write_json
from liuli.lab import projector, stochastic
from liuli.lab.guard import Guard
from liuli.lab.replies import key_of
from liuli.lab.server import laboratory
from liuli.runs import RUNS, Run
from tests.small_run import small_run
from tests.visitor import OWN, Visitor, run

every_system = pytest.mark.parametrize("name", listings())


def drawn_run(folder: Path, name: str) -> Run:
    """A run of a system that learnt from made-up data."""
    facts = find(name).task.drawn_facts()
    made = small_run(folder, name, facts)
    write_json(made.learnt_file, dict(facts.learnt))
    return made


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    """A laboratory with a LeNet and with vectors of words."""
    monkeypatch.chdir(tmp_path)
    small_run(tmp_path / RUNS / "lenet")
    drawn_run(tmp_path / RUNS / "words", "word2vec")
    return laboratory("secret")


@every_system
def test_every_row_of_words_or_things_has_a_name(name: str) -> None:
    system = find(name)
    facts = system.task.drawn_facts()
    network = system.build(**system.task.options(facts))
    rows = system.task.rows(facts)
    tables = {path: one for path, one in network.named_modules() if isinstance(one, nn.Embedding)}
    for last in rows.keys() - {""}:
        (table,) = [one for path, one in tables.items() if path.rpartition(".")[2] == last]
        assert len(rows[last].names) == len(rows[last].inputs) == len(table.weight)
    unnamed = {path.rpartition(".")[2] for path in tables} - rows.keys()
    assert unnamed <= {"positions", "segments"}


def test_the_last_hidden_layer_is_what_the_scores_are_made_of(tmp_path: Path) -> None:
    made = small_run(tmp_path / "run")
    points = projector.cloud(*key_of(made), projector.HIDDEN)
    network, data = made.network(), load("digits")
    batch = made.system.task.tensors(data.test, made.facts)
    layer = cast("nn.Linear", network.get_submodule(points.layer))
    with torch.no_grad():
        scores = made.system.task.respond(network, batch)
        assert torch.allclose(layer(torch.from_numpy(points.vectors)), scores, atol=1e-5)
    assert points.whole == len(points.names) == len(data.test)
    assert points.labels.tolist() == data.test.targets.tolist()


@pytest.mark.parametrize("name", ["nin", "fcn"])
def test_of_what_the_last_convolution_reads_each_place_counts_alike(tmp_path: Path, name: str) -> None:
    system = find(name)
    made = drawn_run(tmp_path / "run", name)
    network = made.network()
    batch = system.task.draw(3)
    last = projector.last_layer(network, system.task, batch)
    read: list[torch.Tensor] = []
    network.get_submodule(last.path).register_forward_pre_hook(lambda _, given: read.append(given[0]))
    vectors = projector.collected(network, last.path, system.task, batch)
    maps = read[0].numpy().astype(np.float64)
    assert maps.shape[2:] == last.places
    assert np.allclose(vectors, maps.mean((2, 3)), atol=1e-5)
    assert {"key": "hidden", "kind": "hidden"} in projector.offered(made)


def test_a_point_of_the_test_part_is_asked_about_as_it_stands(tmp_path: Path) -> None:
    made = small_run(tmp_path / "run")
    points = projector.cloud(*key_of(made), projector.HIDDEN)
    batch = made.system.task.tensors(load("digits").test, made.facts)
    asked = projector.example(made, points, 5)
    assert torch.equal(asked.batch[0], batch[0][5:6])


def test_the_axes_are_those_of_the_singular_values(tmp_path: Path) -> None:
    made = drawn_run(tmp_path / "run", "word2vec")
    found = projector.axes(*key_of(made), "input")
    vectors = made.network().get_submodule("input").weight.detach().double().numpy()  # type: ignore[union-attr, operator]
    _, spread, directions = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    expected = (vectors - vectors.mean(0)) @ directions[:3].T
    signs = np.sign((expected * found.coordinates).sum(0))
    assert np.allclose(found.coordinates, expected * signs, atol=1e-6)
    assert np.allclose(found.shares, (spread**2 / (spread**2).sum())[:10])


def test_neighbours_are_the_nearest_and_a_vector_of_zeros_has_no_direction() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    vectors[3] = 0
    far = np.linalg.norm(vectors - vectors[9], axis=1)
    found = projector.neighbours(vectors, 9, "euclidean", 5)
    assert [one for one, _ in found] == np.argsort(far)[1:6].tolist()
    assert [value for _, value in found] == pytest.approx(np.sort(far)[1:6].tolist())
    cosines = dict(projector.neighbours(vectors, 9, "cosine", 49))
    assert cosines[3] == 0
    expected = vectors[4] @ vectors[9] / np.linalg.norm(vectors[4]) / np.linalg.norm(vectors[9])
    assert cosines[4] == pytest.approx(float(expected))
    assert max(cosines, key=lambda one: cosines[one]) == projector.neighbours(vectors, 9, "cosine", 1)[0][0]


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    made = drawn_run(tmp_path / "run", "word2vec")
    from safetensors.torch import load_file, save_file

    weights = load_file(made.weights_file)
    weights["input.weight"][3, 4] = float("nan")
    save_file(weights, made.weights_file)
    with pytest.raises(UserError, match="not finite"):
        projector.cloud(*key_of(made), "input")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lenet/clouds/none", "has no vectors 'none'"),
        ("none/clouds", "no run is called"),
        ("words/clouds/hidden", ""),
        ("words/clouds/input/neighbours?point=1000", "there are 1,000"),
        ("words/clouds/input/neighbours?point=-1", "there are 1,000"),
        ("words/clouds/input/neighbours?point=0&measure=manhattan", "cosine or euclidean"),
        ("words/clouds/input/neighbours?point=0&count=1000000", "1 to 100"),
        ("words/clouds/input/neighbours?point=many", ""),
        ("lenet/clouds/hidden/points/99999/picture", "none of that number"),
        ("words/clouds/input/tsne/4/events", "2 or 3 dimensions"),
        ("words/clouds/input/tsne/2", "has not been computed"),
    ],
)
def test_what_is_not_there_is_one_sentence(lab: Guard, path: str, said: str) -> None:
    answer = Visitor(lab).ask("GET", f"/api/runs/{path}")
    assert answer.status_code == 422
    assert said in answer.text
    assert "Traceback" not in answer.text


def test_a_path_is_no_key(lab: Guard) -> None:
    for path in ("..%2f..%2frun.json", "input%2f..", "%2e%2e"):
        assert Visitor(lab).ask("GET", f"/api/runs/words/clouds/{path}").status_code in (404, 422)


def test_a_page_asks_for_names_axes_picture_and_the_inside(lab: Guard) -> None:
    visitor = Visitor(lab)
    facts = visitor.ask("GET", "/api/runs/lenet/clouds/hidden").json()
    axes = np.frombuffer(visitor.ask("GET", "/api/runs/lenet/clouds/hidden/axes").content, "<f4")
    assert axes.shape == (3 * len(facts["names"]),)
    assert visitor.ask("GET", "/api/runs/lenet/clouds/hidden/points/3/picture").content[:4] == b"\x89PNG"
    assert visitor.ask("GET", "/api/runs/words/clouds/input/points/3/picture").status_code == 204
    assert visitor.ask("POST", "/api/runs/lenet/clouds/hidden/points/3/records").status_code == 403
    opened = visitor.ask("POST", "/api/runs/words/clouds/input/points/3/records", headers=OWN).json()
    assert opened["record"]


def test_tsne_tells_how_far_it_is_gives_the_map_and_ends_when_nobody_listens() -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 60)).astype(np.float32)

    async def heard() -> tuple[list[str], list[str], list[str], bool]:
        maps = stochastic.Maps()
        async with aclosing(cast("AsyncGenerator[str]", maps.events("left", vectors, 2))) as events:
            await anext(events)
            busy = [one async for one in maps.events("other", vectors, 2)]
        idle = not maps.busy
        told = [one async for one in maps.events("map", vectors, 3)]
        again = [one async for one in maps.events("map", vectors, 3)]
        assert maps.get("map").shape == (40, 3)
        assert np.isfinite(maps.get("map")).all()
        return busy, told, again, idle

    busy, told, again, idle = run(heard())
    assert ["already" in one for one in busy] == [True]
    assert idle
    steps = [json.loads(one.split("data: ")[1])["iteration"] for one in told if "progress" in one]
    assert steps == sorted(steps)
    assert len(steps) > 10
    assert told[-1].startswith("event: done")
    assert len(again) == 1


def test_a_map_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def heard() -> list[str]:
        maps = stochastic.Maps()
        told = [one async for one in maps.events("map", np.zeros((40, 3), np.float32), 2)]
        assert not maps.busy
        return told

    monkeypatch.setattr(stochastic, "MOST_SECONDS", -1.0)
    assert "more than -1 seconds" in run(heard())[-1]


def test_a_process_that_dies_is_said_and_the_next_one_runs() -> None:
    async def heard() -> str:
        maps = stochastic.Maps()
        told = [one async for one in maps.events("map", np.full((40, 3), np.nan, np.float32), 2)]
        assert not maps.busy
        return told[-1]

    assert "event: trouble" in run(heard())
