"""Telling where a module failed: the operation, its module, its line, the shapes that it was given."""

from __future__ import annotations

from sys import _getframe
from typing import Any

from liuli.tracing.functions import Kind
from liuli.tracing.notes import Call
from liuli.tracing.sources import line_of, site
from liuli.tracing.trees import tensors


def explain(error: Exception, kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any], call: Call | None) -> None:
    """Add a note to `error`, raised by the operation `kind` in `call`; one note only, by the operation itself."""
    if any(note.startswith("While tracing") for note in getattr(error, "__notes__", ())):
        return
    sites = [site(_getframe(2))]
    path, type = (call.path, call.type()) if call is not None else ("", "")
    while call is not None:
        sites.append(call.site)
        call = call.parent
    lines = [line_of(place) for place in sites if place is not None]
    line = next((line for line in lines if not line.in_torch), lines[0] if lines else None)
    where = f"\n  {line.file}:{line.number}: {line.text}" if line is not None else ""
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors((args, kwargs))) or "none"
    name = f"{path or 'the module itself'} ({type.rpartition('.')[2]})"
    error.add_note(f"While tracing, in {kind.name} of {name}, given tensors of shape {shapes}:{where}")
