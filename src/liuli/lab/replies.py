"""What every route needs: what was sent, the run or the value that is meant, the form of an answer."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from fastapi import Request, Response
from torch import Tensor, nn

from liuli.data import store
from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.desk import Desk
from liuli.lab.limits import LARGEST_BODY, MOST_MADE, MOST_NUMBERS
from liuli.lab.packing import TYPES, array_of, json_text
from liuli.runs import Run, at_hand
from liuli.tasks.task import Task
from liuli.tracing.parts import Value

Key = tuple[Path, int]
"""Of a run with its weights as they are: its folder, and when they were last written (nanoseconds)."""


def told_json(content: Json, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json_text(content), status, media_type="application/json")


def event(kind: str, content: Json) -> str:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(content, default=str)}\n\n"


async def source_of(request: Request) -> bytes | str:
    """What was sent: words, or the bytes of a file.

    Raises:
        UserError: they are too many, which is found out while they arrive, or no text where they should be.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise UserError(f"more than {LARGEST_BODY:,} bytes were sent; send a smaller file")
        parts.append(part)
    body = b"".join(parts)
    if request.headers.get("content-type", "").startswith("text/plain"):
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise UserError(f"the words are no UTF-8 (byte {error.start:,}); send text") from error
    return body


def named(name: str) -> Run:
    """The run of that name, the user's or an exhibit.

    Raises:
        UserError: there is none.
    """
    found = next((run for run in at_hand() if run.name == name), None)
    if found is None:
        raise UserError(f"no run is called '{name}' here; train one with 'liuli train'")
    return found


def asked_of(name: str, made: int | None) -> tuple[Run, Task]:
    """The run of that name, and the task by which it is asked: its answers have so many tokens, where that is said.

    Raises:
        UserError: there is none, that is not for anybody to choose, or too many.
    """
    run = named(name)
    task = run.system.task if made is None else run.system.task.making(made)
    if task is None:
        raise UserError(f"{run.system.name}: how long its answers are follows from the input; leave 'made' out")
    if made is not None and not 1 <= made <= MOST_MADE:
        raise UserError(f"{made:,} tokens: expected from 1 to {MOST_MADE:,}")
    return run, task


def key_of(run: Run) -> Key:
    """By what the run with its weights as they are now is known.

    Raises:
        UserError: it has none yet.
    """
    try:
        return run.folder, run.weights_file.stat().st_mtime_ns
    except OSError as error:
        raise UserError(f"{run.name}: has no weights yet; let it learn for an epoch at least") from error


def network_of(run: Run) -> nn.Module:
    """The network of a run, kept while its weights are the same.

    Raises:
        UserError: it has none yet.
    """
    return read_network(*key_of(run))


@lru_cache(maxsize=4)
def read_network(folder: Path, changed: int) -> nn.Module:
    """See `network_of`; the weights are told by when they were last written."""
    with torch.inference_mode(False):  # whoever asks first: weights read in that mode could have no gradients ever
        return Run.open(folder).network()


def data_here(run: Run) -> bool:
    """Whether the data of a run are on this machine."""
    facts = run.facts
    if "path" in facts.details:
        return Path(facts.details["path"]).expanduser().exists()
    return store.find(store.definition(facts.name)) is not None


def must_be_here(run: Run) -> None:
    """Raise UserError where the data of a run are not: nothing is downloaded from here."""
    if data_here(run):
        return
    name = run.facts.name
    if "path" in run.facts.details:
        raise UserError(f"{name}: is no longer where {run.name} was trained on it; put it back")
    definition = store.definition(name)
    remedy = f"run 'liuli data fetch {name}'" if store.can_be_fetched(definition) else store.by_hand(definition)
    raise UserError(f"{name}: the data set is not on this machine; {remedy}")


def value_of(desk: Desk, name: str, address: str) -> Value:
    """A value of an open record.

    Raises:
        UserError: there is none at that address.
    """
    try:
        return desk.get(name).record.value(address)
    except KeyError as error:
        raise UserError(f"{address[:60]}: the record has no such value") from error


def elements(value: Value, gradient: bool, start: int, count: int) -> Response:
    """Elements of a value, or of its gradient, as they lie in memory, little end first; no content where it is absent.

    Raises:
        UserError: there are no such elements, or too many of them.
    """
    return elements_of(value.grad if gradient else value.tensor, start, count)


def elements_of(tensor: Tensor | None, start: int = 0, count: int = -1) -> Response:
    """The same of any tensor; no content for none.

    Raises:
        UserError: there are no such elements, or too many of them.
    """
    if tensor is None:
        return Response(status_code=204)
    end = tensor.numel() if count < 0 else start + count
    if not 0 <= start <= end <= tensor.numel() or end - start > MOST_NUMBERS:
        raise UserError(f"elements {start:,} to {end:,}: expected some of {tensor.numel():,}, {MOST_NUMBERS:,} at most")
    array: Any = array_of(tensor.reshape(-1)[start:end])
    content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return Response(content, media_type="application/octet-stream", headers={"liuli-type": TYPES[array.dtype.name]})
