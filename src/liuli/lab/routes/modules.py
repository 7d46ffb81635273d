"""The user's own modules that the process which serves has opened: which there are, and what they are made of.

No request names a file: a module comes from the command line or from Python, never from a page.
"""

from __future__ import annotations

import inspect

from fastapi import APIRouter, Response
from torch import nn

from liuli.files import Json
from liuli.lab.desk import Desk, Opened
from liuli.lab.replies import told_json
from liuli.lab.scenes import Scene
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
    """A module for a reader: its inputs, its layers in the order of their first calls, its parameters."""
    record, scene = opened.record, opened.subject.scene
    calls: dict[str, list[ModuleCall]] = {}
    for call in record.modules.walk():
        if call.path != "(loss)":
            calls.setdefault(call.path, []).append(call)
    optimizer = scene.optimizer if scene is not None else None
    return {
        "record": name,
        "title": opened.subject.title,
        "answer": opened.subject.answer,
        "about": about(scene),
        "inputs": [{"address": value.address, "shape": value.shape} for value in record.inputs],
        "outputs": [{"address": value.address, "shape": value.shape} for value in record.outputs],
        "notes": opened.subject.notes,
        "optimizer": "" if optimizer is None else type(optimizer).__name__,
        "parameters": sum(value.tensor.numel() for value in record.parameters),
        "layers": [layer(record, path, mine) for path, mine in calls.items()],
    }


def layer(record: Record, path: str, calls: list[ModuleCall]) -> Json:
    """One module: what its first call gave, the parameters under it, and the multiply-adds of all its calls."""
    prefix = f"{path}." if path else ""
    shapes = [record.value(address).shape for address in calls[0].outputs]
    return {
        "path": path,
        "calls": len(calls),
        "kind": calls[0].type.rpartition(".")[2],
        "shape": shapes[0] if shapes else [],
        "parameters": sum(one.tensor.numel() for one in record.parameters if one.address.startswith(prefix)),
        "multiply_adds": sum(one.multiply_adds for call in calls for each in call.walk() for one in each.operations),
    }


def about(scene: Scene | None) -> str:
    """The first paragraph of what the class of a module says of itself; "" for PyTorch's own, which all know."""
    kind = type(scene.beginning.module) if scene is not None else nn.Module
    if kind.__module__.split(".")[0] == "torch" or "__doc__" not in vars(kind):
        return ""
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0]
