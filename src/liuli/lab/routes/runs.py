"""Runs: those at hand, one that is begun, followed, paused, gone on with."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from liuli.data.store import definition
from liuli.errors import UserError
from liuli.lab import learning
from liuli.lab.desk import Desk
from liuli.lab.replies import named, source_of, told_json
from liuli.lab.road import told
from liuli.runs import EXHIBITS, RUNS, at_hand, runs


def routes(desk: Desk) -> APIRouter:
    """What may be asked about runs."""
    router = APIRouter()

    @router.get("/api/runs")
    async def every_run() -> Response:
        return told_json(await desk.work(lambda: [{**told(run), "system": run.record["system"]} for run in at_hand()]))

    @router.post("/api/runs")
    async def begin(request: Request) -> Response:
        asked = wanted(await source_of(request))
        return told_json({"run": await desk.work(lambda: learning.begin(*asked))})

    @router.get("/api/runs/{name}")
    async def progress(name: str) -> Response:
        return told_json(await desk.work(lambda: learning.progress(named(name))))

    @router.get("/api/runs/{name}/events")
    async def events(name: str) -> Response:
        named_or_begun(name)
        return StreamingResponse(learning.followed(name), media_type="text/event-stream")

    @router.post("/api/runs/{name}/pause")
    async def pause(name: str) -> Response:
        await desk.work(lambda: learning.pause(named(name)))
        return told_json({})

    @router.post("/api/runs/{name}/resume")
    async def resume(name: str) -> Response:
        await desk.work(lambda: learning.go_on(named(name)))
        return told_json({})

    return router


def named_or_begun(name: str) -> None:
    """Raise UserError unless a run of this name is there, or is about to be."""
    if name not in {*(folder.name for folder in RUNS.glob("*")), *(run.name for run in runs(EXHIBITS))}:
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
