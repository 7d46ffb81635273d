"""A network that learnt from MNIST reads what people draw with a mouse, a pen and a paint program."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import liuli
from liuli.errors import UserError
from tests.drawings import MEDIA, drawing

PEOPLE = 12


@pytest.mark.slow
@pytest.mark.data
def test_convnet_reads_a_persons_own_digits(tmp_path: Path) -> None:
    run = liuli.train("convnet", epochs=8, out=tmp_path / "convnet")
    network, task = run.network(), run.system.task
    right: dict[str, list[bool]] = {medium: [] for medium in MEDIA if medium != "large photo"}
    for medium, answers in right.items():
        for person in range(100, 100 + PEOPLE):
            for digit in range(10):
                picture = drawing(digit, person, medium)
                file = tmp_path / "drawing.png"
                picture.save(file)
                try:
                    example = task.read(file, run.facts, medium)
                except UserError:
                    answers.append(False)
                    continue
                with torch.inference_mode():
                    output = task.respond(network, example.batch)[0]
                answers.append(task.answer(output, run.facts)["answer"] == str(digit))
    shares = {medium: sum(answers) / len(answers) for medium, answers in right.items()}
    assert min(shares.values()) >= 0.9, shares
    assert sum(shares.values()) / len(shares) >= 0.95, shares
