"""An example of the test part, posed alone, is answered as among the others; and the marks say which is the worst."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liuli.catalog import find, listings
from liuli.data.dataset import Split
from liuli.tasks.table_control import TableControl
from liuli.tasks.tables import Table
from liuli.tasks.word_vectors import PAIRS

NOTHING = Split(np.zeros(0), np.zeros(0))


def drawn(name: str) -> tuple:
    """A system's task, the facts of a made-up batch, the batch, an untrained network and its answers to the batch."""
    system = find(name)
    torch.manual_seed(0)
    network, batch = system.build().eval(), system.task.draw(6, seed=1)
    with torch.inference_mode():
        return system.task, system.task.drawn_facts(), batch, network, system.task.respond(network, batch)


@pytest.mark.parametrize("name", sorted(listings()))
def test_every_task_says_which_of_its_answers_are_the_worst(name: str) -> None:
    task, facts, batch, _, output = drawn(name)
    marks = task.mark(output, batch, facts)
    assert marks is not None, "every data set has examples to be looked at, or a reason that is named here"
    order = marks.order.tolist()
    assert len(set(order)) == len(order) <= len(marks.values)
    assert set(order) <= set(range(len(marks.values)))
    if marks.wrong is not None:
        assert marks.wrong[marks.order[: marks.mistakes]].all()
        assert int(marks.wrong.sum()) == marks.mistakes


POSED = ["recommender", "vae", "gan", "bert", "mdp", "q-learning", "dqn", "nms", "gpt", "style-transfer"]


@pytest.mark.parametrize("name", POSED)
def test_alone_it_is_answered_as_among_the_others(name: str) -> None:
    task, facts, batch, network, output = drawn(name)
    if name == "dqn":
        facts = replace(facts, details={**facts.details, "measured": list("abcd")})
    index = int(task.mark(output, batch, facts).order[0])
    if name == "gpt":
        batch = tuple(torch.cat([part, part], 1) for part in batch)  # examples of a data set have two windows
    example = task.pose(NOTHING, batch, index, facts).example
    with torch.inference_mode():
        alone = task.respond(network, example.batch)[0]
    if name == "gpt":
        torch.testing.assert_close(alone[: batch[0].size(2)].int(), batch[0][index, 0])
        return
    among = output[index]
    assert task.answer(alone, facts)["answer"] == task.answer(among, facts)["answer"]
    if name == "nms":
        among = among[among[:, 5] >= 0]  # without what fills the place
    if name != "bert":  # of which only the blanks are left, as its answer has them
        torch.testing.assert_close(alone, among)
    with pytest.raises(IndexError):
        task.pose(NOTHING, batch, 6, facts)


def test_a_rating_far_from_the_one_foretold_comes_first() -> None:
    task, facts, batch, _, output = drawn("recommender")
    off = np.abs(np.clip(output[:, 2].double().numpy(), 1, 5) - batch[1].numpy())
    marks = task.mark(output, batch, facts)
    np.testing.assert_allclose(marks.values.numpy(), off)
    assert off[marks.order.numpy()].tolist() == sorted(off, reverse=True)
    posed = task.pose(NOTHING, batch, 2, facts)
    assert posed.right == f"{batch[1][2]:g}"
    assert posed.example.spelled == f"user {batch[0][2, 0]}, {batch[0][2, 1]}"


def test_a_gap_is_what_the_action_costs_if_all_after_it_are_the_best() -> None:
    task = find("q-learning").task
    assert isinstance(task, TableControl)
    facts = task.drawn_facts()
    table, random = Table.of_lists(facts.learnt), np.random.default_rng(0)
    values = np.zeros(len(table.start))
    for _ in range(2000):  # value iteration, which `Table` does not use
        worth = (table.probability * (table.reward + table.discount * values[table.follows])).sum(2)
        values = worth.max(1)
    policy = random.integers(worth.shape[1], size=len(values))
    np.testing.assert_allclose(table.gaps(policy), values - worth[np.arange(len(values)), policy], atol=1e-9)
    assert not table.gaps(worth.argmax(1)).any()

    count = len(values)
    batch = task.draw(count)
    output = torch.zeros(count, worth.shape[1], 2, dtype=torch.float64)
    output[range(count), policy, 0] = 1.0
    marks = task.mark(output, batch, facts)
    assert marks.mistakes == (table.gaps(policy) > 0).sum()
    assert marks.values[marks.order[0]] == pytest.approx(table.gaps(policy).max())
    best = task.pose(NOTHING, batch, 3, facts)
    assert best.right.split(" / ")[0] == facts.classes[int(worth[3].argmax())]
    assert best.example.spelled == "state 3"


def test_analogies_that_were_missed_come_first_and_pairs_do_not() -> None:
    task, facts, batch, _, output = drawn("word2vec")
    marks = task.mark(output, batch, facts)
    section, right = batch[4].numpy(), (output[:, 1] == batch[0][:, 3]).numpy()
    assert sorted(marks.order.tolist()) == np.flatnonzero(section > PAIRS).tolist()
    assert marks.mistakes == (~right[section > PAIRS]).sum()
    split = Split(np.array(["word7 word8 word9 word10", "word1 word2"]), np.array([np.nan, 7.5]))
    posed = task.pose(split, batch, 0, facts)
    assert (posed.given, posed.right) == ("word7 : word8 = word9 : ?", "word10")
    words, signs = posed.example.batch[:2]
    assert words[signs == 1].tolist() == [8, 9]
    assert words[signs == -1].tolist() == [7]
    assert task.pose(split, batch, 1, facts).right == "7.5"


def test_of_a_text_every_piece_says_how_surprising_it_was() -> None:
    task, facts, batch, _, output = drawn("gpt")
    one = tuple(part[:1] for part in batch)
    found = task.piecewise(output[:1], one, facts)
    counted = batch[2][0]
    np.testing.assert_allclose([piece.surprise for piece in found], output[0][counted].numpy(), rtol=1e-6)
    letters = facts.learnt["characters"]
    assert "".join(piece.text for piece in found) == "".join(letters[number - 1] for number in batch[1][0][counted])


def test_of_masked_pieces_the_text_says_what_was_named() -> None:
    task, facts, batch, _, output = drawn("bert")
    truth = task.truth(batch)
    for index in range(len(truth)):
        one = tuple(part[index : index + 1] for part in batch)
        found = task.piecewise(output[index : index + 1], one, facts)
        masked = [piece for piece in found if piece.surprise is not None]
        places = batch[4][index].tolist()
        chosen = sorted(range(len(places)), key=lambda k: places[k])
        chosen = [k for k in chosen if places[k]]
        assert [piece.surprise for piece in masked] == pytest.approx([-float(output[index, k, 0]) for k in chosen])
        for piece, k in zip(masked, chosen, strict=True):
            named = int(output[index, k, 1])
            assert piece.said == ("" if named == truth[index, k] else f"w{named}")
            assert piece.text == f" w{int(truth[index, k])}"
