"""A room imports only the rooms to its left: the import graph of the house, read from its text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import liuli
from liuli.catalog import Listing, listings

HOUSE = Path(liuli.__file__).parent

GROUND = {"errors", "files", "system", "pretrained"}
ROOMS = {  # what each may import, besides itself; every other room lies at the right end and may import all
    "": {"training", "runs", "tracing", "explaining", "lab"},  # liuli/__init__.py: the version, and names given on
    "scratch": set(),
    "oracles": set(),
    "errors": set(),
    "files": {"errors"},
    "pretrained": {"errors", "files"},
    "system": {"errors"},
    "layers": GROUND,
    "data": GROUND,
    "tasks": GROUND | {"data", "layers"},
    "models": GROUND | {"layers", "tasks"},
    "catalog": GROUND,
    "run_files": set(),
    "runs": GROUND | {"catalog", "data", "run_files", "tasks"},
    "comparison": GROUND | {"runs"},
    "training": GROUND | {"catalog", "data", "tasks", "layers", "runs", "scratch"},
    "tracing": GROUND | {"layers"},
    "explaining": GROUND | {"layers", "tracing"},
    "checking": GROUND | {"catalog", "tasks"},
    "description": GROUND | {"catalog"},
    "summary": GROUND | {"catalog", "checking", "description", "tasks"},
}
RIGHT_END = {"cli", "lab", "deploy", "__main__"}

LIGHT = {*GROUND, "catalog", "run_files", "runs", "cli", ""}
HEAVY = {"torch", "numpy", "matplotlib", "lightning_fabric", "tensorboard", "sklearn", "PIL", "safetensors", "pooch"}

every_file = pytest.mark.parametrize("file", sorted(HOUSE.rglob("*.py")), ids=lambda file: str(file.relative_to(HOUSE)))


def imports(tree: ast.AST, inside: bool = True) -> Iterator[str]:
    """Every imported module that running the code may load, as "liuli.data.store"; `inside`: of functions too.

    What stands under `if TYPE_CHECKING:` is left out.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif inside or not isinstance(node, ast.FunctionDef):
            yield from imports(node, inside)


def room(module: str) -> str:
    """`data` of "liuli.data.store"; "" of "liuli.__version__" and of what is not liuli's."""
    parts = module.split(".")
    known = parts[0] == "liuli" and len(parts) > 1 and parts[1] in {*ROOMS, *RIGHT_END}
    return parts[1] if known else ""


def room_of(file: Path) -> str:
    parts = file.relative_to(HOUSE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def wrong_imports(text: str, here: str) -> list[str]:
    """The imports of a file of the room `here` that go to the right."""
    return [one for one in imports(ast.parse(text)) if here in ROOMS and room(one) not in ROOMS[here] | {here, ""}]


@every_file
def test_imports_go_to_the_left(file: Path) -> None:
    here = room_of(file)
    assert here in {*ROOMS, *RIGHT_END}, f"{here} is a new room: give it its place in ROOMS"
    assert wrong_imports(file.read_text(encoding="utf-8"), here) == []


@every_file
def test_what_answers_at_once_loads_nothing_heavy(file: Path) -> None:
    if room_of(file) in LIGHT:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found = {one.split(".")[0] for one in imports(tree, inside=False)} & HEAVY
        assert not found, "import it inside the function that needs it"


@every_file
def test_nothing_is_unpickled(file: Path) -> None:
    assert picklers(file.read_text(encoding="utf-8")) == []


def picklers(text: str) -> list[str]:
    """What in a file could run code out of a data file."""
    tree = ast.parse(text)
    modules = {one.split(".")[0] for one in imports(tree)}
    found = sorted(modules & {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            name = ast.unparse(node.func)
            if name == "torch.load" and keywords.get("weights_only") != "True":
                found.append(ast.unparse(node))
            if keywords.get("allow_pickle", "False") != "False":
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("listing", listings().values(), ids=listings().keys())
def test_a_model_imports_only_earlier_models(listing: Listing) -> None:
    years = {one.module: one.year for one in listings().values()}
    file = HOUSE.parent / f"{listing.module.replace('.', '/')}.py"
    used = {one.rpartition(".")[0] for one in imports(ast.parse(file.read_text(encoding="utf-8")))} & years.keys()
    assert [one for one in used if years[one] > listing.year] == []


def test_a_wrong_import_is_found() -> None:
    assert wrong_imports("def f():\n    from liuli.training.loop import fit", "tasks") == ["liuli.training.loop.fit"]
    assert wrong_imports("from liuli import runs", "data") == ["liuli.runs"]
    assert wrong_imports("import liuli.errors", "scratch") == ["liuli.errors"]
    assert wrong_imports("from liuli import __version__\nfrom liuli.errors import UserError", "runs") == []
    assert wrong_imports("if TYPE_CHECKING:\n    from liuli.tasks.task import Task", "system") == []


def test_a_pickler_is_found() -> None:
    assert picklers("import pickle") == ["pickle"]
    assert picklers("torch.load('weights.pt')") == ["torch.load('weights.pt')"]
    assert picklers("torch.load(path, weights_only=True)\nnumpy.load(path, allow_pickle=False)") == []
    assert picklers("numpy.load(path, allow_pickle=True)") == ["numpy.load(path, allow_pickle=True)"]
