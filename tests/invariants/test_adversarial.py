"""How samples are judged, drawn and asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from liuli.catalog import find
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks.adversarial import ImageGeneration
from liuli.tasks.judge import packed, unpacked

SYSTEM = find("gan")
TASK = SYSTEM.task
assert isinstance(TASK, ImageGeneration)


@pytest.fixture(scope="module")
def facts() -> Facts:
    """With a judge that knows nothing and is sure of everything."""
    torch.manual_seed(0)
    judge = find("lenet").build()
    with torch.no_grad():
        judge.output.weight.mul_(2000)
    return replace(TASK.drawn_facts(), learnt={"judge": packed(judge)})


def output(count: int) -> torch.Tensor:
    torch.manual_seed(0)
    return SYSTEM.build().eval()(torch.randn(count, 64) * 3).detach()


def test_metrics_are_what_the_judge_says(facts: Facts) -> None:
    found: dict[str, Any] = TASK.metrics(output(400), TASK.draw(400), facts)
    pixels = (output(400)[:, :-1] * 255).round().view(-1, 1, 28, 28)
    scores = unpacked(TASK.judge, facts)(torch.nn.functional.pad(pixels / 255, (2, 2, 2, 2)))
    shares = torch.softmax(scores, 1).detach().numpy()
    sure = shares.max(1) >= 0.9
    counts = np.bincount(shares.argmax(1)[sure], minlength=10)
    assert found["sure"] == sure.mean() > 0.5
    assert list(found["shares"].values()) == pytest.approx(list(counts / 400))
    assert found["entropy"] == pytest.approx(entropy(counts))
    assert found["present"] == (counts >= 4).sum()
    assert found["fooled"] == (output(400)[:, -1] > 0).float().mean()
    labels, real = TASK.draw(400)[2], TASK.judged(TASK.draw(400)[1], facts)
    assert found["judge_accuracy"] == (real.argmax(1) == labels).double().mean()


def test_samples_that_lack_a_digit_count_for_nothing(facts: Facts) -> None:
    collapsed = output(1).expand(50, -1)
    found: dict[str, Any] = TASK.metrics(collapsed, TASK.draw(50), facts)
    assert (found["present"], found["judged"], found["entropy"]) == (int(found["sure"]), 0.0, 0.0)


def test_the_judge_learns_from_the_training_part_and_stays_with_the_run() -> None:
    """Bars that stand or lie; nothing of the global generator is used."""
    pixels, labels = np.zeros((400, 28, 28, 1), np.uint8), np.arange(400) % 2
    places = np.random.Generator(np.random.PCG64(0)).integers(4, 24, 400)
    for picture, place, lying in zip(pixels, places, labels, strict=True):
        picture[(place, slice(4, 24)) if lying else (slice(4, 24), place)] = 255
    known = replace(TASK.drawn_facts(), classes=("stands", "lies"), learnt={})
    before = torch.get_rng_state()
    first, again = (TASK.learn(Split(pixels, labels), known) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first == again
    judged = TASK.judged(torch.from_numpy(pixels).permute(0, 3, 1, 2), replace(known, learnt=first))
    assert (judged.argmax(1).numpy() == labels).mean() > 0.95


@pytest.mark.parametrize("damage", [{}, {"judge": "%%"}, {"judge": "AAAA"}], ids=["none", "no text", "no weights"])
def test_a_judge_that_is_lost_is_said(damage: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"judge.s weights in learnt\.json are missing or damaged"):
        unpacked(TASK.judge, replace(TASK.drawn_facts(), learnt=damage))


@pytest.mark.parametrize("text", ["7", " 7\n", "0", "123456789012345678"])
def test_a_seed_is_a_sample(text: str, facts: Facts) -> None:
    noise = TASK.read(text, facts, text).batch[0]
    assert torch.equal(noise, torch.randn(1, 64, generator=torch.Generator().manual_seed(int(text))))
    assert torch.equal(TASK.read(text.encode(), facts, "standard-input").batch[0], noise)


@pytest.mark.parametrize("text", ["", "-1", "7.5", "seven", "²", "9" * 30, "7 8"])
def test_what_is_no_seed_is_said(text: str, facts: Facts) -> None:
    with pytest.raises(UserError, match="expected a seed to draw a sample by: a whole number from 0, such as 7"):
        TASK.read(text, facts, text)


def test_a_file_is_no_seed(facts: Facts) -> None:
    with pytest.raises(UserError, match=r"seven.png: is a file, expected a seed"):
        TASK.read(Path("seven.png"), facts, "seven.png")


def test_an_answer_names_what_the_judge_sees(facts: Facts, tmp_path: Path) -> None:
    one = output(3)[1]
    answer: dict[str, Any] = dict(TASK.answer(one, facts))
    assert answer["answer"] in facts.classes
    assert answer["probability"] == answer["probabilities"][answer["answer"]] == max(answer["probabilities"].values())
    assert answer["real"] == pytest.approx(1 / (1 + np.exp(-float(one[-1]))))
    example = TASK.read("7", facts, "7")
    assert TASK.save_answer(example, one, facts, tmp_path / "7.png").stat().st_size > 100
    names = [file.name for file in TASK.figures(output(60), TASK.draw(60), facts, tmp_path / "figures")]
    assert names == ["judged.png", "doubted.png"]
