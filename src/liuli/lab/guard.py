"""What stands before the laboratory: nobody but the person at this machine comes in, and no page of another's does.

The server is bound to loopback, but any page in the same browser can send requests there, and any program of another
user of the machine. So every request must name a loopback host (against DNS rebinding), carry the token that
`liuli lab` printed (as a cookie, once its address has been opened), and, where it changes something, come from a page
of the laboratory itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from liuli.lab.limits import LARGEST_BODY

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "liuli"
HOSTS = frozenset(("127.0.0.1", "localhost", "[::1]"))
HARMLESS = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Lets through to `app` only what may come in.

    Args:
        app: the laboratory.
        token: a secret; whoever knows it may come in.
        largest: bytes of a body, at most.
    """

    def __init__(self, app: App, token: str, largest: int = LARGEST_BODY) -> None:
        self.app = app
        self.token = token
        self.largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self.request(scope, receive, send)
        else:  # there are no others
            await send({"type": "websocket.close", "code": 1008})

    async def request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: refused with a sentence, or passed on."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == "host"]
        if len(hosts) != 1 or not {hosts[0], hosts[0].rpartition(":")[0]} & HOSTS:
            return await refuse(send, 403, "the laboratory answers only to the name of this machine: 127.0.0.1")
        if scope["method"] not in HARMLESS and [v for n, v in headers if n == "origin"] != [f"http://{hosts[0]}"]:
            return await refuse(send, 403, "a page of another origin asked; only the laboratory's own may")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["path"] == "/" and len(given) == 1 and self.knows(given[0]):
            return await self.welcome(send)
        if not any(self.knows(one) for one in cookies(headers)):
            return await refuse(send, 401, "open the address that 'liuli lab' printed: it holds the token")
        length = next((value for name, value in headers if name == "content-length"), "0")
        if not length.isdigit() or int(length) > self.largest:
            return await refuse(send, 413, f"more than {self.largest:,} bytes were sent; send a smaller file")
        return await self.app(scope, receive, guarded(send))

    def knows(self, given: str) -> bool:
        """Whether it is the token; takes as long whatever is wrong about it."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    async def welcome(self, send: Send) -> None:
        """Keep the token as a cookie that no script reads and no other site sends, and take it out of the address."""
        cookie = f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        await answer(send, 303, b"", [("location", "/"), ("set-cookie", cookie)])


def cookies(headers: list[tuple[str, str]]) -> list[str]:
    """What the browser keeps for us; nothing where it sends nonsense."""
    found = []
    for name, value in headers:
        if name == "cookie":
            try:
                kept = SimpleCookie(value).get(COOKIE)
            except CookieError:
                continue
            found += [kept.value] if kept is not None else []
    return found


def guarded(send: Send) -> Send:
    """Every answer with the headers that keep the page to itself."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            extra = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in present]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending


async def refuse(send: Send, status: int, sentence: str) -> None:
    """Say why not."""
    await answer(send, status, f"liuli: {sentence}\n".encode(), [("content-type", "text/plain; charset=utf-8")])


async def answer(send: Send, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
    """A whole answer."""
    every = [(name.encode(), value.encode()) for name, value in [*headers, ("content-length", str(len(body)))]]
    await guarded(send)({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})
