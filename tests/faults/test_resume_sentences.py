"""Batches by length, each recorded for its shape: a run killed in the middle of an epoch ends with the same bits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.training_child import End, Job, run, trace


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("LIULI_DATA"), reason="LIULI_DATA is not set")
def test_killed_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    settings: dict[str, object] = {"epochs": 1, "batch_size": 512, "validation": 0.2}  # 7 steps
    assert run(Job(tmp_path / "whole", "lstm", settings, data="sms-spam")).code == 0
    killed = tmp_path / "run"
    assert run(Job(killed, "lstm", settings, data="sms-spam", fault=("step", 4))).code == -9
    assert run(Job(killed)) == End(0, "")
    assert trace(killed) == trace(tmp_path / "whole")
