"""What an explanation holds: terms that add up, formulas in four notations, JSON that hides nothing, clear refusals."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from liuli.errors import UserError
from liuli.explaining import Explanation, explain, explain_gradient, operand_table, unit
from liuli.explaining.explain import bench
from liuli.lab.instances import MOST, explained
from liuli.models.vision.lenet import LeNet
from liuli.tracing import Record, trace


class Odd(nn.Module):
    """Operations that have no explainer, no gradient, no operands."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turned = torch.linalg.qr(x).Q
        return (turned * torch.rand(x.shape) + torch.zeros(3)).sum() + x.detach().sum()


class Spectrum(nn.Module):
    """Complex numbers on the way."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft(x).abs().sum()


@pytest.fixture(scope="module")
def record() -> Record:
    torch.manual_seed(0)
    labels = torch.tensor([1, 2])
    return trace(LeNet(), torch.rand(2, 1, 32, 32), loss=lambda scores: F.nll_loss(scores.softmax(1).log(), labels))


def every_kind(record: Record) -> list[Explanation]:
    """The first and the last number of every value, forward and backward."""
    found = []
    for value in record.values():
        for index in (tuple(0 for _ in value.shape), tuple(size - 1 for size in value.shape)):
            found.append(explain(record, value, index))
            found.append(explain_gradient(record, value, index))
    return found


def test_terms_add_up_to_the_result(record: Record) -> None:
    for one in every_kind(record):
        sums = one.partial_sums
        assert sums[-1] == pytest.approx(one.result, rel=1e-9, abs=1e-12, nan_ok=True)
        assert len(sums) == len(one.terms) == len(list(one.terms))


def test_every_operand_is_a_number_of_the_record(record: Record) -> None:
    for one in every_kind(record):
        for operand in one.operands[:50]:
            value = record.value(operand.address)
            tensor = value.grad if operand.source.gradient else value.tensor
            assert tensor is not None
            assert operand.value() == pytest.approx(float(tensor[operand.index]))


def test_a_long_sum_is_whole_for_a_program_and_folded_for_a_reader(record: Record) -> None:
    (dense,) = record.find(operation="linear", where=lambda value: value.shape == (2, 120))
    one = record.explain(dense, (1, 7))
    assert len(one.terms) == 401  # 400 inputs and the bias
    whole, folded = one.to_json(), one.to_json(5)
    assert len(whole["terms"]["listed"]) == 401
    assert whole["terms"]["rest"] == {"count": 0, "value": 0.0}
    shown = folded["terms"]["listed"]
    assert len(shown) == 5
    assert abs(shown[0]["value"]) == max(abs(term.value) for term in one.terms)
    assert folded["terms"]["rest"]["count"] == 396
    assert sum(term["value"] for term in shown) + folded["terms"]["rest"]["value"] == pytest.approx(one.result)
    assert "396 more terms" in one.text(5)
    assert "more terms" not in one.text(401)


def test_formulas_are_written_in_four_notations(record: Record) -> None:
    for one in every_kind(record):
        told = json.loads(json.dumps(one.to_json(3), allow_nan=False))
        parts = [told["formula"], told["numbers"], *told["definitions"], *(part["symbol"] for part in told["where"])]
        for part in parts:
            ElementTree.fromstring(f"<math>{part['mathml'].replace('&#x', '&#x')}</math>")
            assert part["latex"].count("{") == part["latex"].count("}")
            assert part["text"]
            assert "<" not in part["words"]


def test_a_convolution_reads_as_in_a_textbook(record: Record) -> None:
    one = record.explain("%0", (0, 1, 2, 3))
    told = one.to_json(2)["formula"]
    assert told["text"] == "y[n,o,i,j] = ∑_c,u,v W[o,c,u,v]·x[n,c,i+u,j+v] + b[o]"
    assert told["latex"] == r"y_{n,o,i,j} = \sum_{c,u,v} W_{o,c,u,v} \cdot x_{n,c,i+u,j+v} + b_{o}"
    assert told["words"].startswith("y of n o i j equals the sum over c and u and v of W of o c u v times x of")
    assert one.operands[0].address == "c1.weight"
    assert one.operands[0].index == (1, 0, 0, 0)
    assert one.operands[25].index == (0, 0, 2, 3)


def test_what_is_no_formula_says_so(record: Record) -> None:
    weight = record.explain("c1.weight", (0, 0, 0, 0))
    assert (weight.kind, weight.residual) == ("leaf", 0.0)
    assert "parameter" in weight.text()

    odd = trace(Odd(), torch.randn(3, 3), loss=lambda output: output)
    turned = odd.find(operation="linalg_qr")[0]
    opaque = odd.explain(turned, (0, 0))
    assert (opaque.kind, opaque.inputs) == ("opaque", ("input[0]",))
    assert "linalg_qr has no explainer yet" in opaque.text()
    assert "what passes through" in odd.explain_gradient("input[0]", (0, 0)).note
    spectrum = trace(Spectrum(), torch.randn(4), loss=lambda output: output)
    complex_number = spectrum.explain("%0", (1,))
    assert (complex_number.kind, complex_number.note) == (
        "opaque",
        "not explained: its complex numbers have no formula yet",
    )
    assert spectrum.explain_gradient("%0", (1,)).note == "not explained: its complex numbers have no formula yet"
    (drawn,) = odd.find(operation="rand")
    assert "drawn at random" in odd.explain(drawn, (0, 0)).text()
    assert "no gradient reached" in odd.explain_gradient(drawn, (0, 0)).text()


def test_questions_that_cannot_be_answered_are_refused(record: Record) -> None:
    with pytest.raises(UserError, match=r"%99: no value of this record"):
        explain(record, "%99")
    with pytest.raises(UserError, match=r"%0\[9,0,0,0\]: no such element, the value has shape \(2, 6, 28, 28\)"):
        explain(record, "%0", (9, 0, 0, 0))
    with pytest.raises(UserError, match="give 4 positions"):
        explain(record, "%0", (0,))
    with pytest.raises(UserError, match="'forward' or 'backward'"):
        explain(record, "%0", (0, 0, 0, 0), "sideways")
    with pytest.raises(UserError, match="is no index"):
        unit(record, "%0[a,b]")


def test_units_are_found_as_they_are_typed(record: Record) -> None:
    value, index = unit(record, "input[0][0,0,-1,3]")
    assert (value.address, index) == ("input[0]", (0, 0, -1, 3))
    assert explain(record, value, index).index == (0, 0, 31, 3)
    assert unit(record, "input[0]")[1] == ()
    assert unit(record, record.loss.address if record.loss else "")[0] is record.loss


@pytest.mark.parametrize("name", ["linear", "conv2d", "max_pool2d"])
def test_a_table_holds_the_operands_of_a_whole_operation(record: Record, name: str) -> None:
    operation = next(one for one in record.operations if one.name == name)
    table = operand_table(operation)
    assert table is not None
    columns = {}
    for letter, places in table.places.items():
        flat = record.value(table.addresses[letter]).tensor.double().reshape(-1).numpy()
        columns[letter] = np.where(places < 0, -np.inf if name == "max_pool2d" else 0.0, flat[places])
    pooled = name == "max_pool2d"
    found = columns["x"].max(1) if pooled else (columns["x"] * columns["W"]).sum(1) + columns["b"][:, 0]
    captured = record.value(operation.outputs[0]).tensor.reshape(-1).numpy()
    np.testing.assert_allclose(found, captured, rtol=1e-4, atol=1e-5)
    assert operand_table(next(one for one in record.operations if one.name == "relu")) is None


def test_what_was_asked_is_kept_no_longer_than_the_record() -> None:
    import gc
    import weakref

    record = trace(nn.Linear(2, 2), torch.ones(2))
    explain(record, "%0", (0,))
    gone = weakref.ref(record)
    gc.disable()
    try:
        del record
        assert gone() is None
    finally:
        gc.enable()


def test_what_is_made_of_more_numbers_than_a_page_holds_says_so() -> None:
    record = trace(nn.Flatten(0), torch.ones(1, MOST + 1), loss=torch.sum)
    (part,) = explained(bench(record), record.loss.address if record.loss else "", 0, "forward")["parts"]
    assert part["reason"] == f"it is made of {MOST + 1:,} numbers; a page shows {MOST:,} at most"
    assert "letters" not in part
