"""A record as one HTML file that opens from a disk, asks nothing of any network, and explains every number in it.

The front end is built from `web/` into `static/page.html` by the package build; the record takes the place of a
comment in it: the manifest and every array, compressed, in templates.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from html import escape
from importlib.resources import files

from liuli.errors import UserError
from liuli.lab.manifest import Subject, manifest
from liuli.lab.packing import Pack
from liuli.tracing.record import Record

PLACE = "<!-- record -->"


def page(record: Record, subject: Subject) -> str:
    """The HTML of a page about `record`.

    Raises:
        UserError: the front end has not been built.
    """
    shell = built("page.html")
    pack = Pack()
    text = json.dumps(manifest(record, subject, pack), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    told = b64encode(zlib.compress(text.encode())).decode("ascii")
    parts = f'<template id="manifest">{told}</template>\n{pack.html()}'
    before, _, after = shell.partition(PLACE)
    return (
        before.replace("<title>liuli 琉璃</title>", f"<title>{escape(subject.title)} · liuli 琉璃</title>")
        + parts
        + after
    )


def built(name: str) -> str:
    """A file of the front end.

    Raises:
        UserError: it is not there.
    """
    try:
        return (files("liuli.lab") / "static" / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(
            f"liuli/lab/static/{name}: the pages of liuli have not been built; install liuli again where npm's "
            "registry can be reached: pip install -e ."
        ) from error
