"""A record told to a page: the structure, what is known of every value, and how its numbers are explained.

Everything here is JSON but the arrays, which go into a `Pack` and are named by their number.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from liuli import __version__
from liuli.description import Description
from liuli.explaining.explain import bench
from liuli.explaining.explainer import NotExplained, Workbench, unwritten
from liuli.files import Json
from liuli.lab import axes, series
from liuli.lab.beginnings import Names
from liuli.lab.instances import explained
from liuli.lab.packing import Pack, array_of, finite, halves_of
from liuli.lab.sampling import sample, stored, way
from liuli.lab.scenes import Scene
from liuli.lab.sources import sources
from liuli.lab.statistics import described, highest, strongest
from liuli.lab.templates import NoTemplate, template
from liuli.lab.views import view
from liuli.tracing.parts import ModuleCall, Operation, Value
from liuli.tracing.record import Record

FEW = 64  # numbers of an operation without a template that are explained one by one
LONGEST = 300  # characters of an argument
MOST = 17_000_000  # characters of the arrays of a page, tables of formulas among them


@dataclass(frozen=True)
class Subject:
    """What a page is about, besides what the record says.

    Attributes:
        title: of the network.
        system: of the catalogue; "" for a user's own module.
        input: what was given to it, in a word: the name of a file.
        answer: what the network said, in a word.
        ours: which of the texts are liuli's own, see `Task.ours`.
        picture: the same drawn, where it is best seen: a PNG.
        shares: address of the probabilities.
        labels: the name of each class.
        about: the text about the system, by language.
        words: what the rows of the network's embeddings stand for, by the last part of the module's path.
        columns: what the last dimension of the output stands for, where its elements have names.
        scene: what the record was made in, where it can be made once more.
        notes: how the number that the backward pass begins from was chosen, and what else a reader must know.
            Each is a key of the page's texts with what is put into it: ("loss-answer", {"class": "7"}).
    """

    title: str
    system: str = ""
    input: str = ""
    answer: str = ""
    ours: Sequence[str] = ()
    picture: bytes = b""
    shares: str = ""
    labels: Sequence[str] = ()
    about: Mapping[str, Description] = field(default_factory=dict)
    words: Names = field(default_factory=dict)
    columns: Sequence[str] = ()
    notes: Sequence[tuple[str, Mapping[str, str]]] = field(default_factory=tuple)
    scene: Scene | None = field(default=None, repr=False)


def manifest(record: Record, subject: Subject, pack: Pack | None) -> Json:
    """The manifest of a page; with a `pack` the arrays and the explanations go into it, else the page asks for them."""
    lines, places = sources(record)
    work = bench(record)
    followed = axes.follow(record, subject.words, subject.columns)
    told = axes.told(followed)
    whole = stored(record.values()) if pack else set()
    begin = beginning(record, subject)
    partly = pack is not None and len(whole) < len(record.values())
    return {
        "liuli": __version__,
        "title": subject.title,
        "system": subject.system,
        "input": subject.input,
        "answer": {
            "text": subject.answer,
            "ours": subject.ours,
            "picture": f"data:image/png;base64,{b64encode(subject.picture).decode()}" if subject.picture else "",
            "shares": subject.shares,
            "labels": list(subject.labels),
        },
        "about": {language: text.told() for language, text in subject.about.items()},
        "notes": [[key, dict(words)] for key, words in subject.notes],
        "remarks": record.notes,
        "exact": record.exact,
        "residual": finite(record.residual),
        "begin": begin,
        "inputs": [value.address for value in record.inputs],
        "outputs": [value.address for value in record.outputs],
        "loss": record.loss.address if record.loss else None,
        "modules": module(record.modules),
        "words": told["words"],
        "names": told["names"],
        "series": series.told(record, followed),
        "sources": lines,
        "operations": [operation_facts(one, places[one.index]) for one in record.operations],
        "values": [
            {
                **value_facts(one, one.address in whole, pack),
                "axes": told["axes"].get(one.address),
                "spelled": one.address in followed.vocabularies,
            }
            for one in record.values()
        ],
        "templates": [explanations(one, work, pack) for one in record.operations] if pack else None,
        "way": way(record, work, begin, whole) if partly and begin else {},
    }


def beginning(record: Record, subject: Subject) -> tuple[str, int] | None:
    """The number that a page shows first: the highest probability or score of what has a name, else of the output the
    one that lies furthest from zero; none where nothing comes out.
    """
    if not (subject.shares or record.outputs):
        return None
    value = record.value(subject.shares) if subject.shares else record.outputs[0]
    numbers = array_of(value.tensor)
    if not numbers.size:
        return value.address, 0
    named = subject.shares or (subject.columns and value.shape[-1:] == (len(subject.columns),))
    return value.address, highest(numbers) if named else strongest(numbers)


def module(call: ModuleCall) -> Json:
    """A call of a module with what ran inside it, in order: operations by number, calls as they are."""
    inside: list[tuple[int, Json]] = [(one.index, one.index) for one in call.operations]
    inside += [(first(child), module(child)) for child in call.children]
    return {
        "path": call.path,
        "type": call.type.rpartition(".")[2],
        "call": call.call,
        "inputs": call.inputs,
        "outputs": call.outputs,
        "inside": [one for _, one in sorted(inside, key=lambda pair: pair[0])],
    }


def first(call: ModuleCall) -> int:
    """The number of the first operation in a call; beyond all others where there is none."""
    return min((one.index for each in call.walk() for one in each.operations), default=2**31)


def operation_facts(operation: Operation, places: Json) -> Json:
    """What is known of an operation."""
    return {
        "name": operation.name,
        "path": operation.path,
        "call": operation.call,
        "places": places,
        "inputs": operation.inputs,
        "outputs": operation.outputs,
        "arguments": {name: spelled(value) for name, value in operation.arguments.items()},
        "multiplyAdds": operation.multiply_adds,
        "opened": operation.opened.name if operation.opened else None,
        **handwritten(operation),
    }


def handwritten(operation: Operation) -> Json:
    """Where a function has a backward pass of its own: the values that it reaches, and what is said of them."""
    own = operation.handwritten
    return {} if own is None else {"handwritten": {"inputs": own.inputs, "reason": str(unwritten(own))}}


def spelled(value: Any) -> str:
    """An argument for a reader, who does not read thousands of numbers."""
    plain = isinstance(value, str | int | float | tuple | list | None)
    try:
        text = str(value) if plain else repr(value)
    except ValueError:  # of more digits than Python writes
        return "…"
    most = LONGEST if plain else LONGEST // 5
    return text if len(text) <= most else f"{text[: most - 1]}…"


def value_facts(value: Value, whole: bool, pack: Pack | None) -> Json:
    """What is known of a value, and where its numbers are."""
    facts: dict[str, Json] = {
        "address": value.address,
        "names": value.names,
        "origin": value.origin,
        "shape": value.shape,
        "type": str(value.dtype).removeprefix("torch."),
        "producer": value.producer.index if value.producer else None,
        "users": [user.index for user in value.users],
        "view": view(value),
    }
    grad = value.grad
    facts["gradient"] = grad is not None
    for name, tensor in (("", value.tensor), ("Gradient", grad)):
        if tensor is not None and tensor.numel():
            facts[f"statistics{name}"], facts[f"histogram{name}"] = described(tensor)
            if pack and whole:
                facts[f"data{name}"] = pack.add(array_of(tensor))
                if tensor.is_complex():
                    facts[f"halves{name}"] = pack.add(halves_of(tensor))
            elif pack:
                facts[f"sample{name}"] = sample(tensor, pack)
    return facts


def explanations(operation: Operation, work: Workbench, pack: Pack) -> Json:
    """For each output of an operation its template, or the explanation of each of its numbers, or why there is none."""
    return [explanation(operation, output, work, pack) for output in range(len(operation.outputs))]


def explanation(operation: Operation, output: int, work: Workbench, pack: Pack) -> Json:
    """See `explanations`."""
    try:
        work.explainer(operation)
    except NotExplained as error:
        return {"kind": "none", "reason": str(error)}
    before = len(pack.blobs)
    try:
        told = template(operation, output, work, pack)
        if pack.size <= MOST:
            return told
    except NoTemplate:
        pass
    pack.forget(before)
    numbers = {}
    for address, direction in asked(operation, output):
        count = math.prod(work.record.value(address).shape)
        if count > FEW or pack.size > MOST:
            return {"kind": "none", "reason": ""}
        told = [explained(work, address, flat, direction)["parts"] for flat in range(count)]
        if direction == "backward":  # each use of a number tells its own part
            told = [[part for part in parts if part["operation"] == operation.index] for parts in told]
        numbers[f"{direction} {address}"] = told
        pack.size += len(json.dumps(numbers[f"{direction} {address}"])) // 2  # what is left of it, compressed
    return {"kind": "numbers", "numbers": numbers}


def asked(operation: Operation, output: int) -> list[tuple[str, str]]:
    """The output, and the gradients of the operands: what an explanation may be asked for."""
    backward = [(str(address), "backward") for address in dict.fromkeys(operation.inputs)]
    return [(str(operation.outputs[output]), "forward"), *(backward if output == 0 else [])]
