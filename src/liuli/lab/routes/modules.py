"""The user's own modules that the process which serves has opened: which there are, and what they are made of.

No request names a file: a module comes from the command line or from Python, never from a page.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from liuli.files import Json
from liuli.lab.desk import Desk, Opened
from liuli.lab.replies import told_json
from liuli.tracing.parts import ModuleCall
from liuli.tracing.record import Record


def routes(desk: Desk) -> APIRouter:
    """What may be asked about the modules that lie open."""
    router = APIRouter()

    @router.get("/api/modules")
    async def modules() -> Response:
        opened = list(desk.shown.items())
        return told_json(await desk.work(lambda: [module(name, one) for name, one in opened]))

    return router


def module(name: str, opened: Opened) -> Json:
    """A module for a reader: its inputs, its layers in the order of their calls, its parameters."""
    record = opened.record
    return {
        "record": name,
        "title": opened.subject.title,
        "answer": opened.subject.answer,
        "inputs": [{"address": value.address, "shape": value.shape} for value in record.inputs],
        "outputs": [{"address": value.address, "shape": value.shape} for value in record.outputs],
        "backward": record.loss is not None and any(value.grad is not None for value in record.parameters),
        "parameters": sum(value.tensor.numel() for value in record.parameters),
        "layers": [layer(record, call) for call in record.modules.walk() if call.path != "(loss)"],
    }


def layer(record: Record, call: ModuleCall) -> Json:
    """One call of one module: what it gave, the parameters under it, and the multiply-adds."""
    prefix = f"{call.path}." if call.path else ""
    shapes = [record.value(address).shape for address in call.outputs]
    return {
        "path": call.path,
        "call": call.call,
        "kind": call.type.rpartition(".")[2],
        "shape": shapes[0] if shapes else [],
        "parameters": sum(one.tensor.numel() for one in record.parameters if one.address.startswith(prefix)),
        "multiply_adds": sum(one.multiply_adds for each in call.walk() for one in each.operations),
    }
