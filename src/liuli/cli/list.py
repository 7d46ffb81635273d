"""`liuli list`: the catalogue."""

from __future__ import annotations

from dataclasses import asdict

from liuli.catalog import listings
from liuli.cli.output import JsonOption, print_json, print_table


def list_systems(as_json: JsonOption = False) -> None:
    """Show every system: name, family, year, data, figure to reach and the published one.

    Example: `liuli list`
    """
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "family": one.family,
                    "year": one.year,
                    "paper": one.paper,
                    "task": one.task,
                    "data": one.data,
                    "target": asdict(one.target),
                }
                for one in listings().values()
            ]
        )
        return
    print_table(
        ["name", "family", "year", "data", "reaches", "published"],
        [(one.name, one.family, one.year, one.data, one.target, one.target.published) for one in listings().values()],
        right=["year", "published"],
    )
