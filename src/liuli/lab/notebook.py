"""The page as a widget of a notebook: it asks the kernel for what it shows, as it is needed."""

from __future__ import annotations

import json
from typing import Any

import anywidget
import traitlets
from torch import Tensor

from liuli.errors import LiuliError, UserError
from liuli.explaining.explain import bench
from liuli.files import Json
from liuli.lab.instances import explained
from liuli.lab.manifest import Subject, manifest
from liuli.lab.packing import TYPES, array_of
from liuli.lab.page import built
from liuli.lab.steps import stepped
from liuli.lab.whatif import difference, edits_of, told, whatif
from liuli.tracing.record import Record

Answer = tuple[Json, list[bytes]]
BASE = 0
"""The number of the record that is shown; those made anew from it, with numbers set, are counted from 1 on."""


class Widget(anywidget.AnyWidget):
    """A record to look into.

    Attributes:
        manifest: see `liuli.lab.manifest`.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    manifest = traitlets.Dict().tag(sync=True)

    def __init__(self, record: Record, subject: Subject) -> None:
        super().__init__(_esm=built("widget.js"), manifest=manifest(record, subject, None))
        self.subject = subject
        self.records = {BASE: record}
        """Beside the one that is shown only the newest that was made from it."""
        self.on_msg(self.asked)

    def asked(self, _: Widget, question: dict[str, Any], buffers: list[memoryview]) -> None:
        """Answer a question of the page, or say in a sentence why not."""
        try:
            content, arrays = self.answer(question)
        except LiuliError as error:
            content, arrays = {"error": str(error)}, []
        self.send({"id": question["id"], **content}, buffers=arrays)

    def answer(self, question: dict[str, Any]) -> Answer:
        """Elements of a value, how a number came to be, a step of the optimizer, what would be with numbers set.

        Raises:
            UserError: the record that is asked about has given place to another, or numbers cannot be set so.
        """
        if question["ask"] == "edits":
            return self.edited(json.dumps({"edits": question["edits"]})), []
        record = self.records.get(question["record"])
        if record is None:
            raise UserError("other numbers have been set since then; set these once more")
        address = question["address"]
        match question["ask"]:
            case "explain":
                return explained(bench(record), address, question["index"], question["direction"]), []
            case "step":
                return stepped(record, self.subject.scene, address, question["index"]), []
            case "difference":
                before, after = self.records[BASE].value(address), record.value(address)
                return elements(difference(before, after, question["gradient"]), 0, None)
        value = record.value(address)
        tensor = value.grad if question["gradient"] else value.tensor
        return elements(tensor, question["start"], question["count"])

    def edited(self, given: str) -> Json:
        """The network run again with numbers set, and what changed; the record takes the place of the one before it."""
        base = self.records[BASE]
        edits = edits_of(given, base, self.subject.words)
        record, subject = whatif(base, self.subject, edits)
        number = max(self.records) + 1
        self.records = {BASE: base, number: record}
        compared = told(base, record, (self.subject, subject), edits)
        return {**compared, "record": number, "manifest": manifest(record, subject, None)}


def elements(tensor: Tensor | None, start: int, count: int | None) -> Answer:
    """Elements of a tensor as they lie in memory."""
    if tensor is None:
        return {"absent": True}, []
    array = array_of(tensor)[start : None if count is None else start + count]
    return {"type": TYPES[array.dtype.name]}, [array.tobytes()]
