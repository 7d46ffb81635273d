"""Running again from a change gives what the changed module gives; a number depends on what its provenance says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.explaining import compare, provenance, whatif
from liuli.models.vision.convnet import ConvNet
from liuli.models.vision.lenet import LeNet
from liuli.tracing import trace
from tests.foreign import BLOCKS, example


class Words(nn.Module):
    """Words with positions, attention between them, a dense layer: writes in place on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)
        self.positions = nn.Parameter(torch.randn(5, 4))
        self.dense = nn.Linear(4, 3)

    def forward(self, words: Tensor) -> Tensor:
        x = self.table(words.view(-1)) + self.positions[: len(words)]
        weights = (x @ x.mT / 2).softmax(-1)
        mixed = F.dropout(weights @ x, 0.5, self.training)
        mixed[0].mul_(2)
        return self.dense(mixed)


def test_a_changed_pixel_changes_what_the_network_would_change() -> None:
    torch.manual_seed(0)
    network, picture = LeNet().eval(), torch.rand(1, 1, 32, 32)
    before = trace(network, picture)
    after = whatif(before, {"input[0]": {(0, 0, 5, 5): 3.0}})
    changed = picture.clone()
    changed[0, 0, 5, 5] = 3.0
    apart = compare(trace(network, changed), after)
    assert max(one.largest for one in apart) == 0.0
    assert [one.address for one in compare(before, after) if one.largest][:3] == ["input[0]", "%0", "%1"]
    assert compare(before, after)[0].share == pytest.approx(1 / 1024)
    one = after.explain(after.outputs[0], (0, 3))
    assert abs(one.residual) <= 1e-5 * one.scale
    assert after.outputs[0].grad is None
    assert "changed" in after.notes[-1]


@pytest.mark.parametrize("name", BLOCKS)
def test_a_changed_weight_in_a_foreign_block(name: str) -> None:
    module, given = example(name)
    record = trace(module, gradients=False, **given)
    weight = next(value for value in record.parameters if value.users)
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.get_parameter(weight.address).mul_(1.5)
    again = whatif(record, {weight.address: weight.tensor * 1.5})
    apart = compare(trace(other, gradients=False, **given), again)
    assert max(one.relative for one in apart) < 1e-5


def test_what_was_drawn_stays_drawn_and_writes_stay_in_place() -> None:
    torch.manual_seed(0)
    record = trace(Words().train(), torch.tensor([1, 2, 3]), gradients=False)
    same = whatif(record, {"positions": record.value("positions").tensor})
    assert max(one.largest for one in compare(record, same)) == 0.0
    other = whatif(record, {"positions": 0.0})
    dropped = record.find(operation="dropout")[0]
    assert torch.equal(dropped.tensor == 0, other.value(dropped.address).tensor == 0)


def test_a_value_in_between_is_not_made_anew() -> None:
    record = trace(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), torch.ones(2))
    after = whatif(record, {"%1": 0.0})
    assert torch.equal(after.value("%0").tensor, record.value("%0").tensor)
    assert torch.equal(after.outputs[0].tensor, record.value("2.bias").tensor)


def test_changes_that_cannot_be_made_are_refused() -> None:
    record = trace(nn.Linear(2, 3), torch.ones(2))
    with pytest.raises(UserError, match=r"weight: has shape \(3, 2\), the change has shape \(2,\)"):
        whatif(record, {"weight": torch.ones(2)})
    with pytest.raises(UserError, match="no value of this record"):
        whatif(record, {"wait": 1.0})
    with pytest.raises(UserError, match="no such element"):
        whatif(record, {"weight": {(5, 5): 1.0}})


@pytest.mark.parametrize(
    ("address", "index", "box"), [("%0", (0, 1, 3, 4), (3, 8, 4, 9)), ("%3", (0, 2, 3, 4), (6, 20, 8, 22))]
)
def test_the_receptive_field_is_the_one_of_the_textbook(
    address: str, index: tuple[int, ...], box: tuple[int, ...]
) -> None:
    record = trace(LeNet(), torch.rand(1, 1, 32, 32), gradients=False)
    rows, columns = provenance(record, address, index).field("input[0]")[2:]
    assert (rows.start, rows.stop, columns.start, columns.stop) == box


def perturbed(module: nn.Module, given: Tensor, place: int, pick: Any) -> bool:
    """Whether a number changes when one element of the input does."""
    changed = given.clone()
    changed.view(-1)[place] += 10.0
    return bool(pick(module(given)) != pick(module(changed)))


@pytest.mark.parametrize("module", [ConvNet().double(), nn.Conv1d(1, 2, 3, stride=2, padding=1, dilation=2).double()])
def test_nothing_outside_the_reach_matters(module: nn.Module) -> None:
    torch.manual_seed(0)
    module.eval()
    given = (
        torch.rand(2, 1, 28, 28, dtype=torch.float64) if isinstance(module, ConvNet) else torch.rand(2, 1, 9).double()
    )
    record = trace(module, given, gradients=False)
    last = record.outputs[0]
    index = (1, *(1 for _ in last.shape[1:]))
    reach = provenance(record, last, index).reach["input[0]"].reshape(-1)
    for place in range(0, given.numel(), max(1, given.numel() // 60)):
        if perturbed(module, given, place, lambda output: output[index]):
            assert reach[place]
    assert not reach[: given.numel() // 2].any()  # the other example


def test_contributions_of_a_linear_path_are_exact_shares() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 4)).double()
    record = trace(module, torch.rand(1, 1, 8, 8).double(), gradients=False)
    found = provenance(record, record.outputs[0], (0, 2))
    assert found.nonlinear == ()
    assert "input[0]" in found.linear
    assert found.remainder == pytest.approx(0.0, abs=1e-14)
    biases = sum(float(found.contributions[f"{name}.bias"].sum()) for name in (0, 3))
    assert float(found.contributions["input[0]"].sum()) + biases == pytest.approx(found.number)
    assert float(found.shares("input[0]").abs().sum()) == pytest.approx(1.0)


def test_bends_on_the_way_are_named_and_words_have_their_share() -> None:
    torch.manual_seed(0)
    record = trace(Words().eval(), torch.tensor([1, 2, 3]), gradients=False)
    found = provenance(record, record.outputs[0], (1, 0))
    assert "softmax" in [operation.name for operation in found.nonlinear]
    assert found.contributions["input[0]"].shape == (3,)
    assert found.reach["input[0]"].all()
    assert found.path[0].address == record.outputs[0].address
    assert found.path[-1].number == float(record.value(found.path[-1].address).tensor[found.path[-1].index])
