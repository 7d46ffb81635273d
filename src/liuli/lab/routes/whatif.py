"""What if: an open record made anew with some numbers set, and the difference."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.desk import Desk
from liuli.lab.replies import elements_of, source_of, told_json, value_of
from liuli.lab.subjects import Made
from liuli.lab.whatif import difference, edits_of, told, whatif


def routes(desk: Desk) -> APIRouter:
    """What may be asked about what would be."""
    router = APIRouter()

    @router.post("/api/records/{name}/edits")
    async def edits(name: str, request: Request) -> Response:
        given = await source_of(request)
        opened = desk.get(name)
        if opened.base:
            raise UserError("this record has numbers set already; set all of them in the one that it was made from")

        def made() -> tuple[Made, Json]:
            wanted = edits_of(given, opened.record, opened.subject.words)
            record, subject = whatif(opened.record, opened.subject, wanted)
            return (record, subject), told(opened.record, record, (opened.subject, subject), wanted)

        found, content = await desk.work(made)
        return told_json({"record": desk.put(*found, base=name), **content})

    @router.get("/api/records/{name}/differences")
    async def differences(name: str, address: str, gradient: bool = False) -> Response:
        base = desk.get(name).base
        if not base:
            raise UserError("no number of this record was set, so there is nothing to compare it with")
        before, after = value_of(desk, base, address), value_of(desk, name, address)
        return await desk.work(lambda: elements_of(difference(before, after, gradient)))

    return router
