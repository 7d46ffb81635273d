"""The catalogue: every `SYSTEM` under `liuli/models`, found by looking.

There is no list to keep. `listings()` parses only the closing `SYSTEM = System(...)` statement of each
file, so that `liuli list` answers without importing PyTorch; `find()` imports the one file asked for.
"""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from liuli.errors import UserError, nearest
from liuli.system import System, Target

MODELS = Path(__file__).parent / "models"
MARK = "\nSYSTEM = "


@dataclass(frozen=True)
class Listing:
    """What `liuli list` tells of a system without running its file."""

    name: str
    family: str
    year: int
    paper: str
    task: str
    data: str
    target: Target
    module: str
    after: tuple[str, ...]


@cache
def listings() -> dict[str, Listing]:
    """Every system by name, in the order of family and year."""
    found = [read_listing(path) for path in sorted(MODELS.glob("*/*.py")) if MARK in path.read_text(encoding="utf-8")]
    return {listing.name: listing for listing in sorted(found, key=lambda one: (one.family, one.year, one.name))}


def read_listing(path: Path) -> Listing:
    """Parse the `SYSTEM` statement of one model file, whose listed values are literals."""
    text = path.read_text(encoding="utf-8")
    statement = ast.parse(text[text.rindex(MARK) :]).body[0]
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.value, ast.Call), f"{path}: SYSTEM is not System(...)"
    values = {keyword.arg: keyword.value for keyword in statement.value.keywords if keyword.arg}
    target = values["target"]
    assert isinstance(target, ast.Call), f"{path}: target is not Target(...)"
    return Listing(
        name=ast.literal_eval(values["name"]),
        family=path.parent.name,
        year=ast.literal_eval(values["year"]),
        paper=ast.literal_eval(values["paper"]),
        task=called(values["task"]),
        data=ast.literal_eval(values["data"]),
        target=Target(
            *map(ast.literal_eval, target.args),
            **{keyword.arg: ast.literal_eval(keyword.value) for keyword in target.keywords if keyword.arg},
        ),
        module=f"liuli.models.{path.parent.name}.{path.stem}",
        after=ast.literal_eval(values["after"]) if "after" in values else (),
    )


def called(node: ast.expr) -> str:
    """`ImageClassification` of `ImageClassification(size=32)`."""
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return node.func.id


def find(name: str) -> System:
    """The system called `name`, its file imported.

    Raises:
        UserError: there is none of that name; the nearest one is offered.
    """
    if name not in listings():
        raise UserError(f"no system is called '{name}'; {nearest(name, listings())} 'liuli list' shows them all")
    system: System = importlib.import_module(listings()[name].module).SYSTEM
    return system
