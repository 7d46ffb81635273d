"""TensorBoard: scalars, histograms of weights and gradients, examples with answers, the graph, embeddings.

    tensorboard --logdir RUN/tensorboard

Scalars are written for every epoch; what costs more, as often as a hundredth of the time allows,
and in any case at the end. PyTorch's writer is imported by a thread of its own while training begins.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from liuli.data.dataset import Facts
from liuli.files import Json
from liuli.tasks.examples import Batch, Example
from liuli.tasks.task import Task
from liuli.training.engine import Engine
from liuli.training.ledger import Budget

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.utils.tensorboard.writer import SummaryWriter

SHARE = 0.01
POINTS = 20
"""Points of the loss curve within an epoch, at most, each the mean over its share of the steps."""
BINS = 64
EXAMPLES = 16
EMBEDDED = 1000
TILE = 112
SPRITE = 28


class Board:
    """Writes one run's events.

    Args:
        folder: for the events.
        task: knows how to show an input and to name an answer.
        facts: of the data.
        test: the test part, of which the first examples are shown; on the CPU.
        done: steps that earlier sessions made and that are kept; events of later ones are taken back.
    """

    def __init__(self, folder: Path, task: Task, facts: Facts, test: Batch, done: int) -> None:
        self.folder = folder
        self.task = task
        self.facts = facts
        self.test = test
        self.done = done
        self.resumed = done
        self.budget = Budget(SHARE)
        self.importing = threading.Thread(target=import_writer, daemon=True)
        self.importing.start()
        self.hook = threading.excepthook
        threading.excepthook = self.quiet

    def quiet(self, failure: threading.ExceptHookArgs) -> None:
        """A disk that is full ends the writer's thread; the next write raises it here, so nobody else need say it."""
        if not isinstance(failure.exc_value, OSError):
            self.hook(failure)

    @cached_property
    def writer(self) -> SummaryWriter:
        """PyTorch's; where events may be there already, those after `done` steps are declared void."""
        self.importing.join()
        from torch.utils.tensorboard.writer import SummaryWriter

        return SummaryWriter(str(self.folder), purge_step=self.resumed + 1 if any(self.folder.glob("*")) else None)

    def losses(self, values: Tensor, first_step: int) -> None:
        """Write the losses of an epoch's steps so far, (steps,), from where the last call ended."""
        fresh = values[max(0, self.done - first_step) :].float().cpu()
        for part in fresh.tensor_split(min(POINTS, len(fresh))) if len(fresh) else ():
            self.done += len(part)
            self.writer.add_scalar("steps/loss", part.mean().item(), self.done)

    def epoch(self, row: Mapping[str, Json], engine: Engine, last: bool) -> None:
        """Write one epoch: its line, and when there is time or it is the `last`, what costs more."""
        for name, value in row.items():
            part, _, metric = name.partition("_")
            if part in ("train", "validation"):
                self.writer.add_scalar(f"{metric}/{part}", value, row["step"])
        self.writer.add_scalar("training/learning rate", row["lr"], row["step"])
        self.writer.add_scalar("training/examples per second", row["samples_per_second"], row["step"])
        if last or self.budget.allows():
            with self.budget.spend():
                self.histograms("weights", engine.weights(), row["step"])
                self.histograms("gradients", engine.gradients(), row["step"])
                if self.task.pictured:
                    self.examples(engine, row["step"])

    def pictures(self, shown: Mapping[str, NDArray[np.uint8]], step: int) -> None:
        """Pictures (H, W, C) by name."""
        for name, pixels in shown.items():
            self.writer.add_image(name, pixels, step, dataformats="HWC")

    def histograms(self, kind: str, values: Mapping[str, Tensor], step: int) -> None:
        """A histogram of every tensor; those that are not floating point or not finite are left out."""
        for name, value in values.items():
            if not value.is_floating_point() or not value.numel():
                continue
            flat = value.detach().flatten().float()
            low, high, total, squares = torch.stack([flat.min(), flat.max(), flat.sum(), flat.square().sum()]).tolist()
            if not np.isfinite([low, high, total, squares]).all():
                continue
            if low == high:
                high = low + max(abs(low), 1.0) * 1e-6
            self.writer.add_histogram_raw(
                f"{kind}/{name.replace('.', '/')}",
                min=low,
                max=high,
                num=flat.numel(),
                sum=total,
                sum_squares=squares,
                bucket_limits=np.linspace(low, high, BINS + 1)[1:].tolist(),
                bucket_counts=torch.histc(flat, BINS, low, high).tolist(),
                global_step=step,
            )

    def examples(self, engine: Engine, step: int) -> None:
        """The first test examples as the network is given them, each with its answer."""
        batch = tuple(tensor[:EXAMPLES] for tensor in self.test)
        output = engine.respond(tuple(tensor.to(engine.device) for tensor in batch)).cpu()
        answers = [str(self.task.answer(one, self.facts)["answer"]) for one in output]
        self.writer.add_image("examples", sheet(self.tiles, answers), step, dataformats="HWC")

    @cached_property
    def tiles(self) -> list[Any]:
        """The first test examples as small pictures."""
        from PIL import Image

        tiles = []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(min(EXAMPLES, len(self.test[0]))):
                one = Example(str(number), tuple(tensor[number : number + 1] for tensor in self.test))
                file = self.task.save_input(one, Path(folder) / f"{number}.png")
                assert file is not None
                with Image.open(file) as picture:
                    tiles.append(picture.convert("RGB").resize((TILE, TILE), Image.Resampling.NEAREST))
        return tiles

    def finish(self, network: nn.Module, step: int) -> None:
        """Write the graph, and the last hidden layer of the best weights for the projector.

        Args:
            network: with the best weights, on the CPU, in evaluation mode.
        """
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer that TensorBoard's graph is drawn by is deprecated
            inputs = self.task.inputs(tuple(tensor[:1] for tensor in self.test))
            self.writer.add_graph(network, inputs)
            batch = tuple(tensor[:EMBEDDED] for tensor in self.test)
            hidden, output = last_hidden(network, self.task, batch)
            if len(hidden) != len(output):
                return  # an example is not one point there: a graph has many nodes
            answers = [str(self.task.answer(one, self.facts)["answer"]) for one in output]
            pictures = self.task.inputs(batch)[0] if self.task.pictured else None
            if pictures is not None:
                pictures = interpolate(pictures, (SPRITE, SPRITE))
            for earlier in (self.folder / "projector_config.pbtxt", *self.folder.glob("*/last_hidden_layer/*")):
                earlier.unlink(missing_ok=True)  # of a session killed after it had come so far
            for folder in self.folder.glob("*/last_hidden_layer"):
                folder.rmdir()
            self.writer.add_embedding(hidden.reshape(len(hidden), -1), answers, pictures, step, tag="last_hidden_layer")

    def flush(self) -> None:
        """Bring everything to the disk."""
        if "writer" in vars(self):  # else nothing was written yet, and the import need not be waited for
            self.writer.flush()

    def close(self) -> None:
        """Bring everything to the disk and end."""
        threading.excepthook = self.hook
        self.writer.close()


def import_writer() -> None:
    """Import PyTorch's writer; without TensorFlow, which it does not need and would import where it is installed."""
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))  # TensorBoard's own sign for that
    importlib.import_module("torch.utils.tensorboard")


def sheet(tiles: list[Any], answers: list[str]) -> NDArray[np.uint8]:
    """The pictures in rows of eight, each with its answer written below."""
    from PIL import Image, ImageDraw

    across, line = 8, 16
    rows = -(-len(tiles) // across)
    canvas = Image.new("RGB", (across * TILE, rows * (TILE + line)), "white")
    draw = ImageDraw.Draw(canvas)
    for number, (tile, answer) in enumerate(zip(tiles, answers, strict=True)):
        left, top = number % across * TILE, number // across * (TILE + line)
        canvas.paste(tile, (left, top))
        draw.text((left + TILE / 2, top + TILE + line / 2), answer, fill="black", anchor="mm")
    return np.asarray(canvas)


def last_hidden(network: nn.Module, task: Task, batch: Batch) -> tuple[Tensor, Tensor]:
    """What the last layer with weights is given for a batch, and the network's output; without weights that twice."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept[:] = [inputs[0].detach()]

    layers = [one for one in network.modules() if any(True for _ in one.parameters(recurse=False))]
    handles = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        output = task.respond(network, batch)
    finally:
        for handle in handles:
            handle.remove()
    return kept[0] if kept else output, output
