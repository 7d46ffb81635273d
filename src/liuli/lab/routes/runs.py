"""Runs: those at hand, several compared, one that is begun, followed, paused, gone on with, stopped."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from liuli import comparison
from liuli.data.store import definition
from liuli.errors import UserError
from liuli.files import Json
from liuli.lab import following, learning
from liuli.lab.desk import Desk
from liuli.lab.limits import MOST_COMPARED
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

    @router.post("/api/commands")
    async def command(request: Request) -> Response:
        asked = wanted(await source_of(request))
        return told_json({"command": await desk.work(lambda: learning.spelled(learning.command(*asked)))})

    @router.get("/api/comparison")
    async def compare(run: Annotated[list[str], Query()]) -> Response:
        return told_json(await desk.work(lambda: compared(run)))

    @router.get("/api/runs/{name}")
    async def facts(name: str) -> Response:
        return told_json(await desk.work(lambda: following.facts(named(name))))

    @router.get("/api/runs/{name}/distributions")
    async def distributions(name: str, start: int = 0) -> Response:
        return told_json(await desk.work(lambda: following.distributions(named(name), start)))

    @router.get("/api/runs/{name}/examples")
    async def examples(name: str, start: int = 0) -> Response:
        return told_json(await desk.work(lambda: following.examples(named(name), start)))

    @router.get("/api/runs/{name}/pictures/{kind}/{epoch}")
    async def picture(name: str, kind: str, epoch: int) -> Response:
        content = await desk.work(lambda: following.picture(named(name), kind, epoch))
        return Response(content, media_type="image/png")

    @router.get("/api/runs/{name}/events")
    async def events(name: str) -> Response:
        named_or_begun(name)
        return StreamingResponse(following.followed(name), media_type="text/event-stream")

    @router.post("/api/runs/{name}/pause")
    async def pause(name: str) -> Response:
        await desk.work(lambda: learning.pause(named(name)))
        return told_json({})

    @router.post("/api/runs/{name}/resume")
    async def resume(name: str) -> Response:
        await desk.work(lambda: learning.go_on(named(name)))
        return told_json({})

    @router.post("/api/runs/{name}/stop")
    async def stop(name: str) -> Response:
        await desk.work(lambda: named(name).ask_to_stop())
        return told_json({})

    return router


def compared(names: list[str]) -> Json:
    """Where the settings of runs differ, and their figures.

    Raises:
        UserError: they are fewer than two, or too many.
    """
    if not 2 <= len(set(names)) <= MOST_COMPARED:
        raise UserError(f"{len(set(names))} runs were named, expected 2 to {MOST_COMPARED}")
    found = [named(name) for name in dict.fromkeys(names)]
    return {
        "runs": [run.name for run in found],
        "different": comparison.settings_that_differ(found),
        "figures": comparison.figures(found),
    }


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
