"""The road and its systems."""

from __future__ import annotations

from fastapi import APIRouter, Response

from liuli.catalog import find, listings
from liuli.description import descriptions
from liuli.files import Json
from liuli.lab.desk import Desk
from liuli.lab.limits import MOST_MADE
from liuli.lab.replies import told_json
from liuli.lab.road import road, told
from liuli.lab.subjects import of_system
from liuli.runs import at_hand
from liuli.summary import system_facts


def routes(desk: Desk) -> APIRouter:
    """What may be asked about systems."""
    router = APIRouter()

    @router.get("/api/road")
    async def whole_road() -> Response:
        return told_json(await desk.work(road))

    @router.get("/api/systems/{name}")
    async def system(name: str) -> Response:
        return told_json(await desk.work(lambda: system_told(name)))

    drawn: dict[str, str] = {}

    @router.post("/api/systems/{name}/records")
    async def record(name: str) -> Response:
        """Of the network before it has learnt anything, on a made-up input; the one that lies open serves again."""
        if drawn.get(name) not in desk.open:
            drawn[name] = desk.put(*await desk.work(lambda: of_system(name)))
        return told_json({"record": drawn[name]})

    return router


def system_told(name: str) -> Json:
    """A system for a reader, what it reads, and its runs, the newest first."""
    system, listing = find(name), listings()[name]
    mine = [told(run) for run in reversed(at_hand()) if run.record["system"] == name]
    task = system.task
    return {
        **system_facts(system, listing, system.recipe, {}),
        "about": {language: text.told() for language, text in descriptions(listing).items()},
        "kind": task.kind,
        "reads": {"text": task.reads_text, "endings": sorted(task.endings)},
        "makes": {"usual": task.makes, "most": MOST_MADE} if task.makes else None,
        "runs": mine,
    }
