"""Judging in the laboratory, asked wrongly or too much: one sentence, or held; nothing is fetched from elsewhere."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from liuli.data.store import load
from liuli.lab import judging
from liuli.lab.desk import Desk
from liuli.lab.guard import Guard
from liuli.lab.judging import Bench
from liuli.runs import RUNS
from tests.small_run import small_run
from tests.visitor import OWN, Visitor, lives, run


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "none/judging", "no run is called 'none'"),
        ("GET", "none/judging/events", "no run is called 'none'"),
        ("GET", "none/judging/examples", "no run is called 'none'"),
        ("GET", "lenet/judging/examples", "judge it first"),
        ("GET", "lenet/judging/figures", "judge it first"),
        ("GET", "lenet/judging/figures/0", "judge it first"),
        ("POST", "none/parts/test/0/answers", "no run is called 'none'"),
        ("POST", "lenet/parts/train/0/answers", "only examples of the test part"),
        ("POST", "lenet/parts/train/0/records", "only examples of the test part"),
        ("POST", "lenet/parts/test/359/records", "no example 359"),
        ("POST", "lenet/parts/test/99999999999999999999999/answers", "no example"),
        ("POST", "lenet/parts/test/-1/answers", "no example -1"),
    ],
)
def test_what_is_not_there_is_one_sentence(lab: Guard, method: str, path: str, said: str) -> None:
    answer = Visitor(lab).ask(method, f"/api/runs/{path}", headers=OWN)
    assert answer.status_code == 422
    assert said in answer.json()["error"]


@pytest.mark.parametrize("path", ["parts/test/x/answers", "parts/test/1.5/records", "judging/examples?true=x"])
def test_what_is_no_number_is_refused(lab: Guard, path: str) -> None:
    method = "GET" if "examples" in path else "POST"
    answer = Visitor(lab).ask(method, f"/api/runs/lenet/{path}", headers=OWN)
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["parts/..%2fetc/0/answers", "parts/test%2f0/1/answers", "parts/%2e%2e/0/records"])
def test_a_part_is_never_a_path(lab: Guard, path: str) -> None:
    answer = Visitor(lab).ask("POST", f"/api/runs/lenet/{path}", headers=OWN)
    assert answer.status_code in (404, 405, 422)


@pytest.mark.parametrize(
    "question", ["count=0", "count=49", "start=-1", "true=10", "answer=-1", "count=100000000", "owner=1"]
)
def test_a_gallery_is_bounded(lab: Guard, question: str) -> None:
    async def both() -> httpx.Response:
        visitor = Visitor(lab)
        await visitor.asked("GET", "/api/runs/lenet/judging/events")
        return await visitor.asked("GET", f"/api/runs/lenet/judging/examples?{question}")

    answer = run(both())
    assert answer.status_code == 422
    assert ("nobody's" if "owner" in question else "expected") in answer.json()["error"]


def test_data_that_are_not_here_are_said_in_one_sentence_and_not_fetched(
    lab: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "empty"))
    monkeypatch.delenv("LIULI_DATA", raising=False)
    facts = replace(load("digits").facts, name="mnist")
    made = small_run(tmp_path / RUNS / "away", facts=facts)
    (made.folder / "result.json").write_text(json.dumps({"metrics": {"accuracy": 0.5}}))
    before = Visitor(lab).ask("GET", "/api/runs/away/judging").json()
    assert before["here"] is False
    assert before["metrics"] == {"accuracy": 0.5}
    asked = ("POST", "parts/test/0/answers"), ("POST", "parts/test/0/records"), ("GET", "clouds/hidden")
    for method, path in (("GET", "judging/events"), *asked):
        answer = Visitor(lab).ask(method, f"/api/runs/away/{path}", headers=OWN)
        assert answer.status_code == 422
        assert answer.json()["error"] == "mnist: the data set is not on this machine; run 'liuli data fetch mnist'"
    assert not (tmp_path / "empty" / "mnist").exists()


def test_a_run_without_weights_is_one_sentence(lab: Guard, tmp_path: Path) -> None:
    (tmp_path / RUNS / "lenet" / "model.safetensors").unlink()
    answer = Visitor(lab).ask("GET", "/api/runs/lenet/judging/events")
    assert answer.status_code == 422
    assert "no weights yet" in answer.json()["error"]


def test_damaged_weights_end_judging_with_a_sentence(lab: Guard, tmp_path: Path) -> None:
    (tmp_path / RUNS / "lenet" / "model.safetensors").write_bytes(b"nonsense")
    answer = Visitor(lab).ask("GET", "/api/runs/lenet/judging/events")
    last = answer.text.strip().split("\n\n")[-1]
    assert last.startswith("event: refused")
    assert "damaged" in last


def test_a_thousand_who_ask_at_once_share_one_judgement(lab: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    whole = judging.Judgement.__init__

    def counted(self: judging.Judgement, *args: object) -> None:
        made.append(self)
        whole(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(judging.Judgement, "__init__", counted)

    async def crowd() -> set[str]:
        visitor = Visitor(lab)
        asked = (visitor.asked("GET", "/api/runs/lenet/judging/events") for _ in range(1000))
        return {answer.text.strip().split("\n\n")[-1] for answer in await asyncio.gather(*asked)}

    (said,) = run(crowd())
    assert said.startswith("event: judged")
    assert len(made) == 1
    assert lives(lab)


def test_a_thousand_examples_at_once_are_held_off(lab: Guard) -> None:
    async def crowd() -> set[int]:
        visitor = Visitor(lab)
        asked = (visitor.asked("POST", "/api/runs/lenet/parts/test/1/answers", headers=OWN) for _ in range(1000))
        return {answer.status_code for answer in await asyncio.gather(*asked)}

    assert run(crowd()) == {200, 503}
    assert lives(lab)


def test_work_that_nobody_follows_any_more_ends(lab: Guard) -> None:
    async def left() -> None:
        bench = Bench(Desk())
        work = bench.begin("lenet")
        assert work is not None
        assert work.task is not None
        following = bench.followed("lenet", work)
        assert (await anext(following)).startswith("event: progress")
        await following.aclose()  # type: ignore[attr-defined]
        await asyncio.wait([work.task])
        assert work.task.cancelled()
        assert not bench.at_work
        assert not bench.kept
        again = [one async for one in bench.followed("lenet", bench.begin("lenet"))]
        assert again[-1].startswith("event: judged")

    run(left())


def test_only_a_few_runs_are_judged_at_the_same_time(lab: Guard, tmp_path: Path) -> None:
    for number in range(judging.MOST_AT_WORK + 1):
        small_run(tmp_path / RUNS / f"lenet-{number}")

    async def crowd() -> list[int]:
        visitor = Visitor(lab)
        asked = (
            visitor.asked("GET", f"/api/runs/lenet-{number}/judging/events")
            for number in range(judging.MOST_AT_WORK + 1)
        )
        return sorted(answer.status_code for answer in await asyncio.gather(*asked))

    assert run(crowd()) == [200] * judging.MOST_AT_WORK + [503]
