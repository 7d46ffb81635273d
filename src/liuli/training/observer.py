"""What training leaves behind for whoever looks on, while it goes on or later.

    progress.json         about once a second: step, steps of the whole training, seconds, loss
    distributions.jsonl   at up to 64 moments: how weights, and the gradients of the last step, are distributed
    examples.json         once: a few held-out examples, with the right answers where there are such
    answers.jsonl         before the first epoch and after up to 64 others: what the network answers to them, in words
                          and, where that is best seen drawn, as pictures

Which moments these are follows from the recipe alone, so that a run resumed leaves the same lines as one never killed.
Looking changes nothing: no random number is drawn, no bit of the training is another.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.files import Json, append_line, read_lines, write_json, write_text
from liuli.runs import Run
from liuli.tasks import miniatures
from liuli.tasks.examples import Batch, Posed
from liuli.tasks.miniatures import Size, shortened
from liuli.tasks.task import Task
from liuli.training.distributions import distributions
from liuli.training.engine import Engine
from liuli.training.place import Place

MOMENTS, FEWEST = 64, 8
PARTS = 6
"""Moments within one epoch, at most."""
ROWS = 8192
"""Tensors times moments, at most: a network of many layers is looked at more seldom, though `FEWEST` times."""
PROGRESS_SECONDS = 1.0
SMALL = Size(bytes=6_000, side=192)
"""Of the picture of an example or an answer: there are many of them."""


class Observer:
    """Looks on at one training, in process 0.

    Args:
        epochs: of the whole training, at most.
        steps: of one epoch.
        split: the part held out, or where there is none the test part.
        batch: the same as the task's tensors.
        done: steps that earlier sessions made and that are kept; lines of later ones are taken back.
    """

    def __init__(
        self,
        run: Run,
        task: Task,
        facts: Facts,
        engine: Engine,
        epochs: int,
        steps: int,
        split: Split,
        batch: Batch,
        done: int,
    ) -> None:
        self.run, self.task, self.facts, self.engine = run, task, facts, engine
        self.epochs, self.steps = epochs, steps
        floating = sum(value.is_floating_point() for value in engine.weights().values())
        most = min(MOMENTS, max(FEWEST, ROWS // max(1, floating)))
        self.stride = -(-epochs // most)  # epochs from one moment to the next
        self.parts = min(PARTS, max(1, most // epochs))  # moments of one epoch
        self.said_at = -math.inf
        self.seen = forget(run.distributions_file, done)
        self.answered = forget(run.answers_file, done)
        self.examples = chosen(task, facts, split, tuple(one.cpu() for one in batch))
        if not run.examples_file.exists():
            write_json(run.examples_file, [described(task, facts, one) for one in self.examples])

    def start(self) -> None:
        """Before the first step; a network that teaches itself may have no answer yet."""
        self.look(0)
        if not hasattr(self.run.system.model, "learn"):
            self.epoch(0, last=False)

    def step(self, place: Place) -> None:
        """After each step."""
        if self.parts == 1:
            due = place.step == self.steps and self.falls(place.epoch + 1)
        else:
            due = place.step * self.parts // self.steps > (place.step - 1) * self.parts // self.steps
        if due:
            self.look(place.epoch * self.steps + place.step)

    def falls(self, epoch: int) -> bool:
        """Whether the end of an epoch, counted from 1, is a moment."""
        return epoch % self.stride == 0 or epoch in (1, self.epochs)

    def look(self, step: int) -> None:
        """Keep how weights and gradients are distributed after so many steps."""
        if step > self.seen:
            self.seen = step
            row = {"weights": distributions(self.engine.weights()), "gradients": distributions(self.engine.gradients())}
            append_line(self.run.distributions_file, {"step": step, "epoch": step / self.steps, **row})

    def epoch(self, epoch: int, last: bool) -> None:
        """After each epoch, or before the first (0): let the examples be answered."""
        step = epoch * self.steps
        if self.examples and step > self.answered and (epoch == 0 or last or self.falls(epoch)):
            self.answered = step
            append_line(self.run.answers_file, {"step": step, "epoch": epoch, "answers": self.answers()})

    def answers(self) -> list[Json]:
        """Of each example the answer and, where there are such, its probability and its picture."""
        device = self.engine.device
        found: list[Json] = []
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            for posed in self.examples:
                output = self.engine.respond(tuple(one.to(device) for one in posed.example.batch))[0].cpu()
                answer = self.task.answer(output, self.facts)
                said: dict[str, Json] = {"answer": shortened(str(answer["answer"]))}
                chance = answer.get("probability")
                if isinstance(chance, float) and math.isfinite(chance):
                    said["probability"] = chance
                picture = miniatures.answered(self.task, posed, output, self.facts, SMALL)
                found.append(said | ({"picture": picture} if picture else {}))
        return found

    def progress(self, step: int, seconds: float, fresh: Mapping[str, Tensor], last: bool = False) -> None:
        """Say how far training has come. `fresh`: losses of the last steps, (steps,)."""
        now = time.monotonic()
        if last or now >= self.said_at + PROGRESS_SECONDS:
            self.said_at = now
            loss = float(fresh["loss"].float().mean()) if "loss" in fresh else math.nan
            told = {"step": step, "steps": self.epochs * self.steps, "seconds": seconds}
            write_json(self.run.progress_file, told | ({"loss": loss} if math.isfinite(loss) else {}))


def forget(path: Path, done: int) -> int:
    """Cut the file back to the lines of the first `done` steps; the step of the last, or −1."""
    if not path.exists():
        return -1
    content = path.read_text(encoding="utf-8")
    lines = [line for line in content.split("\n")[:-1] if line]
    rows = read_lines(path)
    kept = [line for line, row in zip(lines, rows, strict=True) if row["step"] <= done]
    if "".join(f"{line}\n" for line in kept) != content:
        write_text(path, "".join(f"{line}\n" for line in kept))
    return int(rows[len(kept) - 1]["step"]) if kept else -1


def chosen(task: Task, facts: Facts, split: Split, batch: Batch) -> list[Posed]:
    """A few examples from all over a part; none where the task has no examples of their own.

    Args:
        batch: the whole split, as the task's `tensors` gives it.
    """
    count, found = len(batch[0]), []
    stride = max(1, count // max(1, task.watched))  # a single row may hold several examples: the nodes of a graph
    for number in range(task.watched):
        try:
            found.append(task.pose(split, batch, number * stride, facts))
        except IndexError:
            break
        except UserError:  # it holds nothing that was learnt
            continue
    return found


def described(task: Task, facts: Facts, posed: Posed) -> Json:
    """An example for whoever looks at it: pictures or words; what is right, and whether all else is wrong."""
    return {
        "picture": miniatures.given(task, posed.example, SMALL),
        "words": shortened(posed.given or posed.example.spelled),
        "right": shortened(posed.right),
        "judged": posed.right in facts.classes,
        "ideal": miniatures.ideal(task, posed, facts, SMALL),
    }
