"""The projector: the vectors of a run as points, their neighbours, and what each of them is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab import projector, stochastic
from liuli.lab.desk import Desk
from liuli.lab.projector import Axes, Cloud
from liuli.lab.replies import key_of, named, told_json
from liuli.lab.subjects import of_run
from liuli.runs import Run

MEASURES = ("cosine", "euclidean")
DIMENSIONS = (2, 3)
MOST_NEIGHBOURS = 100


def routes(desk: Desk) -> APIRouter:
    """What may be asked about the vectors of a run."""
    router = APIRouter()
    maps = stochastic.Maps()

    @router.get("/api/runs/{name}/clouds")
    async def clouds(name: str) -> Response:
        return told_json(await desk.work(lambda: projector.offered(named(name))))

    @router.get("/api/runs/{name}/clouds/{key}")
    async def cloud(name: str, key: str) -> Response:
        return told_json(await desk.work(lambda: told(named(name), key)))

    @router.get("/api/runs/{name}/clouds/{key}/axes")
    async def along_axes(name: str, key: str) -> Response:
        return floats((await desk.work(lambda: axes_of(named(name), key))).coordinates)

    @router.get("/api/runs/{name}/clouds/{key}/neighbours")
    async def neighbours(name: str, key: str, point: int, measure: str = "cosine", count: int = 10) -> Response:
        if measure not in MEASURES or not 1 <= count <= MOST_NEIGHBOURS:
            raise UserError(f"measure={measure[:20]}, count={count}: expected cosine or euclidean, and 1 to 100")

        def found() -> list[tuple[int, float]]:
            points = cloud_of(named(name), key, point)
            return projector.neighbours(points.vectors, point, measure, count)

        return told_json([{"point": one, "value": value} for one, value in await desk.work(found)])

    @router.get("/api/runs/{name}/clouds/{key}/points/{point}/picture")
    async def picture(name: str, key: str, point: int) -> Response:
        content = await desk.work(lambda: pictured(named(name), key, point))
        return Response(content, media_type="image/png") if content else Response(status_code=204)

    @router.post("/api/runs/{name}/clouds/{key}/points/{point}/records")
    async def record(name: str, key: str, point: int) -> Response:
        def made() -> str:
            run = named(name)
            return desk.put(*of_run(run, projector.example(run, cloud_of(run, key, point), point)))

        return told_json({"record": await desk.work(made)})

    @router.get("/api/runs/{name}/clouds/{key}/tsne/{dimensions}/events")
    async def events(name: str, key: str, dimensions: int) -> Response:
        run = named(name)
        found = await desk.work(lambda: cloud_of(run, key))
        if dimensions not in DIMENSIONS or len(found.vectors) < stochastic.FEWEST_POINTS:
            asked = f"t-SNE of {len(found.vectors)} points in {dimensions} dimensions"
            raise UserError(f"{asked}: expected {stochastic.FEWEST_POINTS} points at least, in 2 or 3 dimensions")
        place = (*key_of(run), key, dimensions)
        return StreamingResponse(maps.events(place, found.vectors, dimensions), media_type="text/event-stream")

    @router.get("/api/runs/{name}/clouds/{key}/tsne/{dimensions}")
    async def tsne(name: str, key: str, dimensions: int) -> Response:
        run = named(name)
        return floats(maps.get((*key_of(run), key, dimensions)))

    return router


def cloud_of(run: Run, key: str, point: int = 0) -> Cloud:
    """The points of that key, among which `point` is one.

    Raises:
        UserError: it is none.
    """
    found = projector.cloud(*key_of(run), key)
    if not 0 <= point < len(found.vectors):
        raise UserError(f"point {point}: there is none of that number; there are {len(found.vectors):,}")
    return found


def axes_of(run: Run, key: str) -> Axes:
    """The points of that key along their principal components."""
    return projector.axes(*key_of(run), key)


def told(run: Run, key: str) -> Json:
    """The points of that key but for their numbers: names, classes, how much each axis explains."""
    found, along = cloud_of(run, key), axes_of(run, key)
    return {
        "kind": "hidden" if key == projector.HIDDEN else "embedding",
        "layer": found.layer,
        "variable": found.variable,
        "places": found.places,
        "width": found.vectors.shape[1],
        "whole": found.whole,
        "names": found.names,
        "silent": [number for number, one in enumerate(found.inputs) if not one],
        "classes": run.facts.classes if len(found.labels) else (),
        "labels": found.labels.tolist(),
        "shares": along.shares.tolist(),
    }


def pictured(run: Run, key: str, point: int) -> bytes:
    """What the network is given of a point as a PNG; nothing where it is no picture."""
    found = cloud_of(run, key, point)
    if found.inputs:
        return b""
    with tempfile.TemporaryDirectory(prefix="liuli-lab-") as folder:
        given = projector.example(run, found, point)
        file = run.system.task.save_input(given, Path(folder) / "seen.png")
        return file.read_bytes() if file is not None else b""


def floats(numbers: projector.Matrix) -> Response:
    """Numbers as they lie in memory, little end first."""
    return Response(numbers.astype(np.dtype("<f4"), copy=False).tobytes(), media_type="application/octet-stream")
