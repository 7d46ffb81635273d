"""The laboratory's server: what the page in the browser may ask, and nothing else.

No route takes a path or an address: systems, runs and records go by their names. Structure is JSON; the elements of a
value come as bytes.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response

from liuli.errors import LiuliError, UserError
from liuli.lab.desk import Busy, Desk
from liuli.lab.guard import Guard
from liuli.lab.replies import told_json
from liuli.lab.routes import answers, judging, modules, playground, projector, records, runs, systems, whatif

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
ROUTES = (
    systems.routes,
    runs.routes,
    answers.routes,
    judging.routes,
    records.routes,
    projector.routes,
    whatif.routes,
    modules.routes,
    playground.routes,
)


def laboratory(token: str, desk: Desk | None = None) -> Guard:
    """The laboratory behind its guard.

    Args:
        token: whoever opens the address with it may come in.
        desk: where records lie open already; None: an empty one.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    desk = desk or Desk()

    @app.exception_handler(LiuliError)
    async def refused(_: Request, error: LiuliError) -> Response:
        status = 503 if isinstance(error, Busy) else 422 if isinstance(error, UserError) else 500
        return told_json({"error": str(error)}, status)

    @app.get("/")
    async def first_page() -> Response:
        return built("lab.html")

    @app.get("/assets/{name}")
    async def asset(name: str) -> Response:
        return built(f"assets/{name}") if name in assets() else Response(status_code=404)

    for routes in ROUTES:
        app.include_router(routes(desk))
    return Guard(app, token)


@lru_cache
def assets() -> frozenset[str]:
    """The files of the front end beside its page."""
    folder = files("liuli.lab") / "static" / "assets"
    return frozenset(one.name for one in folder.iterdir()) if folder.is_dir() else frozenset()


def built(name: str) -> Response:
    """A file of the front end."""
    try:
        content = (files("liuli.lab") / "static" / name).read_bytes()
    except FileNotFoundError:
        return Response("the pages of liuli have not been built; install liuli again", 500)
    return Response(content, media_type=KINDS.get(Path(name).suffix, "application/octet-stream"))
