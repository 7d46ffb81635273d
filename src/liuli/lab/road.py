"""The road: every system, what it grew out of, and what is known of it on this machine.

A system's file imports only layers and earlier systems, so that who imports whom is the history; `after` says what else
it goes on with.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from liuli.catalog import Listing, listings
from liuli.description import descriptions, model_file
from liuli.errors import UserError
from liuli.files import Json
from liuli.runs import Run, at_hand


def road() -> list[Json]:
    """One entry for each system, the oldest first."""
    trained: dict[str, list[Run]] = {}
    for run in at_hand():
        trained.setdefault(str(run.record["system"]), []).append(run)
    found = sorted(listings().values(), key=lambda one: (one.year, one.family, one.name))
    return [
        {
            "name": one.name,
            "family": one.family,
            "year": one.year,
            "paper": one.paper,
            "titles": {language: text.title for language, text in descriptions(one).items()},
            "data": one.data,
            "target": asdict(one.target),
            "parents": parents(one),
            "after": one.after,
            "runs": [told(run) for run in reversed(trained.get(one.name, []))],
        }
        for one in found
    ]


def told(run: Run) -> Json:
    """A run in a line: its name, state, and the figure that it reached."""
    try:
        result = run.result or {}
    except UserError:
        result = {}
    target = result.get("target") or {}
    metric = target.get("metric") or result.get("headline")
    return {
        "name": run.name,
        "exhibit": run.is_exhibit,
        "state": run.state,
        "data": run.record["data"]["name"],
        "form": run.record["data"]["form"],
        "given": given(run.record["data"]["details"]),
        "languages": run.record["data"]["details"].get("languages", []),
        "metric": metric,
        "value": (result.get("metrics") or {}).get(metric),
        "reached": result.get("reached"),
    }


def given(details: Mapping[str, Any]) -> list[str]:
    """What one typed input is made of, in its order, where the data say so: features, or axes with their values."""
    axes = details.get("axes", {})
    named = details.get("columns") or details.get("measured") or []
    return [*named, *(f"{axis} ({values[0]} … {values[-1]})" for axis, values in axes.items())]


def parents(listing: Listing) -> list[str]:
    """The systems whose files the system's file imports."""
    tree = ast.parse(model_file(listing).read_text(encoding="utf-8"))
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [one.name for one in listings().values() if one.module in imported]
