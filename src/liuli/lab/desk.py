"""The desk of the laboratory: one computation at a time, and the records that lie open.

One page cannot exhaust the machine: what waits is bounded and so are the records, by number and bytes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from liuli.errors import LiuliError, UserError
from liuli.lab.limits import MOST_BYTES, MOST_RECORDS, MOST_WAITING, SECONDS
from liuli.lab.manifest import Subject, manifest
from liuli.lab.packing import json_text
from liuli.tracing.record import Record

T = TypeVar("T")


class Busy(LiuliError):
    """The machine has enough to do; asked again a little later, it will answer."""


@dataclass(frozen=True)
class Opened:
    """A record that lies open.

    Attributes:
        base: the name of the record that it was made anew from, with numbers set; "" for one that is as it is.
    """

    record: Record
    subject: Subject
    bytes: int
    base: str = ""

    @cached_property
    def manifest(self) -> str:
        """What a page is told of it first, as JSON; of a large network that takes seconds, so it is made once."""
        return json_text(manifest(self.record, self.subject, None))


class Desk:
    """Where records lie and computations wait."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.open: OrderedDict[str, Opened] = OrderedDict()
        self.shown: dict[str, Opened] = {}
        """What the process that serves has laid open itself, such as a user's own modules: it stays."""

    async def work(self, what: Callable[[], T]) -> T:
        """Do it in its turn, in another thread.

        Raises:
            Busy: too much waits already, or it has taken too long.
        """
        if self.waiting >= MOST_WAITING:
            raise Busy("the laboratory is busy with what was asked before; wait a moment and ask again")
        self.waiting += 1
        task = asyncio.create_task(self.in_turn(what))
        done, _ = await asyncio.wait([task], timeout=SECONDS)
        if not done:
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # its end interests nobody
            raise Busy(f"this has taken more than {SECONDS:.0f} seconds; give a smaller input")
        return task.result()

    async def in_turn(self, what: Callable[[], T]) -> T:
        """The same, however long it takes; the turn is kept until it has ended."""
        try:
            async with self.turn:
                return await asyncio.to_thread(what)
        finally:
            self.waiting -= 1

    def put(self, record: Record, subject: Subject, base: str = "") -> str:
        """Lay a record open, under a name that nobody guesses; those longest not looked at make room.

        One made anew from `base` takes the place of the one that was made from it before.
        """
        size = sum(one.tensor.nbytes for one in record.values() if one.tensor is not None)
        name = secrets.token_urlsafe(12)
        for former in [key for key, one in self.open.items() if base and one.base == base]:
            del self.open[former]
        self.open[name] = Opened(record, subject, size, base)
        while len(self.open) > MOST_RECORDS or (
            len(self.open) > 1 and sum(one.bytes for one in self.open.values()) > MOST_BYTES
        ):
            self.open.popitem(last=False)
        return name

    def show(self, record: Record, subject: Subject) -> str:
        """Lay a record open that stays so; its name."""
        name = self.put(record, subject)
        self.shown[name] = self.open.pop(name)
        return name

    def get(self, name: str) -> Opened:
        """The record of that name.

        Raises:
            UserError: it has been closed.
        """
        if name in self.shown:
            return self.shown[name]
        if name not in self.open:
            raise UserError("this record has been closed to make room for others; ask the network once more")
        self.open.move_to_end(name)
        return self.open[name]
