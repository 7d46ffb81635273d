"""Judging a run on the test part of its data: once for its weights, a few examples at a time.

Between two pieces of the work others have their turn at the desk; whoever follows it is told how far it has come, and
when nobody follows it any more it ends. What was found is kept while there is room.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from liuli.data.dataset import Split
from liuli.data.order import Pieces
from liuli.errors import LiuliError, UserError
from liuli.files import Json
from liuli.lab.desk import Busy, Desk
from liuli.lab.limits import MOST_KNOWN
from liuli.lab.replies import Key, event, key_of, must_be_here, named, network_of
from liuli.runs import Run
from liuli.tasks.examples import Batch
from liuli.tasks.marks import Marks
from liuli.tasks.wording import Language, spoken

AT_ONCE = 64
"""Examples answered in one turn at the desk, at most."""
MOST_KEPT = 3
"""Judgements that are kept."""
MOST_AT_WORK = 4
"""Judgements that are made at the same time, in turns."""


@dataclass(frozen=True)
class Judgement:
    """What the test part has shown of a run; its figures by language, where they have been drawn."""

    run: Run
    output: Tensor
    batch: Batch
    metrics: Json
    marks: Marks | None
    figures: dict[Language, dict[str, bytes]] = field(default_factory=dict)


@dataclass
class Work:
    """A judgement in the making: how many of how many examples have been answered; who follows it."""

    done: int = 0
    of: int = 0
    followers: int = 0
    task: asyncio.Task[Judgement] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake whoever follows."""
        self.news.set()
        self.news = asyncio.Event()


class Bench:
    """Where runs are judged.

    Args:
        desk: at which the pieces of the work wait for their turn.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.kept: OrderedDict[Key, Judgement] = OrderedDict()
        self.at_work: dict[Key, Work] = {}

    def get(self, name: str) -> Judgement:
        """The judgement of the run of that name.

        Raises:
            UserError: there is no such run, or it has not been judged, or that was long ago.
        """
        key = key_of(named(name))
        if key not in self.kept:
            raise UserError(f"{name}: has not been judged yet, or others have taken its place; judge it first")
        self.kept.move_to_end(key)
        return self.kept[key]

    def begin(self, name: str) -> Work | None:
        """Judge a run, or join those who wait for that; None where it has been judged.

        Raises:
            Busy: too many are being judged.
            UserError: there is no such run, it has no weights yet, or its data are not here.
        """
        run = named(name)
        key = key_of(run)
        if key in self.kept:
            return None
        must_be_here(run)
        if key not in self.at_work:
            if len(self.at_work) >= MOST_AT_WORK:
                raise Busy("the laboratory is judging several runs already; wait until one of them is done")
            work = self.at_work[key] = Work()
            work.task = asyncio.create_task(self.judge(run, work))
            work.task.add_done_callback(lambda _: self.ended(key, work))
        return self.at_work[key]

    def ended(self, key: Key, work: Work) -> None:
        """Put a judgement by, where there is one."""
        assert work.task is not None
        self.leave(key, work)
        if not work.task.cancelled() and (error := work.task.exception()) is None:
            self.kept[key] = work.task.result()
            while len(self.kept) > MOST_KEPT:
                self.kept.popitem(last=False)
        elif not work.task.cancelled() and not isinstance(error, LiuliError):
            asyncio.get_running_loop().call_exception_handler({"message": "judging failed", "exception": error})
        work.tell()

    def leave(self, key: Key, work: Work) -> None:
        """Nobody can join this work any more."""
        if self.at_work.get(key) is work:
            del self.at_work[key]

    async def followed(self, name: str, work: Work | None) -> AsyncIterator[str]:
        """How a judgement comes along, as server-sent events: progress, then "judged" or "refused" with the reason."""
        if work is None:
            yield event("judged", told(self.get(name)))
            return
        assert work.task is not None
        work.followers += 1
        try:
            while not work.task.done():
                news = work.news
                yield event("progress", {"done": work.done, "of": work.of})
                await news.wait()
        finally:
            work.followers -= 1
            if not work.followers and not work.task.done():
                self.leave(key_of(named(name)), work)
                work.task.cancel()
        try:
            yield event("judged", told(work.task.result()))
        except LiuliError as error:
            yield event("refused", {"error": str(error)})

    async def judge(self, run: Run, work: Work) -> Judgement:
        """Answer the whole test part, piece by piece."""
        task, facts = run.system.task, run.facts
        network = await self.desk.work(lambda: network_of(run))
        _, batch = await self.desk.work(lambda: test_part(run))
        pieces = Pieces(batch, min(task.at_once, AT_ONCE), task.lengths(batch), task.cut)
        work.of = len(batch[0])
        answers: list[Tensor] = []

        def respond(piece: Batch) -> Tensor:
            with torch.inference_mode():
                return task.respond(network, piece)

        for piece in pieces.batches:
            work.tell()
            answers.append(await self.desk.work(partial(respond, piece)))
            work.done += len(piece[0])

        work.tell()
        output = pieces.joined(answers)
        metrics = await self.desk.work(lambda: task.metrics(output, batch, facts))
        marks = await self.desk.work(lambda: task.mark(output, batch, facts))
        return Judgement(run, output, batch, metrics, marks)


def test_part(run: Run) -> tuple[Split, Batch]:
    """The test part of a run's data, and the same as tensors, kept for the next question.

    Raises:
        UserError: the data are not here, or not the same any more.
    """
    must_be_here(run)
    return read_part(run.folder, run.facts.sha256)


@lru_cache(maxsize=2)
def read_part(folder: Path, sha256: str) -> tuple[Split, Batch]:
    """See `test_part`; the data are told by their hash."""
    run = Run.open(folder)
    split = run.data().test
    return split, run.system.task.tensors(split, run.facts)


def told(judgement: Judgement) -> Json:
    """The metrics, of what kind the marks are, and of whom some of the examples are."""
    marks = judgement.marks
    owners = [] if marks is None or marks.owners is None else sorted(set(marks.owners.tolist()))[:MOST_KNOWN]
    return {
        "metrics": judgement.metrics,
        "measure": marks.measure if marks else None,
        "examples": len(marks.order) if marks else 0,
        "mistakes": marks.mistakes if marks else None,
        "owners": [marks.names[number] for number in owners] if marks else [],
    }


def drawn(judgement: Judgement, language: Language) -> dict[str, bytes]:
    """The task's own figures as PNG, by name; drawn once in each language."""
    if language not in judgement.figures:
        run = judgement.run
        task = run.system.task
        with TemporaryDirectory(prefix="liuli-lab-") as folder, spoken(language):
            files = task.figures(judgement.output, judgement.batch, run.facts, Path(folder))
            files += task.portray(network_of(run), judgement.batch, run.facts, Path(folder))
            judgement.figures[language] = {file.stem: file.read_bytes() for file in files}
    return judgement.figures[language]
