"""Networks that teach themselves: what they keep, asked for what they do not do, shown what is no state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liuli import catalog
from liuli.data import environments
from liuli.data.store import load
from liuli.errors import UserError
from liuli.runs import Run
from liuli.tasks.balancing import Balance
from liuli.tasks.table_control import Planning, TableControl
from liuli.training.taught_engine import TaughtEngine
from tests.planted import first_wrong
from tests.training_child import Job, run

JOBS = {
    "mdp": Job(Path(), "mdp", {"epochs": 6}, data="racing"),
    "q-learning": Job(Path(), "q-learning", {"epochs": 5, "episodes": 30}, data="racing"),
    "dqn": Job(Path(), "dqn", {"epochs": 1, "batch_size": 200}, data="cartpole"),
}


@pytest.mark.parametrize("name", JOBS)
def test_an_engines_state_is_all_that_the_next_step_depends_on(name: str) -> None:
    system = catalog.find(name)
    batch = system.task.draw(16)
    torch.manual_seed(0)
    first, second = (TaughtEngine(system.build(), system.task, system.recipe) for _ in range(2))
    blank = {key: value.clone() for key, value in first.state().items()}
    first.train_step(batch, 0.01)
    kept = {key: value.clone() for key, value in first.state().items()}
    dice = torch.get_rng_state()
    sums = first.train_step(batch, 0.01)
    second.train_step(batch, 0.01)  # whatever it has seen is to be forgotten
    second.load_state(kept)
    torch.set_rng_state(dice)
    assert second.train_step(batch, 0.01).keys() == sums.keys()
    for key, value in first.state().items():
        assert torch.equal(value, second.state()[key]), key
    second.load_state(blank)
    assert second.state().keys() == blank.keys()
    assert all(torch.equal(value, second.state()[key]) for key, value in blank.items())


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    job = replace(JOBS["q-learning"], folder=tmp_path / "run", settings={"epochs": 9, "lr": 1e200})
    end = run(job)
    assert end.code == 2
    assert "q-learning: the loss became" in end.sentence
    opened = Run.open(tmp_path / "run")
    assert opened.state == "failed"
    assert all(value.isfinite().all() for value in opened.network().state_dict().values())


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (replace(JOBS["mdp"], settings={"momentum": 0.9}), "--set momentum: mdp teaches itself"),
        (replace(JOBS["dqn"], settings={"accumulate": 2}), "--set accumulate: dqn teaches itself"),
        (replace(JOBS["dqn"], data="racing"), "racing: holds a table of states, but this system decides in measured"),
        (replace(JOBS["mdp"], data="cartpole"), "cartpole: holds measured states, but this system decides where"),
        (replace(JOBS["mdp"], data="digits"), "digits: holds image data, but this system decides where states can"),
        (replace(JOBS["mdp"], settings={"evaluations": 0}), "evaluations=0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_before_anything_is_written(tmp_path: Path, job: Job, expected: str) -> None:
    end = run(replace(job, folder=tmp_path / "run"))
    assert (end.code, expected in end.sentence) == (2, True), end.sentence
    assert not (tmp_path / "run").exists()


def test_without_gymnasium(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(
        "builtins.__import__", lambda name, *rest: missing(name) if name == "gymnasium" else kept(name, *rest)
    )
    with pytest.raises(UserError, match=r"taxi: needs gymnasium, .* pip install 'liuli\[decisions\]'"):
        environments.gymnasium("taxi")


kept = __import__


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "expected the number of a state, 0 to 2, or car (cool to overheated)"),
        ("hot", "racing has no car 'hot'"),
        ("7", "state '7': racing has none such"),
        ("1,2", "expected the number of a state"),
        ("-1", "racing has no car '-1'"),
        (b"\xff\xfe\x00", "is no text"),
        (Path("/nowhere"), "cannot be read"),
    ],
)
def test_what_is_no_state_of_a_table(given: str | bytes | Path, expected: str) -> None:
    task = Planning(states=3, moves=2)
    data = load("racing")
    facts = replace(data.facts, learnt=task.learn(data.train, data.facts))
    with pytest.raises(UserError) as refusal:
        task.read(given, facts, "mine")
    assert expected in str(refusal.value)


def test_a_state_by_its_number_its_place_or_its_name() -> None:
    task = TableControl(states=3, moves=2)
    for name, ways in {"racing": ["1", "warm", b"warm\n"], "taxi": ["328", "3,1,2,0", "3 1 yellow red"]}.items():
        data = load(name)
        facts = replace(data.facts, learnt=task.learn(data.train, data.facts))
        found = [task.read(one, facts, "mine").batch for one in ways]
        assert all(torch.equal(*pair) for one in found[1:] for pair in zip(one, found[0], strict=True))
        assert found[0][0].tolist() == [1 if name == "racing" else 328]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0,0,0", "expected four numbers"),
        ("a,b,c,d", "expected four numbers"),
        ("0,0,nan,0", "expected four numbers"),
        ("3,0,0,0", "the episode is over there"),
        ("0,0,0.5,0", "the episode is over there"),
    ],
)
def test_what_is_no_state_of_a_cart(given: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        Balance().read(given, Balance().drawn_facts(), "mine")


def forget_the_discount(model: nn.Module) -> None:
    forward: Callable[..., Tensor] = model.forward
    model.forward = lambda *given: forward(*given[:4], torch.ones_like(given[4]))


def believe_the_worst(model: nn.Module) -> None:
    model.best = lambda target, online: target.amin(-1)


@pytest.mark.parametrize(
    ("name", "plant"),
    [("mdp", forget_the_discount), ("q-learning", forget_the_discount), ("dqn", forget_the_discount),
     ("dqn", believe_the_worst)],
)  # fmt: skip
def test_a_wrong_bellman_target_is_found(name: str, plant: Callable[[nn.Module], None]) -> None:
    assert first_wrong(name, plant) == "forward"
