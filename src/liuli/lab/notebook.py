"""The page as a widget of a notebook: it asks the kernel for what it shows, as it is needed."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from liuli.explaining.explain import bench
from liuli.lab.instances import explained
from liuli.lab.manifest import Subject, manifest
from liuli.lab.packing import TYPES, array_of
from liuli.lab.page import built
from liuli.tracing.record import Record


class Widget(anywidget.AnyWidget):
    """A record to look into.

    Attributes:
        manifest: see `liuli.lab.manifest`.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    manifest = traitlets.Dict().tag(sync=True)

    def __init__(self, record: Record, subject: Subject) -> None:
        super().__init__(_esm=built("widget.js"), manifest=manifest(record, subject, None))
        self.record = record
        self.on_msg(self.asked)

    def asked(self, _: Widget, question: dict[str, Any], buffers: list[memoryview]) -> None:
        """Answer a question of the page: elements of a value, or how a number came to be."""
        if question["ask"] == "explain":
            part = explained(bench(self.record), question["address"], question["index"], question["direction"])
            self.send({"id": question["id"], **part})
            return
        value = self.record.value(question["address"])
        tensor = value.grad if question["gradient"] else value.tensor
        if tensor is None:
            self.send({"id": question["id"], "absent": True})
            return
        start, count = question["start"], question["count"]
        array = array_of(tensor)[start : None if count is None else start + count]
        self.send({"id": question["id"], "type": TYPES[array.dtype.name]}, buffers=[array.tobytes()])
