"""The playground: networks that learn points of the plane while one looks on, and the race of the optimizers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.desk import Desk
from liuli.lab.playground import inside, race
from liuli.lab.playground.asking import Asked
from liuli.lab.playground.points import read_csv
from liuli.lab.playground.session import MOST_STEPS, Session, Sessions
from liuli.lab.playground.setup import setup_of
from liuli.lab.playground.surfaces import SURFACES
from liuli.lab.replies import source_of, told_json


def routes(desk: Desk) -> APIRouter:
    """What may be asked of the playground."""
    router = APIRouter(prefix="/api/playground")
    sessions = Sessions()

    @router.post("/points")
    async def points(request: Request) -> Response:
        given = await source_of(request)
        return told_json(await desk.work(lambda: read_csv(text_of(given))))

    @router.post("/networks")
    async def begin(request: Request) -> Response:
        asked = Asked.of(await source_of(request))
        session = await desk.work(lambda: Session(setup_of(asked)))
        return told_json({"network": sessions.put(session), **points_told(session)})

    @router.post("/networks/{name}/steps")
    async def learn(name: str, request: Request) -> Response:
        session, asked = sessions.get(name), Asked.of(await source_of(request))
        count = asked.whole("count", 0, MOST_STEPS)

        def learnt() -> bytes:
            session.learn(count)
            return session.told()

        return binary(await desk.work(learnt))

    @router.post("/networks/{name}/records")
    async def record(name: str, request: Request) -> Response:
        session, asked = sessions.get(name), Asked.of(await source_of(request))
        x, y = (asked.number(letter, -1e6, 1e6) for letter in "xy")
        label = asked.whole("class", 0, session.setup.points.classes - 1)
        made = await desk.work(lambda: inside.of_point(session, (x, y), label))
        return told_json({"record": desk.put(made[0], made[1]), "layers": made[2]})

    @router.post("/networks/{name}/moves")
    async def moves(name: str, request: Request) -> Response:
        session, asked = sessions.get(name), Asked.of(await source_of(request))
        weight = weight_of(session, asked)

        def moved() -> tuple[Json, ...]:
            made = inside.of_step(session)
            return (*made, inside.move(session, made[0], *weight))

        made = await desk.work(moved)
        return told_json({"record": desk.put(made[0], made[1]), "layers": made[2], **made[3]})

    @router.get("/surfaces/{name}")
    async def surface(name: str) -> Response:
        found = SURFACES[Asked({"surface": name}).choice("surface", SURFACES)]
        return binary(await desk.work(lambda: found.told(name)))

    @router.post("/races")
    async def races(request: Request) -> Response:
        asked = race.race_of(Asked.of(await source_of(request)))
        return binary(await desk.work(lambda: race.told(asked)))

    @router.post("/races/steps")
    async def stride(request: Request) -> Response:
        fields = Asked.of(await source_of(request))
        asked = race.race_of(fields)
        which = fields.whole("racer", 0, race.MOST_RACERS), fields.whole("step", 1, race.MOST_STEPS)
        return told_json(await desk.work(lambda: race.explained(asked, *which)))

    return router


def binary(content: bytes) -> Response:
    """An answer in bytes."""
    return Response(content, media_type="application/octet-stream")


def text_of(given: bytes | str) -> str:
    """A file as text.

    Raises:
        UserError: it is no UTF-8.
    """
    try:
        return given if isinstance(given, str) else given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = given[: error.start].count(b"\n") + 1 if isinstance(given, bytes) else 1
        raise UserError(f"line {line:,}: the file is no text in UTF-8; save it as a CSV in UTF-8") from error


def points_told(session: Session) -> Json:
    """The points as they were shuffled and parted: [[x, y, class], …], the first `learnt` to learn from."""
    points = session.setup.points
    rows = zip(points.rows.tolist(), points.labels.tolist(), strict=True)
    return {
        "points": [[x, y, label] for (x, y), label in rows],
        "learnt": points.learnt,
        "classes": points.classes,
        "reach": points.reach,
    }


def weight_of(session: Session, asked: Asked) -> tuple[str, tuple[int, ...]]:
    """The parameter and the index of the weight that is meant.

    Raises:
        UserError: the network has none such.
    """
    parameters = dict(session.network.named_parameters())
    name = asked.choice("name", parameters)
    shape = parameters[name].shape
    index = asked.several("index", 2)
    if len(index) != len(shape):
        raise UserError(f"{name}: {len(index)} indices were sent, expected {len(shape)}")
    found = [Asked({"index": one}).whole("index", 0, size - 1) for one, size in zip(index, shape, strict=True)]
    return name, tuple(found)
