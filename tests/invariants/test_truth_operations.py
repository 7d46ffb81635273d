"""Every operation's formula, computed again from its operands, gives the captured number; so does every gradient's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liuli.explaining import coverage
from tests.operation_families import FAMILIES
from tests.truth import truth

EXAMPLES = 8

drawn = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("family", FAMILIES)
@drawn
@given(data=st.data())
def test_formulas_give_what_was_captured(family: str, data: st.DataObject) -> None:
    case = FAMILIES[family](data.draw)
    dtype = data.draw(st.sampled_from([torch.float64, torch.float32]))
    record = case.record(dtype, data.draw(st.integers(0, 3)))

    assert coverage(record).missing == ()
    found = truth(record, draws=6)
    assert found.faults == []
    assert not found.unexplained


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@settings(drawn, max_examples=100)
@given(data=st.data())
def test_formulas_give_what_was_captured_often(family: str, data: st.DataObject) -> None:
    case = FAMILIES[family](data.draw)
    record = case.record(data.draw(st.sampled_from([torch.float64, torch.float32])), data.draw(st.integers(0, 99)))
    found = truth(record, draws=50)
    assert found.faults == []
    assert not found.unexplained
