"""How the pass of a record is made once more with some numbers set, and what is then said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from liuli import system
from liuli.catalog import listings
from liuli.description import descriptions
from liuli.runs import Run
from liuli.tasks.examples import Example
from liuli.tasks.task import Task
from liuli.tracing.record import Record
from liuli.tracing.retrace import Beginning
from liuli.tracing.trees import replaced

if TYPE_CHECKING:
    from liuli.lab.manifest import Subject

Optimizer = system.SGD | system.Adam | torch.optim.Optimizer


@dataclass(frozen=True, eq=False)
class Scene:
    """What a record was made in.

    Attributes:
        beginning: of its pass.
        told: what is said of a record made anew from there: `told(record, True)` where the network itself, as it
            stands, would answer the same (only weights were set), else of what the pass gave.
        optimizer: that would step on the weights; None where nobody has named one.
    """

    beginning: Beginning
    told: Callable[[Record, bool], Subject]
    optimizer: Optimizer | None = None


class SeveralPasses(AttributeError):
    """An answer takes more than the one pass that there is."""


class Replayed(nn.Module):
    """Gives, in the place of a network, what that gave in one pass; there is only the one."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.outputs = [output]

    def forward(self, *_: Any) -> Any:
        """What the network gave.

        Raises:
            SeveralPasses: it is asked for a second time.
        """
        if not self.outputs:
            raise SeveralPasses
        return self.outputs.pop()

    def __getattr__(self, name: str) -> Any:
        """What a module has.

        Raises:
            SeveralPasses: it is a part of the network itself, which is asked for when an answer is searched for.
        """
        try:
            return super().__getattr__(name)
        except AttributeError:
            raise SeveralPasses from None


class Answering:
    """What a trained system says of one input.

    Args:
        task: by which it is asked.
        completed: what is remarked of what the network was given beside the input, see `Task.completed`.
    """

    def __init__(
        self,
        run: Run,
        example: Example,
        network: nn.Module,
        task: Task,
        completed: tuple[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.run, self.example, self.network, self.task, self.completed = run, example, network, task, completed
        self.output: Any = None

    def doubt(self, output: Any) -> Tensor:
        """The loss of an answer, if it were right; the output is kept."""
        self.output = replaced(output, lambda part: part.detach() if isinstance(part, Tensor) else part)
        return self.task.doubt(output)

    def told(self, record: Record, real: bool = True) -> Subject:
        """What is said of a record: the answer of the network (`real`), or of what it gave in the pass.

        An answer that takes several passes cannot be had from one; it is then left out, and a note says why.
        """
        from liuli.lab.manifest import Subject

        task, run = self.task, self.run
        answer, picture, left_out = "", b"", ""
        with torch.inference_mode():
            try:
                network = self.network if real else Replayed(self.output)
                output = task.respond(network, self.example.batch)[0]
                answer, picture = str(task.answer(output, run.facts)["answer"]), self.pictured(output)
            except SeveralPasses:
                left_out = "note.passes"
        shares = record.find("probabilities", module="(loss)")
        noted = ("note.answer" if shares else task.doubted, {"answer": answer})
        return Subject(
            title=run.system.name,
            system=run.system.name,
            input=self.example.name,
            answer=answer,
            ours=task.ours,
            picture=picture,
            shares=shares[0].address if shares else "",
            labels=run.facts.classes,
            about=descriptions(listings()[run.system.name]),
            words={part: rows.names for part, rows in task.rows(run.facts).items()},
            columns=task.columns(run.facts),
            notes=[
                *([("note.words", {"words": self.example.spelled})] if self.example.spelled else []),
                *([self.completed] if self.completed else []),
                *([noted] if answer else []),
                *([(left_out, {})] if left_out else []),
            ],
        )

    def pictured(self, output: Tensor) -> bytes:
        """The answer as a picture (PNG), where it is one or is best seen drawn into one; else nothing."""
        with TemporaryDirectory() as folder:
            file = self.task.save_answer(self.example, output, self.run.facts, Path(folder) / "answer.png")
            return file.read_bytes() if file is not None and file.suffix == ".png" else b""
