"""Examples of the test part, as tiles of a gallery: what was given, what is right, what was answered."""

from __future__ import annotations

from torch import Tensor

from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.judging import Judgement, test_part
from liuli.runs import Run
from liuli.tasks import miniatures
from liuli.tasks.examples import Posed, row
from liuli.tasks.miniatures import Size, shortened
from liuli.tasks.task import Task

MOST_TILES = 48
"""Examples in one answer."""
TILE = Size(bytes=40_000, side=420)
"""Of a photograph on a tile."""
MOST_PIECES = 400
"""Pieces of a text on a tile, each with its surprise."""


def posed(run: Run, part: str, index: int) -> Posed:
    """Example `index` of a part of a run's data, as if a person had given it.

    Raises:
        UserError: there is no such part or example, or the data are not here.
    """
    if part != "test":
        raise UserError(f"part '{part[:20]}': only examples of the test part are shown; the network knows the others")
    task = run.system.task
    split, batch = test_part(run)
    try:
        if index < 0:
            raise IndexError
        return task.pose(split, batch, index, run.facts)
    except IndexError as error:
        raise UserError(f"{run.facts.name}: the test part has no example {index:,}") from error


def tiles(
    judgement: Judgement, true: int | None, answered: int | None, owner: str | None, start: int, count: int
) -> Json:
    """Examples, the worst answer first: all, or those of a cell of the confusion matrix, or of somebody.

    Raises:
        UserError: the run's task has no examples, or none of anybody's, or the cell or the count is out of range.
    """
    marks, run = judgement.marks, judgement.run
    if marks is None:
        raise UserError(f"{run.system.name}: its data hold no examples that could be shown one by one")
    if not 0 < count <= MOST_TILES or start < 0:
        raise UserError(f"examples {start:,} to {start + count:,}: expected from 1 to {MOST_TILES} at once")
    order = marks.order
    for wanted, held in ((true, marks.labels), (answered, marks.answers)):
        if wanted is None:
            continue
        if held is None or not 0 <= wanted < len(run.facts.classes):
            raise UserError(f"class {wanted}: expected a number below {len(run.facts.classes)}")
        order = order[held[order] == wanted]
    known = owner is None or owner in marks.names
    if owner is not None:
        if marks.owners is None:
            raise UserError(f"{run.system.name}: the examples of its data are nobody's; leave 'owner' out")
        order = order[marks.owners[order] == (marks.names.index(owner) if known else -1)]
    chosen = order[start : start + count].tolist()
    return {
        "total": len(order),
        "known": known,
        "ours": run.system.task.ours,
        "examples": [tile(judgement, index) for index in chosen],
    }


def tile(judgement: Judgement, index: int) -> Json:
    """One of them."""
    marks, run = judgement.marks, judgement.run
    assert marks is not None
    task, facts = run.system.task, run.facts
    asked = posed(run, "test", index)
    whole = len(judgement.output) == len(marks.values)  # else the examples are parts of one (the nodes of a graph)
    response = judgement.output[index] if whole else None
    chosen, wrong = marks.answers, marks.wrong
    said = answer_of(task, response, facts) if chosen is None else facts.classes[int(chosen[index])]
    asked_of = task.piecewise(response[None], row(judgement.batch, index), facts) if response is not None else []
    return {
        "index": index,
        "value": float(marks.values[index]),
        "wrong": None if wrong is None else bool(wrong[index]),
        "right": shortened(asked.right),
        "answer": shortened(said),
        "words": shortened(asked.given or asked.example.spelled),
        "pieces": list(asked_of[:MOST_PIECES]),
        **pictures(task, asked, response, facts),
    }


def answer_of(task: Task, response: Tensor | None, facts: Facts) -> str:
    """An answer in words; none where a response is no answer (the losses of a text)."""
    if response is None or task.kind == "text":
        return ""
    return str(task.answer(response, facts)["answer"])


def pictures(task: Task, asked: Posed, response: Tensor | None, facts: Facts) -> dict[str, str]:
    """What was given, and where they are pictures what is right and what was answered, as addresses of themselves."""
    found = {
        "seen": miniatures.given(task, asked.example, TILE),
        "ideal": miniatures.ideal(task, asked, facts, TILE),
        "picture": None if response is None else miniatures.answered(task, asked, response, facts, TILE),
    }
    return {key: picture for key, picture in found.items() if picture is not None}
