"""What if, asked of the laboratory's server: numbers that are set, what changed, and what cannot be set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from liuli.errors import UserError
from liuli.lab.guard import Guard
from liuli.lab.limits import MOST_EDITS
from liuli.lab.manifest import Subject
from liuli.lab.subjects import of_module
from liuli.lab.whatif import edit, whatif
from liuli.runs import Run
from liuli.tracing import Record
from tests.small_run import seven
from tests.visitor import OWN, Visitor, lives, run

Json = Any


async def opened(visitor: Visitor, folder: Path) -> str:
    """The address of a record of LeNet about a seven."""
    drawn = seven(folder / "seven.png").read_bytes()
    await visitor.asked(
        "POST", "/api/runs/lenet/answers", content=drawn, headers=OWN
    )  # as the page does while one draws
    made = await visitor.asked("POST", "/api/runs/lenet/records", content=drawn, headers=OWN)
    return f"/api/records/{made.json()['record']}"


async def numbers(visitor: Visitor, place: str, address: str, **more: object) -> NDArray[Any]:
    answer = await visitor.asked("GET", f"{place}/numbers", params={"address": address, **more})
    return np.frombuffer(answer.content, {"f4": "<f4", "f8": "<f8"}[answer.headers["liuli-type"]])


async def edited(visitor: Visitor, place: str, *edits: tuple[str, int, float]) -> httpx.Response:
    content = json.dumps({"edits": [{"address": a, "index": i, "number": n} for a, i, n in edits]})
    return await visitor.asked("POST", f"{place}/edits", content=content, headers=OWN)


def test_a_weight_is_set_and_what_follows_is_what_that_network_gives(lab: Guard, tmp_path: Path) -> None:
    async def asked() -> tuple[Json, Json, list[NDArray[Any]], NDArray[Any]]:
        visitor = Visitor(lab)
        place = await opened(visitor, tmp_path)
        manifest = (await visitor.asked("GET", place)).json()
        told = (await edited(visitor, place, ("c1.weight", 3, 1.5), ("output.bias", 2, -4.0))).json()
        other = f"/api/records/{told['record']}"
        scores = manifest["outputs"][0]
        arrays = [await numbers(visitor, one, scores) for one in (place, other)]
        arrays.append(await numbers(visitor, other, "c1.weight", gradient=True))
        answer = await visitor.asked("GET", f"{other}/differences", params={"address": scores})
        given = await numbers(visitor, place, manifest["inputs"][0])
        return manifest, told, [*arrays, np.frombuffer(answer.content, "<f8")], given

    manifest, told, (before, after, slope, difference), given = run(asked())
    network = Run.open("lenet").network()
    pixels = torch.from_numpy(given.copy()).view(1, 1, 32, 32)
    assert np.array_equal(network(pixels)[0].detach().numpy(), before)
    with torch.no_grad():
        network.c1.weight.view(-1)[3] = 1.5  # type: ignore[union-attr, operator]
        network.output.bias[2] = -4.0  # type: ignore[union-attr, operator, index]
    scores = network(pixels)
    assert np.array_equal(scores[0].detach().numpy(), after)
    assert np.array_equal(difference, after.astype(np.float64) - before.astype(np.float64))
    loss = torch.nn.functional.cross_entropy(scores, scores.argmax(1))
    (truth,) = torch.autograd.grad(loss, [network.c1.weight])  # type: ignore[list-item]
    assert np.allclose(truth.reshape(-1).numpy(), slope, rtol=1e-4, atol=1e-8)

    assert [(one["address"], one["number"]) for one in told["edits"]] == [("c1.weight", 1.5), ("output.bias", -4.0)]
    assert told["edits"][0]["was"] == float(Run.open("lenet").network().c1.weight.view(-1)[3])  # type: ignore[union-attr, operator]
    assert told["answers"]["after"] == str(int(scores.argmax()))
    shares = {one["label"]: one for one in told["answers"]["shares"]}
    soft = torch.softmax(scores[0].double(), 0)
    assert all(one["after"] == pytest.approx(float(soft[int(label)]), rel=1e-5) for label, one in shares.items())
    assert told["parted"] is None
    listed = {one["address"]: one["relative"] for one in told["changed"]}
    apart = np.linalg.norm(difference) / max(np.linalg.norm(one.astype(np.float64)) for one in (before, after))
    assert listed[manifest["outputs"][0]] == pytest.approx(apart, rel=1e-9)
    assert list(listed.values()) == sorted(listed.values(), reverse=True)
    assert not {"c1.weight", "output.bias"} & set(listed)


def test_what_stands_on_the_way_is_set_and_says_so(lab: Guard, tmp_path: Path) -> None:
    async def asked() -> tuple[Json, ...]:
        visitor = Visitor(lab)
        place = await opened(visitor, tmp_path)
        told = (await edited(visitor, place, ("%0", 5, 2.0))).json()
        other = f"/api/records/{told['record']}"
        questions = [("%0", 5, "forward"), ("%0", 6, "forward"), ("%0.was", 5, "forward"), ("%0.was", 5, "backward")]
        found = [
            await visitor.asked("GET", f"{other}/explanations", params={"address": a, "index": i, "direction": d})
            for a, i, d in questions
        ]
        again = await edited(visitor, place, ("input[0]", 500, 0.0))
        closed = await visitor.asked("GET", other)
        twice = await edited(visitor, f"/api/records/{again.json()['record']}", ("%0", 5, 1.0))
        return told, *(one.json() for one in (*found, closed, twice))

    told, set_, beside, before, behind, closed, twice = run(asked())
    assert set_ == {"captured": 2, "parts": []}
    assert len(beside["parts"]) == 1
    assert "formula" in beside["parts"][0]
    assert before["captured"] == told["edits"][0]["was"]
    assert behind["captured"] == 0  # what was replaced has no part in the loss any more
    assert "closed" in closed["error"]  # the record with other numbers set has taken its place
    assert "set already" in twice["error"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected JSON"),
        (b"[]", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b'{"edits": 3}', "expected JSON"),
        (b'{"edits": [{}]}', "expected JSON"),
        (b'{"edits": []}', "0 numbers"),
        (b'{"edits": [{"address": "%0", "index": 0, "number": "2"}]}', "expected an address"),
        (b'{"edits": [{"address": "%0", "index": 0.5, "number": 2}]}', "expected an address"),
        (b'{"edits": [{"address": "%0", "index": true, "number": 2}]}', "expected an address"),
        (b'{"edits": [{"address": ["%0"], "index": 0, "number": 2}]}', "expected an address"),
        (b'{"edits": [{"address": "%0", "index": 0, "number": NaN}]}', "no finite number"),
        (b'{"edits": [{"address": "%0", "index": 0, "number": -Infinity}]}', "no finite number"),
        (b'{"edits": [{"address": "%0", "index": 0, "number": 1e39}]}', "outside of what float32 holds"),
        (b'{"edits": [{"address": "%0", "index": 0, "number": 1' + b"0" * 400 + b"}]}", "no finite number"),
        (b'{"edits": [{"address": "%0", "index": -1, "number": 2}]}', "no such number"),
        (b'{"edits": [{"address": "%0", "index": 4704, "number": 2}]}', "no such number"),
        (b'{"edits": [{"address": "%999", "index": 0, "number": 2}]}', "no value of this record"),
        (b'{"edits": [{"address": "../../etc/passwd", "index": 0, "number": 2}]}', "no value of this record"),
    ],
)
def test_what_cannot_be_set_is_one_sentence(lab: Guard, tmp_path: Path, content: bytes, said: str) -> None:
    async def asked() -> httpx.Response:
        visitor = Visitor(lab)
        place = await opened(visitor, tmp_path)
        return await visitor.asked("POST", f"{place}/edits", content=content, headers=OWN)

    answer = run(asked())
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert "Traceback" not in answer.text


def test_there_is_an_end_to_it(lab: Guard, tmp_path: Path) -> None:
    async def asked() -> list[httpx.Response]:
        visitor = Visitor(lab)
        place = await opened(visitor, tmp_path)
        answers = [await edited(visitor, place, *(("%0", i, 1.0) for i in range(MOST_EDITS + 1)))]
        answers.append(await edited(visitor, "/api/records/none", ("%0", 0, 1.0)))
        answers.append(await visitor.asked("GET", f"{place}/differences", params={"address": "%0"}))
        answers.append(await visitor.asked("POST", f"{place}/edits", content=b"{}"))
        most = await edited(visitor, place, *(("%0", i, 1.0) for i in range(MOST_EDITS)))
        assert most.status_code == 200
        return answers

    many, closed, alone, foreign = run(asked())
    assert (many.status_code, closed.status_code, alone.status_code, foreign.status_code) == (422, 422, 422, 403)
    assert f"1 to {MOST_EDITS}" in many.json()["error"]
    assert "closed" in closed.json()["error"]
    assert "nothing to compare" in alone.json()["error"]
    assert lives(lab)


def words() -> tuple[Record, Subject]:
    torch.manual_seed(0)
    reader = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    return of_module(reader, torch.tensor([[1, 5, 8]]))


def test_a_word_is_exchanged() -> None:
    record, subject = words()
    other, said = whatif(record, subject, [edit(record, "input[0]", 1, 3)])
    network = subject.scene.beginning.module  # type: ignore[union-attr]
    assert torch.equal(other.outputs[0].tensor, network(torch.tensor([[1, 3, 8]])))
    assert said.title == subject.title


@pytest.mark.parametrize(
    ("number", "said"), [(9, "with these numbers the network fails: index out of range"), (2.5, "whole numbers")]
)
def test_a_word_that_there_is_not(number: float, said: str) -> None:
    record, subject = words()
    with pytest.raises(UserError, match=said):
        whatif(record, subject, [edit(record, "input[0]", 1, number)])
    assert torch.equal(subject.scene.beginning.trace().outputs[0].tensor, record.outputs[0].tensor)  # type: ignore[union-attr]


def test_what_has_no_numbers_to_set() -> None:
    torch.manual_seed(0)
    record, subject = of_module(nn.Sequential(nn.Linear(4, 4), nn.Dropout()).train(), torch.ones(1, 4))
    (drawn,) = (value for value in record.values() if value.origin == "draw")
    with pytest.raises(UserError, match="cannot be set"):
        edit(record, drawn.address, 0, 1.0)
    with pytest.raises(UserError, match="not at hand any more"):
        whatif(record, replace(subject, scene=None), [edit(record, "%0", 0, 1.0)])
