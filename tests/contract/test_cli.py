"""What every verb of the command line must be."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from liuli import catalog
from liuli.cli import app, run

HEAVY = ("torch", "numpy", "matplotlib", "lightning_fabric", "tensorboard", "sklearn", "PIL", "jax", "keras")


def verbs(command: typer.core.TyperCommand | typer.core.TyperGroup, *before: str) -> list[tuple[str, ...]]:
    """Every verb as one types it: ("list",), ("data", "fetch"), …"""
    if not isinstance(command, typer.core.TyperGroup):
        return [before]
    return [verb for name, inner in command.commands.items() for verb in verbs(inner, *before, name)]


VERBS = verbs(typer.main.get_command(app))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_an_example(verb: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*verb, "--help"])
    assert result.exit_code == 0
    assert f"liuli {' '.join(verb)}" in result.output.partition("Example")[2]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_unknown_option_is_the_users_mistake(verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*verb, "--nonsense"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("verb", ["show", "check"])
def test_unknown_system_is_answered_with_the_nearest_name(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "lennet"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'lenet'?" in error
    assert error.count("\n") == 1


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running `code`."""
    script = f"import sys\n{code}\nprint('\\nLOADED', *{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.partition("\nLOADED")[2].split())


def test_list_loads_nothing_heavy() -> None:
    assert loaded_by("from liuli.cli import run\nassert run(['list']) == 0") & set(HEAVY) == set()


def test_a_network_is_loaded_without_what_draws_and_measures() -> None:
    loaded = loaded_by("from liuli.catalog import find\nfind('lenet').build()")
    assert "torch" in loaded
    assert loaded & {"matplotlib", "lightning_fabric", "tensorboard", "sklearn", "jax", "keras"} == set()


def test_list_as_json_is_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == list(catalog.listings())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from liuli import __version__

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"liuli {__version__}\n"
