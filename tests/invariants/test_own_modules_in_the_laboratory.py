"""A module of one's own in the laboratory: laid open by the process that serves, never by a request; and its steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from liuli.errors import UserError
from liuli.lab.desk import Desk
from liuli.lab.limits import MOST_RECORDS
from liuli.lab.manifest import manifest
from liuli.lab.packing import Pack
from liuli.lab.scenes import Scene
from liuli.lab.server import laboratory
from liuli.lab.steps import stepped
from liuli.lab.subjects import of_factory, of_module
from tests.visitor import OWN, Visitor

FILE = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)).train()
    def loss(output):
        return nn.functional.cross_entropy(output, torch.tensor([2]))

    return network, torch.rand(1, 1, 8, 8), loss, torch.optim.Adam(network.parameters())

class Loop(nn.Module):
    '''Goes round.

    Thrice.
    '''

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(2, 2)

    def forward(self, x):
        for _ in range(3):
            x = self.step(x)
        return x

def loop():
    return Loop(), torch.ones(5, 2)

class Masked(nn.Module):
    def forward(self, x, mask=None, *, scale=1):
        return x.masked_fill(mask, 0) * scale

def named():
    return Masked(), {"scale": 3, "mask": torch.tensor([True, False]), "x": torch.ones(2)}

class Takes(nn.Module):
    def forward(self, batch):
        return batch["x"] * 2

def one_dictionary():
    return Takes(), {"x": torch.ones(2)}

def wrong():
    return nn.Linear(1, 1), torch.ones(1), 3

def without_step():
    return nn.Linear(1, 1), torch.ones(1), torch.sum, "Adam"

def many():
    return nn.Linear(1, 1), 1, 2, 3, 4
"""


def opened(tmp_path: Path) -> tuple[Visitor, Desk]:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    desk = Desk()
    desk.show(*of_factory(f"{tmp_path / 'mine.py'}:make", None))
    return Visitor(laboratory("secret", desk)), desk


def test_it_is_listed_with_its_layers_and_stays_open(tmp_path: Path) -> None:
    visitor, desk = opened(tmp_path)
    (module,) = visitor.ask("GET", "/api/modules").json()
    assert (module["title"], module["parameters"], module["optimizer"]) == ("Sequential", 20 + 219, "Adam")
    assert module["notes"] == [["note.given", {}]]
    assert module["about"] == ""
    rows = [(one["path"], one["kind"], one["shape"], one["parameters"]) for one in module["layers"]]
    assert rows == [
        ("", "Sequential", [1, 3], 239),
        ("0", "Conv2d", [1, 2, 6, 6], 20),
        ("1", "ReLU", [1, 2, 6, 6], 0),
        ("2", "Flatten", [1, 72], 0),
        ("3", "Linear", [1, 3], 219),
    ]
    assert module["layers"][1]["multiply_adds"] == 2 * 36 * 9
    for _ in range(MOST_RECORDS + 1):
        desk.put(*of_module(nn.Linear(1, 1), torch.ones(1, 1)))
    manifest = visitor.ask("GET", f"/api/records/{module['record']}").json()
    assert manifest["notes"] == [["note.given", {}]]
    assert all(value["gradient"] for value in manifest["values"] if value["origin"] == "parameter")
    edits = json.dumps({"edits": [{"address": "0.weight", "index": 0, "number": 2}]})
    told = visitor.ask("POST", f"/api/records/{module['record']}/edits", content=edits, headers=OWN).json()
    assert told["count"] > 4


def test_no_request_opens_a_file(tmp_path: Path) -> None:
    visitor, _ = opened(tmp_path)
    for path in (f"/api/modules/{tmp_path}/mine.py:make", "/api/modules?module=mine.py:make"):
        assert visitor.ask("POST", path, headers=OWN, content=b"mine.py:make").status_code in (404, 405)
    assert len(visitor.ask("GET", "/api/modules?module=mine.py:wrong").json()) == 1
    assert Visitor(laboratory("secret")).ask("GET", "/api/modules").json() == []


def test_a_layer_that_is_called_again_stands_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    desk = Desk()
    desk.show(*of_factory(f"{tmp_path / 'mine.py'}:loop", None))
    (module,) = Visitor(laboratory("secret", desk)).ask("GET", "/api/modules").json()
    assert module["about"] == "Goes round."
    rows = [(one["path"], one["calls"], one["parameters"], one["multiply_adds"]) for one in module["layers"]]
    assert rows == [("", 1, 6, 3 * 5 * 4), ("step", 3, 6, 3 * 5 * 4)]


def test_inputs_are_given_by_name_where_the_module_has_these_names(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    named, _ = of_factory(f"{tmp_path / 'mine.py'}:named", None)
    assert named.outputs[0].tensor.tolist() == [0, 3]
    assert {value.address for value in named.inputs} == {"input[mask]", "input[x]"}
    whole, _ = of_factory(f"{tmp_path / 'mine.py'}:one_dictionary", None)
    assert whole.outputs[0].tensor.tolist() == [2, 2]
    assert [value.address for value in whole.inputs] == ["input[0][x]"]


@pytest.mark.parametrize(
    ("factory", "said"),
    [("wrong", "loss of type int"), ("without_step", "optimizer of type str"), ("many", "returned 5 things")],
)
def test_what_is_no_loss_or_optimizer_is_refused(tmp_path: Path, factory: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        of_factory(f"{tmp_path / 'mine.py'}:{factory}", None)


def number(part: Any, name: str) -> float:
    found = part["letters"][name]
    return float(found["number"] if "number" in found else found["values"][0])


@pytest.mark.parametrize("steps", [0, 3])
def test_the_step_is_the_one_that_the_optimizer_takes(steps: int) -> None:
    torch.manual_seed(1)
    module, x = nn.Linear(4, 3), torch.randn(2, 4)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.3, momentum=0.9)

    def loss(output: torch.Tensor) -> torch.Tensor:
        return output.square().mean()

    for _ in range(steps):
        optimizer.zero_grad()
        loss(module(x)).backward()
        optimizer.step()
    record, subject = of_module(module, x, loss=loss, optimizer=optimizer)
    told = stepped(record, subject.scene, "weight", 5)
    assert (told["optimizer"], told["assumed"], told["first"]) == ("SGD", False, steps == 0)
    part = told["part"]
    momentum = number(part, "μ") * number(part, "v") if steps else 0.0
    expected = number(part, "w") - number(part, "η") * (momentum + number(part, "g"))
    optimizer.zero_grad()
    loss(module(x)).backward()
    optimizer.step()
    assert float(module.weight.detach().view(-1)[5]) == pytest.approx(expected, rel=1e-5)


def test_each_weight_moves_by_the_settings_of_its_own_group() -> None:
    first, second, third = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1)
    groups = [{"params": first.parameters(), "lr": 0.1}, {"params": second.parameters(), "lr": 0.5}]
    module = nn.Sequential(first, second, third)
    record, subject = of_module(module, torch.ones(1, 2), optimizer=torch.optim.SGD(groups))
    for layer, rate in (("0", 0.1), ("1", 0.5)):
        told = stepped(record, subject.scene, f"{layer}.weight", 1)
        assert number(told["part"], "η") == rate
        assert told["change"] == pytest.approx(-rate * number(told["part"], "g"), rel=1e-9)
        assert told["part"]["formula"]["define"] == []  # w − η·g, and no letter that is only another name
    with pytest.raises(UserError, match=r"2\.weight: SGD was not given this parameter"):
        stepped(record, subject.scene, "2.weight", 0)


def test_without_an_optimizer_it_is_said_so() -> None:
    record, subject = of_module(nn.Linear(2, 1), torch.ones(1, 2))
    assert isinstance(subject.scene, Scene)
    assert stepped(record, subject.scene, "weight", 0)["assumed"] is True
    with pytest.raises(Exception, match="no parameter"):
        stepped(record, subject.scene, "input[0]", 0)


@dataclass
class Answer:
    chosen: torch.Tensor
    scores: torch.Tensor


class Choosing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> Answer:
        scores = self.linear(x)
        return Answer(scores.argmax(-1), scores)


def test_backward_begins_within_a_dataclass_that_is_returned() -> None:
    record, subject = of_module(Choosing(), torch.ones(1, 3))
    assert subject.notes == [("note.sum", {})]
    grad = record.value("linear.weight").grad
    assert grad is not None
    assert grad.tolist() == [[1.0] * 3] * 2


class Spectral(nn.Module):
    """A filter in the frequencies."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(8, 8)
        self.filter = nn.Parameter(torch.randn(5, dtype=torch.complex64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = torch.fft.rfft(self.lift(x)) * self.filter
        return torch.fft.irfft(kept, n=8) + kept.conj().angle().sum() + kept.abs().sum()


def test_of_complex_numbers_both_halves_are_told() -> None:
    torch.manual_seed(0)
    desk = Desk()
    name = desk.show(*of_module(Spectral(), torch.randn(1, 8)))
    record, subject = desk.get(name).record, desk.get(name).subject
    visitor = Visitor(laboratory("secret", desk))
    told = {one["address"]: one for one in visitor.ask("GET", f"/api/records/{name}").json()["values"]}
    for value in record.values():
        for direction, tensor in (("forward", value.tensor), ("backward", value.grad)):
            asked: dict[str, Any] = {"address": value.address, "gradient": direction == "backward"}
            numbers = visitor.ask("GET", f"/api/records/{name}/numbers", params=asked)
            small = visitor.ask("GET", f"/api/records/{name}/samples", params=asked)
            place = {"address": value.address, "index": value.tensor.numel() - 1, "direction": direction}
            found = visitor.ask("GET", f"/api/records/{name}/explanations", params=place)
            assert found.status_code == 200, value.address
            if tensor is None:
                assert numbers.status_code == small.status_code == 204
                continue
            assert numbers.status_code == small.status_code == 200, value.address
            if not tensor.is_complex():
                continue
            read = np.frombuffer(numbers.content, np.float32)
            assert read == pytest.approx(tensor.abs().reshape(-1).tolist(), rel=1e-6)
            last = tensor.reshape(-1)[-1].item()
            assert found.json()["halves"] == pytest.approx([last.real, last.imag], rel=1e-6)
            assert found.json()["captured"] == pytest.approx(abs(last), rel=1e-6)
            assert told[value.address]["type"] == "complex64"
    refused = visitor.ask("GET", f"/api/records/{name}/steps", params={"address": "filter", "index": 0})
    assert (refused.status_code, "complex" in refused.text) == (422, True)
    edits = json.dumps({"edits": [{"address": "lift.bias", "index": 0, "number": 2}]})
    made = visitor.ask("POST", f"/api/records/{name}/edits", content=edits, headers=OWN).json()["record"]
    (kept,) = record.find("kept")
    apart = visitor.ask("GET", f"/api/records/{made}/differences", params={"address": kept.address, "gradient": False})
    other = desk.get(made).record.value(kept.address).tensor
    moved = (other - kept.tensor).abs().reshape(-1).tolist()
    assert np.frombuffer(apart.content, np.float64) == pytest.approx(moved, rel=1e-5)
    pack = Pack()
    written = {one["address"]: one for one in manifest(record, subject, pack)["values"]}
    assert ("halves" in written["filter"], "halves" in written["lift.bias"]) == (True, False)
    assert pack.blobs[written["filter"]["halves"]][0] == "f4"


@pytest.mark.parametrize(
    ("numbers", "columns", "place"),
    [
        ([[1.0, -9.0, 3.0]], (), 1),  # furthest from zero
        ([[1.0, -9.0, 3.0]], ("a", "b", "c"), 2),  # the highest score
        ([[1.0, -9.0, float("nan")]], ("a", "b", "c"), 0),
        ([[1.0, -9.0, 3.0]], ("a", "b"), 1),  # names of something else
        ([[]], (), 0),
    ],
)
def test_a_page_begins_with_the_number_that_says_most(
    numbers: list[list[float]], columns: tuple[str, ...], place: int
) -> None:
    record, subject = of_module(nn.Identity(), torch.tensor(numbers))
    told = manifest(record, replace(subject, columns=columns), None)
    assert told["begin"] == (record.outputs[0].address, place)
