"""The inside of a record that lies open: its structure, its numbers, how one of them came to be."""

from __future__ import annotations

from math import prod
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from liuli.errors import UserError
from liuli.explaining.explain import bench
from liuli.lab.desk import Desk
from liuli.lab.instances import explained
from liuli.lab.pooling import Pooling
from liuli.lab.replies import elements, told_json, value_of
from liuli.lab.sampling import small
from liuli.lab.steps import stepped

DIRECTIONS = ("forward", "backward")


def routes(desk: Desk) -> APIRouter:
    """What may be asked about an open record."""
    router = APIRouter()

    @router.get("/api/records/{name}")
    async def record(name: str) -> Response:
        opened = desk.get(name)
        return Response(await desk.work(lambda: opened.manifest), media_type="application/json")

    @router.get("/api/records/{name}/numbers")
    async def numbers(name: str, address: str, gradient: bool = False, start: int = 0, count: int = -1) -> Response:
        value = value_of(desk, name, address)
        return elements(value, gradient, start, count)

    @router.get("/api/records/{name}/pictures")
    async def pictures(
        name: str, address: str, pooling: Annotated[Pooling, Depends()], gradient: bool = False
    ) -> Response:
        value = value_of(desk, name, address)
        tensor = value.grad if gradient else value.tensor
        steps = None if tensor is None else pooling.of(tensor)
        if steps is None:
            return Response(status_code=204)
        return Response(steps.tobytes(), media_type="application/octet-stream")

    @router.get("/api/records/{name}/samples")
    async def samples(name: str, address: str, gradient: bool = False) -> Response:
        value = value_of(desk, name, address)
        tensor = value.grad if gradient else value.tensor
        if tensor is None or not tensor.numel():
            return Response(status_code=204)
        steps, low, high = small(tensor)
        facts = {"liuli-shape": ",".join(map(str, steps.shape)), "liuli-low": str(low), "liuli-high": str(high)}
        return Response(steps.tobytes(), media_type="application/octet-stream", headers=facts)

    @router.get("/api/records/{name}/explanations")
    async def explanation(name: str, address: str, index: int, direction: str) -> Response:
        value = value_of(desk, name, address)
        size = prod(value.shape)
        if not 0 <= index < size or direction not in DIRECTIONS:
            raise UserError(f"{address}[{index}], {direction}: there is no such number; it has {size:,}")
        record = desk.get(name).record
        return told_json(await desk.work(lambda: explained(bench(record), address, index, direction)))

    @router.get("/api/records/{name}/steps")
    async def step(name: str, address: str, index: int) -> Response:
        value = value_of(desk, name, address)
        if not 0 <= index < prod(value.shape):
            raise UserError(f"{address}[{index}]: there is no such number; it has {prod(value.shape):,}")
        opened = desk.get(name)
        return told_json(await desk.work(lambda: stepped(opened.record, opened.subject.scene, value.address, index)))

    return router
