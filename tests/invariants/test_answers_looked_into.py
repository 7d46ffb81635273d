"""What is looked into is the answer as the network gave it; where it cannot be had, a note says why."""

from __future__ import annotations

from pathlib import Path

import torch

from liuli.catalog import find
from liuli.files import write_json
from liuli.lab.axes import follow
from liuli.lab.manifest import Subject
from liuli.lab.subjects import of_run
from liuli.lab.whatif import edit, whatif
from liuli.runs import Run
from liuli.tasks.language_modelling import LOOKED, MADE
from liuli.tasks.task import Task
from liuli.tracing.record import Record
from tests.small_run import seven, small_run


def letters(folder: Path) -> Run:
    """A language model of letters that has learnt nothing."""
    facts = find("gpt").task.drawn_facts()
    made = small_run(folder, "gpt", facts)
    write_json(made.learnt_file, dict(facts.learnt))
    return made


def notes(subject: Subject) -> list[str]:
    return [key for key, _ in subject.notes]


def asked(run: Run, text: str, task: Task | None = None) -> tuple[Record, Subject, str]:
    """A record about a prompt, and what the network says to it, asked by its own task or another."""
    network, task = run.network(), task or run.system.task
    example = task.read(text, run.facts, "")
    with torch.inference_mode():
        answer = str(task.answer(task.respond(network, example.batch)[0], run.facts)["answer"])
    return *of_run(run, example, network, task), answer


def read(record: Record, subject: Subject) -> str:
    """What the network read in the pass."""
    followed = follow(record, subject.words)
    (sequence,) = followed.vocabularies  # the others are names of rows
    return "".join(followed.words[sequence])


def test_attention_has_the_prompt_and_the_first_tokens_made_on_its_axes(tmp_path: Path) -> None:
    record, subject, answer = asked(letters(tmp_path / "letters"), "TO BE")
    followed = follow(record, subject.words)
    weights = record.find("weights", module="blocks.0.attention")[0]
    words = [followed.spelled(axis) for axis in followed.axes[str(weights.address)] if axis is not None]
    assert words == [list(("TO BE" + answer)[:LOOKED])] * 2
    assert subject.answer == answer
    assert len(answer) == 400
    assert dict(subject.notes)["note.made"] == {"shown": "123", "made": "400"}


def test_a_short_answer_is_looked_into_whole(tmp_path: Path) -> None:
    run = letters(tmp_path / "letters")
    record, subject, answer = asked(run, "TO BE", run.system.task.making(7))
    assert read(record, subject) == "TO BE" + answer
    assert len(answer) == 7
    assert dict(subject.notes)["note.made.all"] == {"made": "7"}
    assert run.system.task.makes == 400, "the run itself is as it was"


def test_a_text_longer_than_the_network_looks_back_ends_with_what_was_made(tmp_path: Path) -> None:
    run = letters(tmp_path / "letters")
    context = run.network().context
    record, subject, answer = asked(run, "A" * (context - 10))
    assert dict(subject.notes)["note.made"] == {"shown": str(MADE), "made": "400"}
    assert read(record, subject) == ("A" * (context - 10) + answer[:MADE])[-context:]


def test_an_answer_that_one_pass_does_not_give_is_said_to_be_left_out(tmp_path: Path) -> None:
    record, subject, _ = asked(letters(tmp_path / "letters"), "TO BE")
    value = next(one for one in record.values() if one.origin == "operation" and one.dtype == torch.float32)
    _, other = whatif(record, subject, [edit(record, str(value.address), 0, 3.0)])
    assert (other.answer, notes(other).count("note.passes")) == ("", 1)
    _, other = whatif(record, subject, [edit(record, "norm.bias", 0, 3.0)])
    assert other.answer, "with another weight the network itself can be asked"
    assert "note.passes" not in notes(other)


def test_an_answer_of_one_pass_is_told(tmp_path: Path) -> None:
    run = small_run(tmp_path / "lenet")
    example = run.system.task.read(seven(tmp_path / "seven.png"), run.facts, "")
    record, subject = of_run(run, example)
    address = next(str(one.address) for one in record.values() if one.origin == "input")
    _, other = whatif(record, subject, [edit(record, address, 5, 0.25)])
    assert other.answer in run.facts.classes
    assert "note.passes" not in notes(other)
