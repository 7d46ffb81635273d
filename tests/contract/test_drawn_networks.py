"""Every system shows its network before it has learnt anything; its record is made but once."""

from pathlib import Path

import pytest

from liuli.catalog import listings
from liuli.lab.manifest import manifest
from liuli.lab.server import laboratory
from liuli.lab.subjects import of_system
from tests.visitor import OWN, Visitor


@pytest.mark.parametrize("name", listings())
def test_every_system_shows_its_network_on_a_made_up_input(name: str) -> None:
    record, subject = of_system(name)
    told = manifest(record, subject, None)
    assert told["title"] == name
    assert [key for key, _ in told["notes"]] == ["note.drawn"]
    assert len(told["operations"]) == len(record.operations) > 0


def test_the_same_record_serves_again_and_only_systems_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    visitor = Visitor(laboratory("secret"))
    first, second = (visitor.ask("POST", "/api/systems/perceptron/records", headers=OWN).json() for _ in range(2))
    assert first == second
    assert visitor.ask("GET", f"/api/records/{first['record']}").status_code == 200
    none = visitor.ask("POST", "/api/systems/none/records", headers=OWN)
    assert none.status_code == 422
    assert "none" in none.json()["error"]
    assert visitor.ask("POST", "/api/systems/perceptron/records").status_code == 403
