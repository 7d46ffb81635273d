"""The loop, once for every system: epochs, validation, the best weights, stopping, checkpoints.

It knows a system only through its task, and the arithmetic only through an engine. Nothing in a step
waits for the device: losses and tallies stay tensors until somebody looks, which is a few times a second.

Everything that decides the next step lies in the checkpoint or follows from (seed, epoch, step), so a
run that was killed and resumed ends with the same bits as one that never was.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from liuli.data.order import Batches, Pieces
from liuli.files import Json, append_line, write_text
from liuli.runs import Run
from liuli.system import Recipe
from liuli.tasks.examples import Batch
from liuli.tasks.task import Task
from liuli.training import checkpoint
from liuli.training.engine import Engine
from liuli.training.ledger import Budget, Ledger
from liuli.training.place import NotFinite, Place, generators, set_generators
from liuli.training.signals import Paused, Signals
from liuli.training.world import World

if TYPE_CHECKING:
    from liuli.training.board import Board
    from liuli.training.observer import Observer
    from liuli.training.progress import Progress

LOOK_SECONDS = 0.25
"""How often the losses are looked at while an epoch runs (one process)."""
LOOK_STEPS = 20
"""The same for several processes, which must all look at the same step."""
SAVE_SECONDS = 30.0
"""How often a checkpoint is written while an epoch runs."""
SAVE_SHARE = 0.01
"""Share of the time that checkpoints may take."""


class Training:
    """One run being trained, from wherever it stands to its end.

    Args:
        run: where everything is written.
        batches: the training part, on the engine's device.
        validation: the part held out, on the engine's device; empty where the recipe holds none.

    Attributes:
        progress: shows how it goes, in process 0.
        board: writes for TensorBoard, in process 0.
        observer: keeps what the laboratory shows, in process 0.
        signals: the user's, who may ask to pause.
    """

    def __init__(
        self, run: Run, task: Task, recipe: Recipe, engine: Engine, batches: Batches, validation: Batch, world: World
    ) -> None:
        self.run = run
        self.task = task
        self.recipe = recipe
        self.engine = engine
        self.batches = batches
        self.validation = validation
        self.pieces = Pieces(validation, task.at_once, task.lengths(validation), task.cut)
        self.world = world
        self.progress: Progress | None = None
        self.board: Board | None = None
        self.observer: Observer | None = None
        self.place = Place()
        self.ledger = Ledger()
        self.best: dict[str, Tensor] = {}
        self.best_written = 0  # the epoch whose weights model.safetensors holds
        self.saving = Budget(SAVE_SHARE)
        self.saved_at = -math.inf
        self.look_at = 0.0
        self.begun = 0.0  # when the epoch under way would have begun without interruptions
        self.signals = Signals()
        self.ending = False  # somebody has asked to end with what is learnt so far

    @property
    def steps_done(self) -> int:
        """Of the whole training."""
        return self.place.epoch * self.batches.steps + self.place.step

    @property
    def over(self) -> bool:
        """Whether no epoch is left to do: all done, patience ran out, or enough is learnt for who asked to stop."""
        waited = self.place.epoch - self.place.best_epoch
        patient = self.recipe.patience is None or waited < self.recipe.patience
        return self.place.epoch >= self.recipe.epochs or not patient or self.cut_short

    @property
    def cut_short(self) -> bool:
        """Whether training ends where it stands, since somebody asked; not before one epoch is whole."""
        return self.ending and self.place.epoch > 0

    def go(self) -> None:
        """Train to the end.

        Raises:
            Paused: the user asked, and everything is saved.
            NotFinite: the loss is no longer a number; nothing is saved since it is not.
            UserError: something could not be written.
        """
        self.begun = time.monotonic() - self.place.epoch_seconds
        if self.steps_done == 0:
            self.save()
        self.look()  # getting ready took its time
        if self.steps_done == 0 and self.observer is not None:
            self.observer.start()
        while not self.over:
            self.epoch()
        self.save()
        self.pause_if_asked()
        if self.progress is not None and self.cut_short:
            self.progress.say("stopped as asked, with the weights of the best epoch so far")
        elif self.progress is not None and self.place.epoch < self.recipe.epochs:
            waited = self.place.epoch - self.place.best_epoch
            self.progress.say(f"no lower validation loss for {waited} epochs; back to the weights of the best")

    def epoch(self) -> None:
        """The rest of the epoch under way."""
        several = self.world.size > 1
        for batch in self.batches.epoch(self.place.epoch, self.place.step):
            self.step(batch)
            if self.observer is not None:
                self.observer.step(self.place)
            asked = self.signals.received or time.monotonic() >= self.look_at
            if self.place.step % LOOK_STEPS == 0 if several else asked:
                self.look()
                if self.cut_short:
                    return
        self.find_bad(self.ledger.fold())
        self.close_epoch()
        if self.world.largest([self.world.first and self.saving.allows()])[0]:
            self.save()

    def step(self, batch: Batch) -> None:
        """One step from where training stands."""
        batch = self.varied(batch)
        weight = self.batches.weight(self.place.step) if self.world.size > 1 else 1.0
        self.ledger.add(self.engine.train_step(batch, self.rate(self.steps_done), weight))
        self.place.step += 1

    def varied(self, batch: Batch) -> Batch:
        """The batch as a step sees it."""
        return self.task.augment(batch) if self.recipe.augment else batch

    def rate(self, step: int) -> float:
        """The learning rate of the step that has `step` before it, from their share of the whole training."""
        progress = step / (self.recipe.epochs * self.batches.steps)
        return self.recipe.optimizer.lr * self.recipe.schedule.factor(progress)

    def look(self) -> None:
        """What is done a few times a second: find a loss that is no number, save when due, pause if asked, show."""
        fresh = self.ledger.fold()
        now = time.monotonic()
        self.place.epoch_seconds = now - self.begun
        due = self.world.first and now - self.saved_at >= SAVE_SECONDS and self.saving.allows()
        ending = self.world.first and self.run.stop_file.exists()
        received, save, asked = self.world.largest([self.signals.received, due, ending])
        self.signals.received, self.ending = int(received), asked > 0
        self.find_bad(fresh)
        if save or received:
            self.save()
        self.pause_if_asked()
        if self.progress is not None:
            self.progress.update(self.steps_done, fresh)
        if self.observer is not None and fresh:
            self.observer.progress(self.steps_done, self.place.seconds + self.place.epoch_seconds, fresh)
        self.look_at = time.monotonic() + LOOK_SECONDS

    def find_bad(self, fresh: dict[str, Tensor]) -> None:
        """Raise NotFinite if a loss of the last steps, `fresh`, is no number in any process."""
        losses = fresh.get("loss", torch.zeros(0))
        bad = (~losses.isfinite()).nonzero().flatten().tolist()
        first = self.steps_done - len(losses) + bad[0] if bad else math.inf
        first = -self.world.largest([-first])[0]
        if first < math.inf:
            raise NotFinite(int(first), float(losses[bad[0]]) if bad else math.nan)

    def pause_if_asked(self) -> None:
        """Raise Paused if a signal came; to be called where all is saved."""
        if self.signals.received:
            within = f"in epoch {self.place.epoch + 1} after step {self.place.step} of {self.batches.steps}"
            where = "after the last epoch, before it was evaluated" if self.over else within
            raise Paused(
                f"paused {where}, all saved; go on with: liuli train --resume {self.run.folder}", self.signals.received
            )

    def close_epoch(self) -> None:
        """Validate, keep the weights if they are the best, write the epoch's line."""
        place, rate = self.place, self.rate(self.steps_done - 1)
        examples = [self.batches.examples(step) for step in range(place.step)]
        row: dict[str, Json] = {"epoch": place.epoch + 1, "step": self.steps_done}
        row |= {f"train_{name}": value for name, value in self.ledger.means(examples, self.world).items()}
        held = self.validate()
        row |= {f"validation_{name}": value for name, value in held.items()}
        if held and not math.isfinite(held["loss"]):
            raise NotFinite(self.steps_done, held["loss"])
        now = time.monotonic()
        seconds, self.begun = now - self.begun, now  # so writing and saving count for the next epoch
        row |= {"lr": rate, "seconds": seconds, "samples_per_second": self.batches.count / seconds}
        losses, first_step = self.ledger.folded["loss"], place.epoch * self.batches.steps
        self.place = place = Place(place.epoch + 1, 0, place.best_loss, place.best_epoch, place.seconds + seconds)
        self.ledger = Ledger()
        if not held or held["loss"] < place.best_loss:
            place.best_loss, place.best_epoch = held.get("loss", math.inf), place.epoch
            self.best = {name: value.clone() for name, value in self.engine.weights().items()}
        if self.world.first:
            self.append(row)
            self.watch()
        if self.board is not None:
            self.board.losses(losses, first_step)
            self.board.epoch(row, self.engine, self.over)
        if self.observer is not None:
            self.observer.epoch(place.epoch, self.over)
            self.observer.progress(self.steps_done, place.seconds, {"loss": losses}, self.over)
        if self.progress is not None:
            self.progress.epoch(row, best=place.best_epoch == place.epoch)

    def watch(self) -> None:
        """Keep the pictures that the task wants to be looked at over time."""
        shown = self.engine.watch()
        if shown:
            from liuli.tasks.pictures import save_all

            named = {f"{name}-{self.place.epoch:04}": pixels for name, pixels in shown.items()}
            save_all(named, self.run.figures_folder / "epochs")
        if self.board is not None:
            self.board.pictures(shown, self.steps_done)

    def validate(self) -> dict[str, float]:
        """Means of loss and tallies over the part held out; empty where there is none."""
        if not len(self.validation[0]):
            return {}
        parts = self.pieces.batches
        if len(parts) >= self.world.size:  # else every process takes all of them, and the means are the same
            parts = parts[self.world.rank :: self.world.size]
        ledger = Ledger()
        for part in parts:
            outcome = self.engine.evaluate(part)
            ledger.add({"loss": outcome.loss, **self.task.tally(outcome.output, part)})
        return ledger.means([len(part[0]) for part in parts], self.world)

    def append(self, row: dict[str, Json]) -> None:
        """Add one line to the metrics."""
        append_line(self.run.metrics_file, row)

    def save(self) -> None:
        """Write a checkpoint of this place, and the best weights if they are not yet on disk."""
        weights = self.engine.weights()
        if not all(bool(value.isfinite().all()) for value in weights.values()):
            raise NotFinite(self.steps_done, math.nan)
        with self.saving.spend():
            tensors = {f"engine.{name}": value for name, value in self.engine.state().items()}
            tensors |= {f"best.{name}": value for name, value in self.best.items()}
            self.ledger.fold()
            mine = {f"ledger.{name}": value.cpu() for name, value in self.ledger.folded.items()} | generators()
            for rank, theirs in enumerate(self.world.everyone(mine)):
                tensors |= {f"{rank}.{name}": value for name, value in theirs.items()}
            if self.world.first:
                if self.board is not None:
                    losses = self.ledger.folded.get("loss", torch.zeros(0))
                    self.board.losses(losses, self.place.epoch * self.batches.steps)
                    self.board.flush()
                checkpoint.write(self.run.checkpoint_file, tensors, asdict(self.place))
                if self.best and self.best_written != self.place.best_epoch:
                    checkpoint.write_weights(self.run.weights_file, self.best)
                    self.best_written = self.place.best_epoch
        self.saved_at = time.monotonic()

    def restore(self) -> None:
        """Go back, or on, to the checkpoint.

        Raises:
            UserError: it is damaged.
        """
        tensors, place = self.world.first_does(lambda: checkpoint.read(self.run.checkpoint_file))

        def under(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        device = self.engine.device
        self.place = Place(**place)
        self.engine.load_state(under("engine."))
        self.best = {name: value.to(device) for name, value in under("best.").items()}
        self.ledger = Ledger({n: v.to(device) for n, v in under(f"{self.world.rank}.ledger.").items()})
        set_generators(under(f"{self.world.rank}.generator."))
        self.best_written = 0

    def forget_later(self) -> None:
        """Cut the metrics back to the epochs that the checkpoint knows."""
        rows = [row for row in self.run.history() if row["epoch"] <= self.place.epoch]
        if self.run.metrics_file.exists():
            write_text(self.run.metrics_file, "".join(json.dumps(row) + "\n" for row in rows))

    def batches_ahead(self) -> Iterator[Batch]:
        """Batches from where training stands, through the ends of epochs; the taker makes the steps."""
        while True:
            yield from self.batches.epoch(self.place.epoch, self.place.step)
            self.place.epoch, self.place.step = self.place.epoch + 1, 0
