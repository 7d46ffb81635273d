"""What a page, or somebody in its place, may send to the playground: one sentence, bounded work, and it lives on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from liuli.lab.guard import Guard
from liuli.lab.playground.points import MOST_POINTS
from liuli.lab.playground.session import MOST_SESSIONS, MOST_STEPS
from liuli.lab.server import laboratory
from tests.invariants.test_playground import SETUP
from tests.visitor import OWN, Visitor, run

RACE: dict[str, Any] = {
    "surface": "bowl",
    "start": [1, 1],
    "steps": 5,
    "momentum": 0.9,
    "racers": [{"optimizer": "adam", "rate": 0.1}],
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    monkeypatch.chdir(tmp_path)
    return laboratory("secret")


def post(lab: Guard, path: str, content: Any) -> httpx.Response:
    rest = {"json": content} if isinstance(content, dict | list) else {"content": content}
    return Visitor(lab).ask("POST", f"/api/playground/{path}", headers=OWN, **rest)


def refused(answer: httpx.Response, said: str) -> None:
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 classes"),
        ("0.5,1,a\n0.5,abc,b", "line 2: 'abc' is no number"),
        ("0.5,1,a\n0.5,nan,b", "line 2: 'nan'"),
        ("0.5,1,a\n1e300,1,b", "line 2: '1e300'"),
        ("x,y,c\n0.5,1,a\n0.5,1", "line 3: 2 columns"),
        ("0.5,1,a\n0.5,1,", "line 2: 3 columns"),
        ("0.5,1,a\n0.5,1,b,c", "line 2: 4 columns"),
        ("1,1,a\n1,2,a", "1 classes"),
        ("1,1,a\n1,2,b\n1,3,c\n1,4,d", "4 classes"),
        ("1,1,a\n" * (MOST_POINTS + 1), f"line {MOST_POINTS + 1:,}: the file holds more than"),
        (b"1,1,a\n1,1,\xff\xfe", "line 2: the file is no text"),
        ('1,1,"a\n', "no CSV"),
        (b"\x00\x01\x02" * 50, ""),
    ],
)
def test_a_file_that_is_no_table_of_points(lab: Guard, content: bytes | str, said: str) -> None:
    refused(post(lab, "points", content), said)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b"3", b"{" * 100_000, b"\xff"])
@pytest.mark.parametrize("path", ["networks", "races", "races/steps"])
def test_what_is_no_setup(lab: Guard, path: str, content: bytes) -> None:
    refused(post(lab, path, content), "expected")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": "nothing"}, "data: 'nothing' is not known"),
        ({"data": ["moons"]}, "is not known"),
        ({"count": 10**400}, "count"),
        ({"count": MOST_POINTS + 1}, "expected a number from 2 to 2,000"),
        ({"count": 2.5}, "whole number"),
        ({"noise": -1}, "noise"),
        ({"noise": "1"}, "noise"),
        ({"classes": True}, "classes"),
        ({"classes": 3}, "moons: 3 classes"),
        ({"seed": -1}, "seed"),
        ({"layers": [9]}, "units of a layer"),
        ({"layers": [4] * 6}, "5 at most"),
        ({"layers": "4,4"}, "a list"),
        ({"model": "cascaded", "layers": [2, 2]}, "expected one"),
        ({"model": "transformer"}, "model"),
        ({"activation": "step"}, "activation"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"rate": 0}, "rate"),
        ({"momentum": 1, "optimizer": "momentum"}, "momentum"),
        ({"batch": 0}, "batch"),
        ({"data": "own", "points": []}, "no points yet"),
        ({"data": "own", "points": [[1, 2]]}, "point 1"),
        ({"data": "own", "points": [[1, 2, 0], [1, 1e9, 1]]}, "point 2"),
        ({"data": "own", "points": [[1, 2, 2]]}, "class"),
        ({"data": "own", "points": [[1, 2, 0]] * (MOST_POINTS + 1)}, "2,000 at most"),
    ],
)
def test_a_setup_out_of_bounds(lab: Guard, changes: dict[str, Any], said: str) -> None:
    content = SETUP | changes
    if changes.get("count") == 10**400:
        refused(post(lab, "networks", str(content).replace("'", '"')), said)
    else:
        refused(post(lab, "networks", content), said)


def test_not_a_number_is_none(lab: Guard) -> None:
    for word in ("NaN", "Infinity"):
        text = f'{{"surface": "bowl", "start": [{word}, 1], "steps": 5, "momentum": 0.9, "racers": []}}'
        refused(post(lab, "races", text), "start")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"surface": "../bowl"}, "surface"),
        ({"start": [1]}, "two numbers"),
        ({"start": [1, 2, 3]}, "2 at most"),
        ({"start": [1, 1e9]}, "start"),
        ({"steps": 10_000}, "steps"),
        ({"racers": [1]}, "optimizer"),
        ({"racers": RACE["racers"] * 2}, "twice"),
        ({"racers": RACE["racers"] * 7}, "6 at most"),
    ],
)
def test_a_race_out_of_bounds(lab: Guard, changes: dict[str, Any], said: str) -> None:
    refused(post(lab, "races", RACE | changes), said)


@pytest.mark.parametrize(("racer", "step", "said"), [(1, 1, "no such racer"), (0, 6, "no such step"), (-1, 1, "racer")])
def test_a_step_that_was_not_taken(lab: Guard, racer: int, step: int, said: str) -> None:
    refused(post(lab, "races/steps", {**RACE, "racer": racer, "step": step}), said)


def test_questions_that_a_network_does_not_know(lab: Guard) -> None:
    name = post(lab, "networks", SETUP).json()["network"]
    refused(post(lab, "networks/none/steps", {"count": 1}), "put away")
    refused(post(lab, f"networks/{name}/steps", {"count": MOST_STEPS + 1}), "count")
    refused(post(lab, f"networks/{name}/records", {"x": 0, "y": "0", "class": 0}), "y")
    refused(post(lab, f"networks/{name}/records", {"x": 0, "y": 0, "class": 2}), "class")
    refused(post(lab, f"networks/{name}/moves", {"name": "hidden9.weight", "index": [0, 0]}), "name")
    refused(post(lab, f"networks/{name}/moves", {"name": "hidden1.weight", "index": [0]}), "2")
    refused(post(lab, f"networks/{name}/moves", {"name": "hidden1.weight", "index": [0, 2]}), "index")
    assert Visitor(lab).ask("GET", "/api/playground/surfaces/..%2fbowl").status_code in (404, 422)
    assert post(lab, f"networks/{name}/steps", {"count": 1}).status_code == 200


def test_networks_make_room_for_one_another(lab: Guard) -> None:
    async def several() -> list[httpx.Response]:
        visitor = Visitor(lab)
        path = "/api/playground/networks"
        made = [await visitor.asked("POST", path, json=SETUP, headers=OWN) for _ in range(MOST_SESSIONS + 1)]
        names = [one.json()["network"] for one in made]
        return [await visitor.asked("POST", f"{path}/{name}/steps", json={"count": 0}, headers=OWN) for name in names]

    first, *others = run(several())
    refused(first, "put away")
    assert {one.status_code for one in others} == {200}


def test_a_crowd_is_held_off(lab: Guard) -> None:
    async def crowd() -> set[int]:
        visitor = Visitor(lab)
        asked = (visitor.asked("POST", "/api/playground/races", json=RACE, headers=OWN) for _ in range(200))
        return {answer.status_code for answer in await asyncio.gather(*asked)}

    assert run(crowd()) == {200, 503}
    assert post(lab, "races", RACE).status_code == 200


def test_a_page_of_another_origin_begins_nothing(lab: Guard) -> None:
    answer = Visitor(lab).ask("POST", "/api/playground/networks", json=SETUP, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
