"""Judging a run: its metrics on the test part, its mistakes, and every example of that part given to it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.desk import Desk
from liuli.lab.examples import posed, tiles
from liuli.lab.following import watched
from liuli.lab.judging import Bench, drawn
from liuli.lab.replies import asked_of, data_here, named, network_of, told_json
from liuli.lab.road import told
from liuli.lab.routes.answers import answer_to
from liuli.lab.subjects import of_run
from liuli.tasks.wording import Language


def routes(desk: Desk) -> APIRouter:
    """What may be asked about how good a run is."""
    router = APIRouter()
    bench = Bench(desk)

    @router.get("/api/runs/{name}/judging")
    async def before(name: str) -> Response:
        return told_json(await desk.work(lambda: known(name)))

    @router.get("/api/runs/{name}/judging/events")
    async def events(name: str) -> Response:
        return StreamingResponse(bench.followed(name, bench.begin(name)), media_type="text/event-stream")

    @router.get("/api/runs/{name}/judging/examples")
    async def examples(
        name: str,
        true: int | None = None,
        answer: int | None = None,
        owner: str | None = None,
        start: int = 0,
        count: int = 24,
    ) -> Response:
        judgement = bench.get(name)
        return told_json(await desk.work(lambda: tiles(judgement, true, answer, owner, start, count)))

    @router.get("/api/runs/{name}/judging/figures")
    async def figures(name: str, language: Language = "en") -> Response:
        judgement = bench.get(name)
        return told_json({"figures": list(await desk.work(lambda: drawn(judgement, language)))})

    @router.get("/api/runs/{name}/judging/figures/{number}")
    async def figure(name: str, number: int, language: Language = "en") -> Response:
        judgement = bench.get(name)
        found = list((await desk.work(lambda: drawn(judgement, language))).values())
        if not 0 <= number < len(found):
            raise UserError(f"figure {number}: there are {len(found)}")
        return Response(found[number], media_type="image/png")

    @router.post("/api/runs/{name}/parts/{part}/{index}/answers")
    async def answers(name: str, part: str, index: int, layers: bool = False, made: int | None = None) -> Response:
        run, task = asked_of(name, made)

        def answered() -> Json:
            asked = posed(run, part, index)
            return {**answer_to(run, asked.example, task, layers), "right": asked.right}

        return told_json(await desk.work(answered))

    @router.post("/api/runs/{name}/parts/{part}/{index}/records")
    async def records(name: str, part: str, index: int, made: int | None = None) -> Response:
        run, task = asked_of(name, made)
        found = await desk.work(lambda: of_run(run, posed(run, part, index).example, network_of(run), task))
        return told_json({"record": desk.put(*found), "answer": found[1].answer})

    return router


def known(name: str) -> Json:
    """What is known of a run before it is judged: what it reached when it ended, the epochs of its pictures, and
    whether its data are here.
    """
    run = named(name)
    facts = run.facts
    return {
        **told(run),
        "system": run.system.name,
        "kind": run.system.task.kind,
        "note": run.system.task.judged_by,
        "pictures": watched(run),
        "classes": list(facts.classes),
        "here": data_here(run),
        "metrics": (run.result or {}).get("metrics"),
    }
