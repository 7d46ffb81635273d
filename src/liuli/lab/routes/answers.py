"""Answers of a trained network to what a person gives it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from fastapi import APIRouter, Request, Response

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.desk import Desk
from liuli.lab.limits import MOST_KNOWN
from liuli.lab.maps import maps
from liuli.lab.replies import asked_of, named, network_of, source_of, told_json
from liuli.lab.subjects import Made, of_run
from liuli.runs import Run
from liuli.tasks.examples import Example
from liuli.tasks.miniatures import address
from liuli.tasks.task import Task


def routes(desk: Desk) -> APIRouter:
    """What may be asked of a trained network."""
    router = APIRouter()

    @router.post("/api/runs/{name}/answers")
    async def answers(name: str, request: Request, layers: bool = False, made: int | None = None) -> Response:
        given = await source_of(request)

        def answered() -> Json:
            run, task = asked_of(name, made)
            return answer_to(run, read(run, given), task, layers)

        return told_json(await desk.work(answered))

    @router.get("/api/runs/{name}/known")
    async def known(name: str) -> Response:
        """Words to ask the network by that its data know."""

        def asked() -> Json:
            run = named(name)
            return {"known": list(run.system.task.known(run.facts)[:MOST_KNOWN])}

        return told_json(await desk.work(asked))

    @router.post("/api/runs/{name}/records")
    async def records(name: str, request: Request, made: int | None = None) -> Response:
        given = await source_of(request)

        def asked() -> Made:
            run, task = asked_of(name, made)
            return of_run(run, read(run, given), network_of(run), task)

        record, subject = await desk.work(asked)
        return told_json({"record": desk.put(record, subject), "answer": subject.answer})

    return router


def read(run: Run, given: bytes | str) -> Example:
    """What was sent, in the network's form.

    Raises:
        UserError: it is nothing of the task's kind.
    """
    task = run.system.task
    if isinstance(given, str) and not task.reads_text:
        raise UserError(f"{run.system.name}: reads {task.kind} files, no words; send one")
    if not given:
        raise UserError(f"{run.system.name}: nothing was sent, expected an input of kind {task.kind}")
    return task.read_all(given, run.facts, given if isinstance(given, str) else "input")[0]


def answer_to(run: Run, example: Example, task: Task, layers: bool) -> Json:
    """The answer to an example, and pictures of what the network was given, of the answer, and of its layers.

    Args:
        task: by which the network is asked, see `asked_of`.
    """
    facts = run.facts
    network = network_of(run)
    with torch.inference_mode():
        output = task.respond(network, example.batch)[0]
    inner = {"layers": maps(task, network, example)} if layers else {}
    with tempfile.TemporaryDirectory(prefix="liuli-lab-") as folder:
        drawn: Mapping[str, Path | None] = {
            "seen": task.save_input(example, Path(folder) / "seen.png"),
            "picture": task.save_answer(example, output, facts, Path(folder) / "picture.png"),
        }
        pictures = {key: address(file) for key, file in drawn.items() if file is not None}
    return {
        **task.answer(output, facts),
        "ours": task.ours,
        "read": example.spelled,
        "remark": example.remark,
        **pictures,
        **inner,
    }
