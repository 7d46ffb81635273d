"""Environments are Gymnasium's own, bit for bit; what is measured and what is learnt equals other means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from PIL import Image

from liuli import catalog
from liuli.data.dataset import Data, Facts
from liuli.data.store import load
from liuli.models.decisions.dqn import QNetwork
from liuli.tasks import cart_pole, decision_figures
from liuli.tasks.balancing import Balance, ahead
from liuli.tasks.table_control import Planning
from liuli.tasks.tables import Table

WORLDS = {"frozen-lake": "FrozenLake-v1", "taxi": "Taxi-v4", "cliff-walking": "CliffWalking-v1"}


def table_of(name: str) -> tuple[Data, Table]:
    data = load(name)
    return data, Table.of_split(data.train)


@pytest.mark.parametrize("name", WORLDS)
def test_a_table_says_what_gymnasium_does(name: str) -> None:
    """Every step of some hundreds is among the outcomes that the table has, with its reward and its end."""
    data, table = table_of(name)
    world = gymnasium.make(WORLDS[name])
    random = np.random.default_rng(0)
    now, _ = world.reset(seed=0)
    assert table.start[now] > 0
    for _ in range(400):
        action = int(random.integers(len(data.facts.classes)))
        after, reward, ended, broken, _ = world.step(action)
        found = [
            k
            for k in range(table.follows.shape[2])
            if table.follows[now, action, k] == after and table.probability[now, action, k] > 0
        ]
        assert found
        assert table.reward[now, action, found[0]] == reward
        assert (table.discount[now, action, found[0]] == 0) == ended
        now = after
        if ended or broken:
            now, _ = world.reset()
    assert np.allclose(table.probability.sum(2), 1, atol=1e-12)
    assert abs(table.start.sum() - 1) < 1e-12


def test_carts_are_gymnasiums_bit_for_bit() -> None:
    data = load("cartpole")
    world = gymnasium.make("CartPole-v1")
    random = np.random.default_rng(0)
    for seed in (1_000_000, 1_000_001):
        world.reset(seed=seed)
        state = data.test.inputs[seed - 1_000_000]
        assert np.array_equal(world.unwrapped.state, state)
        ended = False
        while not ended:
            action = int(random.integers(2))
            _, reward, ended, _, _ = world.step(action)
            state, fallen = cart_pole.push(state, np.array(action))
            assert np.array_equal(world.unwrapped.state, state)
            assert (bool(fallen), reward) == (ended, 1.0)


def test_a_response_plays_the_episodes_that_gymnasium_plays() -> None:
    """Greedily, by the same network, an episode of Gymnasium's own environment has as many steps."""
    task = Balance()
    torch.manual_seed(0)
    network = catalog.find("dqn").build().eval()
    data = load("cartpole")
    batch = tuple(one[:3] for one in task.tensors(data.test, data.facts))
    output = task.respond(network, batch)
    returns = task.metrics(output, batch, data.facts)
    lengths = []
    for seed in range(1_000_000, 1_000_003):
        world = gymnasium.make("CartPole-v1")
        world.reset(seed=seed)
        steps, over = 0, False
        while not over:
            seen = torch.tensor(world.unwrapped.state, dtype=torch.float32)
            action = int(network.online(seen[None]).argmax())
            _, _, ended, broken, _ = world.step(action)
            steps, over = steps + 1, ended or broken
        lengths.append(steps)
    assert returns["return"] == pytest.approx(np.mean(lengths))
    assert returns["deviation"] == pytest.approx(np.std(lengths, ddof=1))
    assert (returns["least"], returns["most"]) == (min(lengths), max(lengths))


def test_the_racing_car_is_worth_what_algebra_says() -> None:
    """V(cool) − V(warm) = 1 and V(cool) = 2 + γ (V(cool) − ½), so that V(cool) = (2 − γ/2) / (1 − γ)."""
    _, table = table_of("racing")
    assert table.optimum == pytest.approx([15.5, 14.5, 0], abs=1e-12)
    first = table.lookahead(np.zeros(3)).max(1)
    assert first.tolist() == [2, 1, 0]
    assert table.lookahead(first).max(1) == pytest.approx([2 + 0.9 * 1.5, 1 + 0.9 * 1.5, 0])


@pytest.mark.parametrize("name", ["racing", *WORLDS])
def test_the_optimum_is_that_of_value_iteration(name: str) -> None:
    _, table = table_of(name)
    values = np.zeros(len(table.start))
    for _ in range(3000):
        values = table.lookahead(values).max(1)
    assert table.optimum == pytest.approx(values, abs=1e-9)


@pytest.mark.parametrize("name", ["racing", "frozen-lake"])
def test_a_policys_worth_is_what_playing_it_brings(name: str) -> None:
    """The discounted return of many episodes, played here by another hand, has the solved worth as its mean."""
    _, table = table_of(name)
    random = np.random.default_rng(0)
    policy = random.integers(table.follows.shape[1], size=len(table.start))
    returns = []
    for _ in range(1500):
        state, weight, total = int(table.start.argmax()), 1.0, 0.0
        while weight > 1e-4:
            k = random.choice(table.follows.shape[2], p=table.probability[state, policy[state]])
            total += weight * table.reward[state, policy[state], k]
            weight *= table.discount[state, policy[state], k]
            state = table.follows[state, policy[state], k]
        returns.append(total)
    exact = float(table.start @ table.worth(policy))
    assert abs(np.mean(returns) - exact) < 4 * np.std(returns) / np.sqrt(len(returns)) + 1e-2


@pytest.mark.parametrize("evaluations", [1, 50])
@pytest.mark.parametrize("name", ["racing", "frozen-lake"])
def test_both_methods_end_at_the_solution(name: str, evaluations: int) -> None:
    task, facts, batch = learnt(name, Planning(states=3, moves=2))
    network = catalog.find("mdp").model(**task.options(facts), evaluations=evaluations)
    for _ in range(2500 // evaluations):
        network.learn(batch, 1.0)
    output = task.respond(network, batch).detach()
    metrics = task.metrics(output, batch, facts)
    assert metrics["value error"] < 1e-9
    assert metrics["residual"] < 1e-9
    assert metrics["optimality gap"] == pytest.approx(0, abs=1e-9)


def learnt(name: str, task: Any) -> tuple[Any, Facts, Any]:
    data = load(name)
    facts = replace(data.facts, learnt=task.learn(data.train, data.facts))
    return task, facts, task.tensors(data.train, facts)


def test_q_learning_never_looks_at_what_it_did_not_meet() -> None:
    """Where probabilities are certain, other outcomes' rewards may be anything."""
    system = catalog.find("q-learning")
    _, facts, batch = learnt("taxi", system.task)
    tables = []
    for poison in (0.0, 1e9):
        torch.manual_seed(0)
        network = system.build(**system.task.options(facts), episodes=20)
        state, follows, probability, reward, discount, start = batch
        wider = [torch.cat([one, torch.zeros_like(one)], -1) for one in (follows, probability, discount)]
        reward = torch.cat([reward, torch.full_like(reward, poison)], -1)
        network.learn((state, wider[0], wider[1], reward, wider[2], start), 1.0)
        tables.append(network.table.detach())
    assert torch.equal(*tables)
    assert tables[0].any()


def test_one_step_of_q_learning_by_hand() -> None:
    """One state, one action, a certain reward of 3, γ = ½: Q ← Q + α (3 + Q / 2 − Q), α = 100 / (100 + visits)."""
    system = catalog.find("q-learning")
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    batch = (torch.zeros(1, dtype=torch.int64), one.long() * 0, one, 3 * one, one / 2, one[0, 0])
    network = system.build(states=1, actions=1, episodes=1)
    network.learn(batch, 0.5)
    held = 0.0
    for visits in range(200):
        held += 0.5 * 100 / (100 + visits) * (3 + held / 2 - held)
    assert network.table.item() == pytest.approx(held, rel=1e-12)
    assert network.visits.item() == 200


@pytest.mark.parametrize("double", [True, False])
def test_one_gradient_step_of_dqn_in_loops(double: bool) -> None:
    """The target of every moment drawn, number by number, and Adam's first step along the gradient's sign."""
    torch.manual_seed(0)
    network = catalog.find("dqn").build(double=double).double()
    for one in network.parameters():
        one.data += 0.1 * torch.randn_like(one)
    network.begin(torch.zeros(1, 4, dtype=torch.float64))
    past = network.past
    past["moments"] = torch.randn(50, 10).double()  # seen, after, action, whether it goes on
    past["moments"][:, 8:] = torch.randint(2, (50, 2))
    past["count"] += 50

    def q(which: str, state: Any) -> list[float]:
        of = {name: value.detach().numpy() for name, value in getattr(network, which).state_dict().items()}
        x = [float(a) / float(b) for a, b in zip(state, of["units"], strict=True)]
        for layer in ("hidden1", "hidden2", "output"):
            weight, bias = of[f"{layer}.weight"], of[f"{layer}.bias"]
            x = [b + sum(w * a for w, a in zip(row, x, strict=True)) for row, b in zip(weight, bias, strict=True)]
            x = x if layer == "output" else [max(a, 0.0) for a in x]
        return [100 * a for a in x]

    dice = torch.get_rng_state()
    chosen = torch.randint(50, (64,)).tolist()
    torch.set_rng_state(dice)
    errors = []
    for moment in chosen:
        kept = past["moments"][moment].tolist()
        seen, after, action, going = kept[:4], kept[4:8], int(kept[8]), kept[9]
        online, target = q("online", after), q("target", after)
        worth = target[online.index(max(online))] if double else max(target)
        errors.append((1 + 0.99 * going * worth - q("online", seen)[action]) ** 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    loss = network.improve(0.99, 1e-3)
    assert float(loss) == pytest.approx(sum(errors) / 64, rel=1e-10)
    moved = network.online.output.bias - before["online.output.bias"]
    assert moved.abs().tolist() == pytest.approx([1e-3] * 2, rel=1e-6)
    for name, value in network.target.state_dict().items():
        was, other = before[f"target.{name}"], network.online.state_dict()[name]
        assert torch.allclose(value, was + 0.02 * (other - was), rtol=1e-12, atol=1e-15), name


def test_slopes_written_out_are_those_of_autograd() -> None:
    torch.manual_seed(0)
    network = QNetwork(5).double()
    states, wrong = torch.randn(7, 4).double(), torch.randn(7, 2).double()
    network(states).backward(wrong)
    with torch.no_grad():
        *hidden, _ = network.layers(states)
        slopes = network.slopes(*hidden, wrong)
        faulty = network.slopes(hidden[0], hidden[2], hidden[1], wrong)
    for parameter, slope in zip(network.parameters(), slopes, strict=True):
        assert torch.allclose(slope, parameter.grad, rtol=1e-12, atol=0)
    assert not torch.allclose(faulty[-2], network.output.weight.grad)


def test_the_target_looks_one_push_ahead() -> None:
    states = torch.tensor([[0.1, 0.2, -0.05, 0.3], [0.0, 0.0, 0.2, 2.0]], dtype=torch.float64)
    _, follows, probability, reward, discount = ahead(states, 0.9)
    for row in range(2):
        for action in range(2):
            after, fallen = cart_pole.push(states[row].numpy(), np.array(action))
            assert np.array_equal(follows[row, action, 0].numpy(), after)
            assert float(discount[row, action, 0]) == (0.0 if fallen else 0.9)
    assert discount[1].max() == 0, "that pole can no longer be saved"
    assert probability.unique().tolist() == reward.unique().tolist() == [1.0]


def test_figures_of_every_environment_are_drawn(tmp_path: Path) -> None:
    system = catalog.find("q-learning")
    for name, expected in (("racing", {"table.png"}), ("taxi", {"table.png", "policy.png"})):
        task, facts, batch = learnt(name, system.task)
        output = task.respond(system.build(**task.options(facts)), batch).detach()
        assert {file.name for file in task.figures(output, batch, facts, tmp_path / name)} == expected


def test_a_film_has_a_frame_for_every_second_push_and_the_last(tmp_path: Path) -> None:
    pushes = torch.tensor([1.0, 0, 1, 0, 1, -1, -1])
    file = decision_figures.film(torch.zeros(4), pushes, tmp_path / "episode.gif")
    with Image.open(file) as film:
        assert (film.n_frames, film.size) == (4, decision_figures.FRAME)
