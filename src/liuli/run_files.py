"""What lies in the folder of a run.

run.json            system, facts of the data, every recipe value, model options, engine, seed, versions, state
learnt.json         what the task learnt from the training part before the network saw it, where it did
metrics.jsonl       one line per epoch
progress.json       the step that training has come to
distributions.jsonl of weights and gradients, at up to 64 moments (see `training.observer`)
examples.json       a few held-out examples, and
answers.jsonl       what the network answered to them, at up to 64 epochs
model.safetensors   the best weights so far
result.json         the figures on the test part, once finished
checkpoint/         what `liuli train --resume` goes on from
figures/            pictures
tensorboard/        events for TensorBoard
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFiles:
    """Where a run's files lie, whether they are there or not.

    Attributes:
        folder: the run directory, as the user wrote it.
    """

    folder: Path

    @property
    def learnt_file(self) -> Path:
        """What `Task.learn` found out."""
        return self.folder / "learnt.json"

    @property
    def weights_file(self) -> Path:
        """The best weights."""
        return self.folder / "model.safetensors"

    @property
    def checkpoint_file(self) -> Path:
        """Everything that training goes on from."""
        return self.folder / "checkpoint" / "training.safetensors"

    @property
    def metrics_file(self) -> Path:
        """One JSON object per epoch."""
        return self.folder / "metrics.jsonl"

    @property
    def progress_file(self) -> Path:
        """Step, loss and seconds, about once a second while it trains."""
        return self.folder / "progress.json"

    @property
    def distributions_file(self) -> Path:
        """One JSON object per moment: weights and gradients of every layer."""
        return self.folder / "distributions.jsonl"

    @property
    def examples_file(self) -> Path:
        """The examples that are answered again and again."""
        return self.folder / "examples.json"

    @property
    def answers_file(self) -> Path:
        """One JSON object per epoch that they were answered after."""
        return self.folder / "answers.jsonl"

    @property
    def stop_file(self) -> Path:
        """Lies there where somebody asked to stop, until that is done."""
        return self.folder / ".stop"

    @property
    def tensorboard_folder(self) -> Path:
        """TensorBoard's events."""
        return self.folder / "tensorboard"
