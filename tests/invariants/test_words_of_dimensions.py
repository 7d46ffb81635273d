"""Which words the dimensions of values run along, and what a recurrent layer gave at each of them."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

import liuli
from liuli.errors import UserError
from liuli.lab.axes import follow
from liuli.lab.axes import told as told_axes
from liuli.lab.beginnings import Followed
from liuli.lab.manifest import Subject
from liuli.lab.replies import named
from liuli.lab.series import series, told
from liuli.lab.subjects import of_run
from liuli.lab.whatif import edits_of, whatif
from liuli.tracing.record import Record

NAMES = {"words": [f"w{number}" for number in range(20)]}


def made(exhibit: str, text: str) -> tuple[Record, Subject, Followed]:
    run = named(f"exhibit:{exhibit}")
    record, subject = of_run(run, run.system.task.read_all(text, run.facts, text)[0])
    return record, subject, follow(record, subject.words, subject.columns)


def words(found: Followed, address: str) -> list[list[str] | None]:
    return [None if axis is None else found.spelled(axis) for axis in found.axes[address]]


def test_attention_has_the_words_that_look_and_those_looked_at() -> None:
    record, _, found = made("translator", "a man rides a bike")
    source = ["a", "man", "rides", "a", "bike", "[END]"]
    target = found.words["input[1]"]
    assert target[:2] == ["[BEGIN]", "Ein"]
    expected = {"encoder": (source, source), "attention": (target, target), "source_attention": (target, source)}
    several = record.find("weights")
    assert len(several) == 6
    for value in several:
        assert value.producer is not None
        parts = value.producer.path.split(".")
        queries, keys = expected["encoder" if parts[0] == "encoder" else parts[-1]]
        assert words(found, value.address) == [None, None, queries, keys], value.producer.path


def test_of_what_stands_side_by_side_the_words_that_differ_are_told() -> None:
    class Rated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.others = nn.Embedding(20, 4), nn.Embedding(20, 4)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            user, item = self.words(x), self.others(y)
            return torch.cat([user, item], dim=-1).sum(-1) + (user * item).sum(-1)

    record = liuli.trace(Rated(), torch.full((1, 5), 3), torch.arange(5)[None])
    found = follow(record, {**NAMES, "others": [f"film {number}" for number in range(20)]})
    films = [f"film {number}" for number in range(5)]
    for operation in record.operations:
        if operation.name in ("cat", "mul", "sum", "add"):
            assert words(found, operation.outputs[0])[1] == films, operation.name
    assert words(found, "words.weight") == [NAMES["words"], None]
    assert "others.weight" not in follow(record, NAMES).axes


def test_equal_lengths_are_told_apart_by_where_they_come_from() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.others = nn.Embedding(20, 4), nn.Embedding(20, 4)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            keys = self.words(x).view(1, 5, 2, 2).transpose(1, 2)
            queries = self.others(y.flip(1)).view(1, 5, 2, 2).permute(0, 2, 1, 3)
            weights = (queries @ keys.mT).softmax(-1)  # (1, 2, T, S)
            return weights[:, :, 1:, ::2]

    x, y = torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([[6, 7, 8, 9, 10]])
    record = liuli.trace(Pair(), x, y, gradients=False)
    found = follow(record, {**NAMES, "others": NAMES["words"]})
    last = record.outputs[0].address
    assert words(found, last) == [None, None, ["w9", "w8", "w7", "w6"], ["w1", "w3", "w5"]]
    weights = record.find("weights")[0].address
    assert words(found, weights)[2:] == [["w10", "w9", "w8", "w7", "w6"], ["w1", "w2", "w3", "w4", "w5"]]
    assert found.vocabularies == {"input[0]": "words", "input[1]": "others"}


def test_two_sentences_at_once_or_an_unnamed_table_have_no_words() -> None:
    network = nn.ModuleDict({"words": nn.Embedding(20, 4)})["words"]

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = network

        def forward(self, x: Tensor) -> Tensor:
            return self.words(x).sum(1)

    record = liuli.trace(Whole(), torch.ones(2, 3, dtype=torch.int64), gradients=False)
    assert set(follow(record, NAMES).axes) == {"words.weight"}
    record = liuli.trace(Whole(), torch.ones(1, 3, dtype=torch.int64), gradients=False)
    assert not follow(record, {"other": NAMES["words"]}).axes
    assert not follow(record, {"words": ["w0"]}).axes  # fewer names than numbers
    found = follow(record, NAMES)
    assert record.outputs[0].address not in found.axes  # a sum over the words runs along them no more


@pytest.mark.parametrize("exhibit", ["translator", "gpt"])
def test_scores_have_the_words_that_they_are_of(exhibit: str) -> None:
    """The oracle is the answer: the likeliest word of each place, by its name, makes it up."""
    record, subject, found = made(exhibit, "a man rides a bike")
    (scores,) = record.outputs
    table = next(value for value in record.parameters if value.address in scores.producer.inputs)  # type: ignore[union-attr]
    vocabulary = words(found, table.address)[0]
    assert vocabulary is not None
    assert words(found, scores.address)[-1] == vocabulary
    best = [vocabulary[number] for number in scores.tensor[0].argmax(1).tolist()]
    if exhibit == "translator":
        assert best[:-1] == found.words["input[1]"][1:]  # each word foretells the next
        assert words(found, scores.address)[-2] == found.words["input[1]"]
    else:
        assert vocabulary == list(subject.words["tokens"])
    chances = next(one for one in record.values() if one.producer and one.producer.path == "(loss)")
    assert words(found, chances.address)[-1] == vocabulary


def test_classes_are_named_back_to_the_weights_of_their_own() -> None:
    class Sorted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(5, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.first(x).tanh()  # of as many features as there are classes, and none of them
            scores = self.last(hidden)
            return (scores / 2).softmax(-1)

    classes = ["cat", "dog", "owl"]
    record = liuli.trace(Sorted(), torch.randn(2, 5))
    found = follow(record, {}, classes)
    assert words(found, "last.weight") == [classes, None]
    assert words(found, "last.bias") == [classes]
    for value in [*record.find("scores"), *record.outputs]:
        assert words(found, value.address) == [None, classes]
    assert not {"first.weight", "first.bias", record.find("hidden")[0].address} & set(found.axes)
    assert told_axes(found)["names"] == [0]
    assert not follow(record, {}, classes[:2]).axes  # another number of names


def test_a_state_belongs_to_the_word_that_it_has_read_last() -> None:
    """The oracle is the network: another word there changes this state and those after it, none before."""
    record, subject, found = made("lstm", "win a free prize now")
    (h,) = [steps for steps in series(record) if steps[0].names[0] == "h"]
    (facts,) = [one for one in told(record, found) if one["name"] == "h"]
    assert facts["words"] == ["win", "a", "free", "prize", "now"] == found.words["input[0]"]
    assert facts["steps"] == [step.address for step in h]
    for place in (0, 3):
        asked = json.dumps({"edits": [{"address": "input[0]", "index": place, "word": "call"}]})
        other, _ = whatif(record, subject, edits_of(asked, record, subject.words))
        changed = [not torch.equal(step.tensor, other.value(step.address).tensor) for step in h]
        assert changed == [step >= place for step in range(5)]
    joined = torch.stack([step.tensor[0] for step in h])
    assert torch.equal(joined, record.find("states")[0].tensor[0])


def test_layers_and_directions_are_series_of_their_own() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(20, 3)
            self.reader = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.reader(self.words(x))[0]

    numbers = torch.tensor([[1, 2, 3, 4]])
    record = liuli.trace(Reader(), numbers, gradients=False)
    found = follow(record, NAMES)
    states = [one for one in told(record, found) if one["name"] == "h"]
    assert [len(one["steps"]) for one in states] == [4, 4, 4, 4]
    assert [one["words"] for one in states[:2]] == [["w1", "w2", "w3", "w4"], ["w4", "w3", "w2", "w1"]]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"address": "input[0]", "index": 0, "word": "qqqqqqq"}, "knows no word"),
        ({"address": "input[0]", "index": 0, "word": "w" * 101}, "at most 100 characters"),
        ({"address": "input[0]", "index": 0, "word": 7}, "a word"),
        ({"address": "%2", "index": 0, "word": "free"}, "stand for no words"),
        ({"address": ["input[0]"], "index": 0, "word": "free"}, "an address"),
        ({"address": "input[0]", "index": 99, "word": "free"}, "no such number"),
        ("free", "expected JSON"),
    ],
)
def test_a_word_that_cannot_be_set_is_refused(edit: object, said: str) -> None:
    record, subject, _ = made("lstm", "win a prize")
    with pytest.raises(UserError, match=said):
        edits_of(json.dumps({"edits": [edit]}), record, subject.words)


def test_a_word_is_found_as_it_is_written_else_in_any_case() -> None:
    record, subject, _ = made("lstm", "win a prize")
    for word, found in (("free", "free"), ("FREE", "FREE"), ("PRiZE", "prize")):
        asked = json.dumps({"edits": [{"address": "input[0]", "index": 1, "word": word}]})
        (edit,) = edits_of(asked, record, subject.words)
        assert subject.words["embedding"][int(edit.number)] == found
