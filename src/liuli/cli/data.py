"""`liuli data`: the data sets, where they are, and how they get here."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.output import JsonOption, print_json, print_table
from liuli.errors import UserError

if TYPE_CHECKING:
    from liuli.data.dataset import DataSet
    from liuli.data.store import Place

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="List, fetch and verify data sets.")


@app.command("list")
def list_data(as_json: JsonOption = False) -> None:
    """Show every data set: what it is, its size and licence, and where it is.

    Example: `liuli data list`
    """
    from liuli.data.store import definitions, find

    found = [(dataset, find(dataset)) for dataset in definitions().values()]
    if as_json:
        print_json([described(dataset) | placed(place) for dataset, place in found])
        return
    print_table(
        ["name", "what", "size", "licence", "where"],
        [(one.name, one.about, megabytes(one), one.licence.split(";")[0], where(place)) for one, place in found],
        right=["size"],
    )


@app.command("fetch")
def fetch_data(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Data sets, as 'liuli data list' names them.")],
    as_json: JsonOption = False,
) -> None:
    """Download data sets into the cache, going on where an earlier try broke off; what is here is only checked.

    Example: `liuli data fetch mnist fashion-mnist`
    """
    from liuli.data.store import definition, fetch

    for name in names:
        definition(name)  # a misspelt name is refused before anything is downloaded
    places = {}
    for name in names:
        places[name] = fetch(name)
        if not as_json:
            typer.echo(f"{name}: {where(places[name])}, sound")
    if as_json:
        print_json({name: placed(place) for name, place in places.items()})


@app.command("verify")
def verify_data(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Data sets; all that are here when none is named.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Hash every file of the data sets that are here, and say which is sound and which is not.

    Example: `liuli data verify mnist`
    """
    from liuli.data.store import definitions, find, verify

    results = {}
    names = names or [dataset.name for dataset in definitions().values() if find(dataset)]
    for name in names:
        results[name] = verify(name)
        if not as_json:
            for file, sentence in (results[name] or {"embedded": None}).items():
                typer.echo(f"{'WRONG' if sentence else 'OK':5}  {name:{max(map(len, names))}}  {file}")
    if as_json:
        print_json(results)
    if wrong := [sentence for files in results.values() for sentence in files.values() if sentence]:
        raise UserError("\n".join(wrong))


def described(dataset: DataSet) -> dict[str, object]:
    """What a definition says, for a program."""
    return {
        "name": dataset.name,
        "title": dataset.title,
        "about": dataset.about,
        "licence": dataset.licence,
        "homepage": dataset.homepage,
        "files": [asdict(file) for file in dataset.files],
        "archives": [asdict(archive) for archive in dataset.archives],
    }


def placed(place: Place | None) -> dict[str, object]:
    """Where a data set is, for a program; all null where it is not here."""
    return {
        "where": place and place.kind,
        "folder": str(place.folder) if place and place.folder else None,
        "variant": place and place.variant,
    }


def where(place: Place | None) -> str:
    """Where a data set is, for a reader."""
    if place is None:
        return "not here"
    return f"{place.kind} ({place.variant})" if place.variant else place.kind


def megabytes(dataset: DataSet) -> str:
    """The size of its files together."""
    return f"{sum(file.size for file in dataset.files) / 1e6:.1f} MB" if dataset.files else ""
