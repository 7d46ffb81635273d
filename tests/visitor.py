"""Somebody who visits the laboratory with a browser, in the process of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from liuli.lab.guard import Guard

HOME = "http://127.0.0.1:8017"
OWN = {"origin": HOME}
T = TypeVar("T")


def run(asked: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: a browser of other tests may keep a loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, asked).result()


class Visitor:
    """One browser: asks the laboratory, in its process, as over a network."""

    def __init__(self, lab: Guard, token: str = "secret", home: str = HOME) -> None:
        self.lab, self.home = lab, home
        self.cookies = {"liuli": token} if token else {}

    def ask(self, method: str, path: str, **rest: object) -> httpx.Response:
        return run(self.asked(method, path, **rest))

    async def asked(self, method: str, path: str, **rest: object) -> httpx.Response:
        transport = httpx.ASGITransport(self.lab)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=self.home, cookies=self.cookies) as client:
            return await client.request(method, path, **rest)  # type: ignore[arg-type]


def lives(lab: Guard) -> bool:
    answer = Visitor(lab).ask("GET", "/api/road")
    return answer.status_code == 200 and len(answer.json()) > 20
