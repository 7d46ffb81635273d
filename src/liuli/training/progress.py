"""What a person sees while a network trains: a line for every epoch, and on a terminal a bar below them.

Drawing costs a few milliseconds, so it happens by the clock and not by the step.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.progress import Task as BarTask
from rich.text import Text
from torch import Tensor

from liuli.files import Json

DRAW_SECONDS = 0.5


class Rate(ProgressColumn):
    """Examples per second."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size

    def render(self, task: BarTask) -> Text:
        """From the steps of the last half minute."""
        return Text(f"{(task.speed or 0) * self.batch_size:,.0f}/s", style="dim")


class Progress:
    """Shows one training.

    Args:
        console: where to; a bar only if it is a terminal.
        epochs: of the whole training, at most.
        steps: of one epoch.
        batch_size: examples in a step.
        headline: the tally to show beside the loss.
        done: steps that earlier sessions made.
    """

    def __init__(
        self, console: Console, epochs: int, steps: int, batch_size: int, headline: str, done: int = 0
    ) -> None:
        self.console = console
        self.epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self.headline = headline
        self.drawn_at = 0.0
        self.bar = Bar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.fields[values]}"),
            Rate(batch_size),
            TextColumn("at most"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self.line = self.bar.add_task("", total=epochs * steps, completed=done, epoch="", values="")

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def update(self, steps_done: int, fresh: dict[str, Tensor]) -> None:
        """Draw the bar again, if it is time. `fresh`: losses and tallies of the last steps, (steps,) each."""
        if self.bar.disable or time.monotonic() < self.drawn_at + DRAW_SECONDS or not fresh:
            return
        values = f"loss {fresh['loss'].mean().item():.4f}"
        if self.headline in fresh:
            values += f"  {self.headline} {fresh[self.headline].double().mean().item() / self.batch_size:.3f}"
        epoch = f"{steps_done // self.steps + 1}/{self.epochs}"
        self.bar.update(self.line, completed=steps_done, epoch=epoch, values=values, refresh=True)
        self.drawn_at = time.monotonic()

    def epoch(self, row: dict[str, Json], best: bool) -> None:
        """Print the line of an epoch; `best` when its weights are the best so far."""
        width = len(str(self.epochs))
        parts = [f"epoch {row['epoch']:{width}}/{self.epochs}"]
        for part in ("train", "validation"):
            names = [name for name in ("loss", self.headline) if f"{part}_{name}" in row]
            parts += [" ".join([part, *(f"{name} {row[f'{part}_{name}']:.4f}" for name in names)])] if names else []
        parts += [f"{row['seconds']:.2f} s", f"{row['samples_per_second']:,.0f}/s"] + ["best"] * best
        self.say("  ".join(parts))
        if not self.bar.disable:
            self.bar.update(self.line, completed=row["step"], refresh=True)

    def say(self, text: str) -> None:
        """Print one line above the bar."""
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)
