"""What training leaves behind for whoever looks on, while it goes on or later.

    progress.json         about once a second: step, steps of the whole training, seconds, loss
    distributions.jsonl   at up to 64 moments: how weights, and the gradients of the last step, are distributed
    examples.json         once: a few held-out examples, with the right answers where there are such
    answers.jsonl         before the first epoch and after up to 64 others: what the network answers to them

Which moments these are follows from the recipe alone, so that a run resumed leaves the same lines as one never killed.
Looking changes nothing: no random number is drawn, no bit of the training is another.
"""

from __future__ import annotations

import base64
import math
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from liuli.data.dataset import Facts
from liuli.files import Json, append_line, read_lines, write_json, write_text
from liuli.runs import Run
from liuli.tasks.task import Batch, Example, Task
from liuli.training.distributions import distributions
from liuli.training.engine import Engine
from liuli.training.place import Place

MOMENTS, FEWEST = 64, 8
PARTS = 6
"""Moments within one epoch, at most."""
ROWS = 8192
"""Tensors times moments, at most: a network of many layers is looked at more seldom, though `FEWEST` times."""
PROGRESS_SECONDS = 1.0
LONGEST = 400
"""Characters of an answer that are kept."""
SIDE = 112
"""Pixels of the picture of an example, along its longer side."""


class Observer:
    """Looks on at one training, in process 0.

    Args:
        epochs: of the whole training, at most.
        steps: of one epoch.
        examples: the part held out, or where there is none the test part.
        done: steps that earlier sessions made and that are kept; lines of later ones are taken back.
    """

    def __init__(
        self, run: Run, task: Task, facts: Facts, engine: Engine, epochs: int, steps: int, examples: Batch, done: int
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
        self.examples = chosen(task, facts, examples)
        if not run.examples_file.exists():
            write_json(run.examples_file, [pictured(task, facts, *one) for one in self.examples])

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
        if step > self.answered and (epoch == 0 or last or self.falls(epoch)):
            self.answered = step
            append_line(self.run.answers_file, {"step": step, "epoch": epoch, "answers": self.answers()})

    def answers(self) -> list[Json]:
        """Of each example the answer and, where there is one, its probability."""
        device = self.engine.device
        found: list[Json] = []
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            for example, _ in self.examples:
                output = self.engine.respond(tuple(one.to(device) for one in example.batch))[0].cpu()
                answer = self.task.answer(output, self.facts)
                chance = answer.get("probability")
                sure = {"probability": chance} if isinstance(chance, float) and math.isfinite(chance) else {}
                found.append({"answer": shortened(str(answer["answer"])), **sure})
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


def chosen(task: Task, facts: Facts, part: Batch) -> list[tuple[Example, str]]:
    """A few examples from all over a part, each with its right answer."""
    count, found = len(part[0]), []
    for number in range(min(task.watched, count)):
        place = number * count // min(task.watched, count)
        batch = tuple(tensor[place : place + 1].cpu() for tensor in part)
        found.append((task.shown(batch, facts), task.right(batch, facts)))
    return found


def pictured(task: Task, facts: Facts, example: Example, right: str) -> Json:
    """An example for whoever looks at it: a small picture or words, and the right answer."""
    with tempfile.TemporaryDirectory() as folder:
        file = task.save_input(example, Path(folder) / "input.png")
        picture = None if file is None else small(file)
    return {"picture": picture, "words": shortened(example.spelled), "right": shortened(right)}


def small(file: Path) -> str:
    """A picture, at most `SIDE` pixels long, as the address of itself."""
    from PIL import Image

    with Image.open(file) as picture:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()


def shortened(text: str) -> str:
    """A text, cut where it is too long to be kept."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
