"""The laboratory's server: what the page in the browser may ask, and nothing else.

No route takes a path or an address: systems, runs and records go by their names. Structure is JSON; the elements of a
value come as bytes.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from torch import nn

from liuli.catalog import find, listings
from liuli.data.store import definition
from liuli.errors import LiuliError, UserError
from liuli.explaining.explain import bench
from liuli.files import Json
from liuli.lab import learning
from liuli.lab.desk import Busy, Desk
from liuli.lab.guard import Guard
from liuli.lab.instances import explained
from liuli.lab.limits import LARGEST_BODY, MOST_NUMBERS
from liuli.lab.manifest import manifest
from liuli.lab.packing import TYPES, array_of
from liuli.lab.road import road, told
from liuli.lab.subjects import of_run
from liuli.runs import RUNS, Run, runs
from liuli.summary import system_json
from liuli.tasks.task import Example
from liuli.tracing.parts import Value

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
DIRECTIONS = ("forward", "backward")


def laboratory(token: str) -> Guard:
    """The laboratory behind its guard.

    Args:
        token: whoever opens the address with it may come in.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    desk = Desk()

    @app.exception_handler(LiuliError)
    async def refused(_: Request, error: LiuliError) -> Response:
        status = 503 if isinstance(error, Busy) else 422 if isinstance(error, UserError) else 500
        return told_json({"error": str(error)}, status)

    @app.get("/")
    async def first_page() -> Response:
        return built("lab.html")

    @app.get("/assets/{name}")
    async def asset(name: str) -> Response:
        return built(f"assets/{name}") if name in assets() else Response(status_code=404)

    @app.get("/api/road")
    async def whole_road() -> Response:
        return told_json(await desk.work(road))

    @app.get("/api/systems/{name}")
    async def system(name: str) -> Response:
        return told_json(await desk.work(lambda: system_told(name)))

    @app.get("/api/runs")
    async def every_run() -> Response:
        return told_json(await desk.work(lambda: [{**told(run), "system": run.record["system"]} for run in runs()]))

    @app.post("/api/runs")
    async def begin(request: Request) -> Response:
        asked = wanted(await source_of(request))
        return told_json({"run": await desk.work(lambda: learning.begin(*asked))})

    @app.get("/api/runs/{name}")
    async def progress(name: str) -> Response:
        return told_json(await desk.work(lambda: learning.progress(named(name))))

    @app.get("/api/runs/{name}/events")
    async def events(name: str) -> Response:
        named_or_begun(name)
        return StreamingResponse(learning.followed(name), media_type="text/event-stream")

    @app.post("/api/runs/{name}/pause")
    async def pause(name: str) -> Response:
        await desk.work(lambda: learning.pause(named(name)))
        return told_json({})

    @app.post("/api/runs/{name}/resume")
    async def resume(name: str) -> Response:
        await desk.work(lambda: learning.go_on(named(name)))
        return told_json({})

    @app.post("/api/runs/{name}/answers")
    async def answers(name: str, request: Request) -> Response:
        given = await source_of(request)
        return told_json(await desk.work(lambda: answered(named(name), given)))

    @app.post("/api/runs/{name}/records")
    async def records(name: str, request: Request) -> Response:
        given = await source_of(request)
        made = await desk.work(lambda: of_run(named(name), read(named(name), given)))
        return told_json({"record": desk.put(*made), "answer": made[1].answer})

    @app.get("/api/records/{name}")
    async def record(name: str) -> Response:
        opened = desk.get(name)
        return told_json(await desk.work(lambda: manifest(opened.record, opened.subject, None)))

    @app.get("/api/records/{name}/numbers")
    async def numbers(name: str, address: str, gradient: bool = False, start: int = 0, count: int = -1) -> Response:
        value = value_of(desk, name, address)
        return elements(value, gradient, start, count)

    @app.get("/api/records/{name}/explanations")
    async def explanation(name: str, address: str, index: int, direction: str) -> Response:
        value = value_of(desk, name, address)
        size = 1
        for length in value.shape:
            size *= length
        if not 0 <= index < size or direction not in DIRECTIONS:
            raise UserError(f"{address}[{index}], {direction}: there is no such number; it has {size:,}")
        record = desk.get(name).record
        return told_json(await desk.work(lambda: explained(bench(record), address, index, direction)))

    return Guard(app, token)


def told_json(content: Json, status: int = 200) -> Response:
    """An answer in JSON."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    return Response(text, status, media_type="application/json")


@lru_cache
def assets() -> frozenset[str]:
    """The files of the front end beside its page."""
    folder = files("liuli.lab") / "static" / "assets"
    return frozenset(one.name for one in folder.iterdir()) if folder.is_dir() else frozenset()


def built(name: str) -> Response:
    """A file of the front end."""
    try:
        content = (files("liuli.lab") / "static" / name).read_bytes()
    except FileNotFoundError:
        return Response("the pages of liuli have not been built; install liuli again", 500)
    return Response(content, media_type=KINDS.get(Path(name).suffix, "application/octet-stream"))


def system_told(name: str) -> Json:
    """A system for a reader, what it reads, and its runs, the newest first."""
    system, listing = find(name), listings()[name]
    mine = [told(run) for run in reversed(runs()) if run.record["system"] == name]
    task = system.task
    return {
        **system_json(system, listing, system.recipe, {}),
        "kind": task.kind,
        "reads": {"text": task.reads_text, "endings": sorted(task.endings)},
        "runs": mine,
    }


def named(name: str) -> Run:
    """The run of that name.

    Raises:
        UserError: there is none.
    """
    found = next((run for run in runs() if run.name == name), None)
    if found is None:
        raise UserError(f"no run is called '{name}' here; train one with 'liuli train'")
    return found


def named_or_begun(name: str) -> None:
    """Raise UserError unless a run of this name is there, or is about to be."""
    if not any(one.name == name for one in RUNS.glob("*")):
        raise UserError(f"no run is called '{name}' here; train one with 'liuli train'")


def wanted(given: bytes | str) -> tuple[str, str | None, dict[str, str]]:
    """What is to be trained: a system, data by their name, settings.

    Raises:
        UserError: it is not of that form, or names data that have no name.
    """
    try:
        asked = json.loads(given)
        name, data, settings = asked["system"], asked.get("data"), dict(asked.get("settings", {}))
        texts = [name, *([] if data is None else [data]), *settings, *settings.values()]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError('expected JSON such as {"system": "lenet", "settings": {"epochs": "3"}}') from error
    if not all(isinstance(text, str) for text in texts):
        raise UserError("expected texts for the system, the data and every setting")
    if data is not None:
        definition(data)
    return name, data, settings


async def source_of(request: Request) -> bytes | str:
    """What was sent: words, or the bytes of a file.

    Raises:
        UserError: they are too many, which is found out while they arrive, or no text where they should be.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise UserError(f"more than {LARGEST_BODY:,} bytes were sent; send a smaller file")
        parts.append(part)
    body = b"".join(parts)
    if request.headers.get("content-type", "").startswith("text/plain"):
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise UserError(f"the words are no UTF-8 (byte {error.start:,}); send text") from error
    return body


def read(run: Run, given: bytes | str) -> Example:
    """What was sent, in the network's form.

    Raises:
        UserError: it is nothing of the task's kind.
    """
    task = run.system.task
    if isinstance(given, str) and not task.reads_text:
        raise UserError(f"{run.system.name}: reads {task.kind} files, no words; send one")
    if not given:
        raise UserError(f"{run.system.name}: nothing was sent, expected an input of kind {task.kind}")
    return task.read_all(given, run.facts, given if isinstance(given, str) else "input")[0]


def answered(run: Run, given: bytes | str) -> Json:
    """The answer to an input, and pictures of what the network was given and of the answer."""
    task, facts = run.system.task, run.facts
    example = read(run, given)
    with torch.inference_mode():
        output = task.respond(network_of(run.folder, run.weights_file.stat().st_mtime_ns), example.batch)[0]
    with tempfile.TemporaryDirectory(prefix="liuli-lab-") as folder:
        drawn: Mapping[str, Path | None] = {
            "seen": task.save_input(example, Path(folder) / "seen.png"),
            "picture": task.save_answer(example, output, facts, Path(folder) / "picture.png"),
        }
        pictures = {key: as_address(file) for key, file in drawn.items() if file is not None}
    return {**task.answer(output, facts), "read": example.spelled, "remark": example.remark, **pictures}


@lru_cache(maxsize=4)
def network_of(folder: Path, changed: int) -> nn.Module:
    """The network of a run, kept while its weights (last `changed`) are the same."""
    return Run.open(folder).network()


def as_address(picture: Path) -> str:
    """A picture as the address of itself."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def value_of(desk: Desk, name: str, address: str) -> Value:
    """A value of an open record.

    Raises:
        UserError: there is none at that address.
    """
    try:
        return desk.get(name).record.value(address)
    except KeyError as error:
        raise UserError(f"{address[:60]}: the record has no such value") from error


def elements(value: Value, gradient: bool, start: int, count: int) -> Response:
    """Elements of a value, or of its gradient, as they lie in memory, little end first; no content where it is absent.

    Raises:
        UserError: there are no such elements, or too many of them.
    """
    tensor: Any = value.grad if gradient else value.tensor
    if tensor is None:
        return Response(status_code=204)
    end = tensor.numel() if count < 0 else start + count
    if not 0 <= start <= end <= tensor.numel() or end - start > MOST_NUMBERS:
        raise UserError(f"elements {start:,} to {end:,}: expected some of {tensor.numel():,}, {MOST_NUMBERS:,} at most")
    array = array_of(tensor.reshape(-1)[start:end])
    content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return Response(content, media_type="application/octet-stream", headers={"liuli-type": TYPES[array.dtype.name]})
