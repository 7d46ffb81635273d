"""Training asked for from the laboratory: the same run as the command line's; followed, paused, resumed, stopped."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from liuli.lab import learning
from liuli.lab.following import followed
from liuli.lab.guard import Guard
from liuli.lab.server import laboratory
from liuli.runs import RUNS, Run
from tests.small_run import small_run
from tests.training_child import trace
from tests.visitor import OWN, Visitor, run

LONG = {"epochs": "4000", "batch_size": "50", "patience": "none"}  # it ends when it is told to


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    monkeypatch.chdir(tmp_path)
    yield laboratory("secret")
    for child in learning.children:
        if child.poll() is None:
            child.kill()
        child.wait()
    learning.children.clear()


def posted(lab: Guard, path: str, body: object = None) -> Any:
    answer = Visitor(lab).ask("POST", path, content=json.dumps(body), headers=OWN)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(lab: Guard, path: str) -> Any:
    answer = Visitor(lab).ask("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def events(name: str, until: Callable[[str, Any], bool] = lambda kind, told: False) -> list[tuple[str, Any]]:
    """What the followers of a run are told, to its end or up to the event that `until` holds of."""

    async def listen() -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        async for text in followed(name):
            kind, data = text.removeprefix("event: ").split("\ndata: ")
            found.append((kind, json.loads(data)))
            if until(*found[-1]):
                break
        return found

    return run(listen())


def states(found: list[tuple[str, Any]]) -> list[str]:
    return [told["state"] for kind, told in found if kind == "state"]


def test_it_is_the_run_that_the_command_line_makes(lab: Guard, tmp_path: Path) -> None:
    wanted = {"system": "mlp", "data": "digits", "settings": {"epochs": "2", "lr": "0.01"}}
    command = posted(lab, "/api/commands", wanted)["command"]
    assert command == "liuli train mlp --data digits --set epochs=2 --set lr=0.01"
    name = posted(lab, "/api/runs", wanted)["run"]
    assert states(events(name)) == ["running", "finished"]
    typed = [sys.executable, "-m", *shlex.split(command), "--out", "typed"]
    subprocess.run(typed, check=True, capture_output=True, cwd=tmp_path)
    assert trace(RUNS / name) == trace(tmp_path / "typed")


def test_paused_and_gone_on_with_it_is_followed_to_the_end(lab: Guard) -> None:
    name = posted(lab, "/api/runs", {"system": "mlp", "data": "digits", "settings": LONG})["run"]
    events(name, lambda kind, told: kind == "epoch")
    events(name, lambda kind, told: kind == "progress" and told["step"] > 0)
    told = asked(lab, f"/api/runs/{name}")["progress"]
    assert told["left"] == pytest.approx(told["seconds"] / max(1, told["step"]) * (told["steps"] - told["step"]))
    posted(lab, f"/api/runs/{name}/pause")
    assert states(events(name)) in (["running", "paused"], ["paused"])
    assert asked(lab, f"/api/runs/{name}")["progress"]["left"] is None
    before = len(Run.open(RUNS / name).history())
    posted(lab, f"/api/runs/{name}/resume")
    # its process has not begun yet, and the state in the folder is still "paused": that is not its end
    more = events(name, lambda kind, told: kind == "epoch" and told["epoch"] > before)
    assert states(more) == ["running"]
    assert [told["epoch"] for kind, told in more if kind == "epoch"] == [*range(1, before + 2)]
    posted(lab, f"/api/runs/{name}/stop")
    assert states(events(name)) in (["running", "finished"], ["finished"])
    ended = Run.open(RUNS / name)
    assert ended.result is not None
    assert ended.result["stopped"] is True
    assert ended.result["epochs"] == len(ended.history()) > before
    assert ended.result["metrics"]["accuracy"] > 0
    assert not ended.stop_file.exists()
    for bid in ("pause", "resume", "stop"):
        assert Visitor(lab).ask("POST", f"/api/runs/{name}/{bid}", headers=OWN).status_code == 422


def test_paused_as_soon_as_it_runs_it_can_be_gone_on_with(lab: Guard) -> None:
    name = posted(lab, "/api/runs", {"system": "mlp", "data": "digits", "settings": LONG})["run"]
    events(name, lambda kind, told: kind == "state")  # mostly it has not made a step by then
    posted(lab, f"/api/runs/{name}/pause")
    assert states(events(name))[-1] == "paused"
    posted(lab, f"/api/runs/{name}/resume")
    assert states(events(name, lambda kind, told: kind == "epoch")) == ["running"]


@contextmanager
def served(folder: Path) -> Iterator[httpx.Client]:
    """A browser that has entered a laboratory of its own process, which ends with the block."""
    command = [sys.executable, "-m", "liuli", "lab", "--no-open"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = httpx.URL(server.stdout.readline().strip())
            home = f"{address.scheme}://{address.netloc.decode()}"
            transport = httpx.HTTPTransport(retries=10)  # it says its address before it listens
            with httpx.Client(transport=transport, base_url=home, headers={"origin": home}, timeout=60) as client:
                assert client.get(address).status_code == 303
                yield client
        finally:
            server.send_signal(signal.SIGINT)


def test_it_outlives_page_and_laboratory(lab: Guard, tmp_path: Path) -> None:
    with served(tmp_path) as client:
        body = json.dumps({"system": "mlp", "data": "digits", "settings": LONG})
        name = client.post("/api/runs", content=body).json()["run"]
        with client.stream("GET", f"/api/runs/{name}/events") as stream:
            next(line for line in stream.iter_lines() if line.startswith("event: epoch"))
    before = len(Run.open(RUNS / name).history())
    events(name, lambda kind, told: kind == "epoch" and told["epoch"] > before)
    posted(lab, f"/api/runs/{name}/pause")
    assert states(events(name))[-1] == "paused"


def test_a_run_that_cannot_go_on_says_why(lab: Guard) -> None:
    small_run(RUNS / "mlp", "mlp").update(state="paused", liuli="0.0.1")
    posted(lab, "/api/runs/mlp/resume")
    found = events("mlp")
    assert states(found) == ["paused"]
    assert found[-1][0] == "trouble"
    assert "was begun by liuli 0.0.1" in found[-1][1]["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"system": 3}',
        b'{"system": "none"}',
        b'{"system": "mlp", "data": "/etc/passwd"}',
        b'{"system": "mlp", "settings": {"epochs": "0"}}',
        b'{"system": "mlp", "settings": {"epochs": 3}}',
        b'{"system": "mlp", "settings": {"out": "/tmp/x"}}',
        b'{"system": "bert-classifier", "settings": {"pretrained": "/tmp/x"}}',
    ],
)
@pytest.mark.parametrize("path", ["/api/runs", "/api/commands"])
def test_a_malformed_wish_is_one_sentence_and_begins_nothing(lab: Guard, path: str, body: bytes) -> None:
    answer = Visitor(lab).ask("POST", path, content=body, headers=OWN)
    assert answer.status_code == 422
    assert "Traceback" not in answer.text
    assert not RUNS.exists()


@pytest.mark.parametrize(
    "question",
    [
        "runs/none/distributions",
        "runs/none/examples",
        "runs/lenet/distributions?start=-1",
        "runs/lenet/examples?start=x",
        "runs/lenet/pictures/samples/1",
        "runs/lenet/pictures/..curves/1",
        "runs/lenet/pictures/samples/-1",
        "runs/none/pictures/samples/1",
        "comparison",
        "comparison?run=lenet",
        "comparison?run=lenet&run=lenet",
        "comparison?run=lenet&run=none",
        "comparison?" + "&".join(f"run={number}" for number in range(9)),
        "comparison?run=lenet&run=..%2Flenet",
    ],
)
def test_a_malformed_question_is_refused(lab: Guard, question: str) -> None:
    small_run(RUNS / "lenet")
    answer = Visitor(lab).ask("GET", f"/api/{question}")
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_what_was_seen_comes_from_where_one_has_it(lab: Guard) -> None:
    made = small_run(RUNS / "lenet")
    rows = [{"step": step, "epoch": step / 2, "weights": {"w": [0.0] * 8}, "gradients": {}} for step in range(3)]
    torn = "".join(json.dumps(row) + "\n" for row in rows) + '{"step": 3, "ep'  # as a process killed leaves it
    made.distributions_file.write_text(torn)
    assert asked(lab, "/api/runs/lenet/distributions")["moments"] == rows
    assert asked(lab, "/api/runs/lenet/distributions?start=2")["moments"] == rows[2:]
    assert asked(lab, "/api/runs/lenet/examples") == {
        "examples": [],
        "answers": [],
        "pictures": {},
        "ours": ["answer", "given", "read"],
    }


def test_pictures_that_were_kept_are_had_by_name_and_epoch(lab: Guard) -> None:
    made = small_run(RUNS / "lenet")
    folder = made.figures_folder / "epochs"
    folder.mkdir(parents=True)
    for name in ("samples-0002", "samples-0010", "plane-0002", "other"):
        (folder / f"{name}.png").write_bytes(name.encode())
    assert asked(lab, "/api/runs/lenet/examples")["pictures"] == {"plane": [2], "samples": [2, 10]}
    answer = Visitor(lab).ask("GET", "/api/runs/lenet/pictures/samples/10")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", b"samples-0010")


def test_runs_are_compared(lab: Guard) -> None:
    first = small_run(RUNS / "lenet")
    shutil.copytree(RUNS / "lenet", RUNS / "lenet-2")
    second = Run.open(RUNS / "lenet-2")
    second.update(recipe=first.record["recipe"] | {"lr": 0.5})
    for one, loss in ((first, 0.3), (second, 0.2)):
        row = {"epoch": 1, "step": 9, "train_loss": loss, "validation_loss": loss + 1, "seconds": 2.0}
        one.metrics_file.write_text(json.dumps(row) + "\n")
    found = asked(lab, "/api/comparison?run=lenet&run=lenet-2")
    assert found["runs"] == ["lenet", "lenet-2"]
    assert found["different"] == {"lr": [first.record["recipe"]["lr"], 0.5]}
    assert found["figures"]["train loss"] == [0.3, 0.2]
