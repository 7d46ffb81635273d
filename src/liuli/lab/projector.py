"""The vectors of a run as points: its embeddings, and what its last hidden layer makes of the test examples.

They are shown along their first principal components, and their neighbours are found among all their numbers.

Shapes: N points, d numbers of each, k axes
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.replies import must_be_here, network_of
from liuli.models.foundations.pca import PCA
from liuli.runs import Run
from liuli.tasks.examples import Batch, Example, Rows
from liuli.tasks.task import Task
from liuli.tracing import trace

HIDDEN = "hidden"
"""The key of the last hidden layer; those of embeddings are the paths of their modules."""
MOST_POINTS = 10_000
FEWEST_POINTS = 3
AXES = 10  # of which the explained variance is told
DRAWN_AXES = 3
MOST_SECONDS = 60.0  # for the test examples
AT_ONCE = 256
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NAME = 80  # characters

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Cloud:
    """Points and what they stand for.

    Attributes:
        vectors: float32 (N, d).
        names: of each point.
        inputs: what to say to the network to ask it about each, "" where that cannot be done; () where `batch` has it.
        batch: the examples in compact form, where the points are such.
        labels: the class of each, int64 (N,); () where they have none.
        whole: how many there would be; N is less where they are too many, or took too long.
        layer: the path of the module whose weights they are, or that reads them.
        variable: what the source calls them; "" where it gives no name.
        places: the sizes of the map whose mean over all places each vector is; () where it is of one place.
    """

    vectors: Matrix
    names: Sequence[str]
    inputs: Sequence[str]
    batch: Batch
    labels: NDArray[np.int64]
    whole: int
    layer: str
    variable: str = ""
    places: tuple[int, ...] = ()


@dataclass(frozen=True)
class Last:
    """The last layer of a network that has weights of its own to weigh what it reads.

    Attributes:
        path: of its module.
        variable: what the source calls what it reads; "" where it gives no name.
        places: the sizes of a map that a convolution reads, behind its channels; () of a dense layer.
    """

    path: str
    variable: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Axes:
    """Points along their principal components.

    Attributes:
        coordinates: float32 (N, 3), zeros where there are fewer axes.
        shares: of the variance, of the first axes (k,).
    """

    coordinates: Matrix
    shares: NDArray[np.float64]


def offered(run: Run) -> list[Json]:
    """What of a run can be seen as points: key, kind, and of embeddings how many rows of how many numbers."""
    network = network_of(run)
    found: list[Json] = []
    if run.facts.classes and any(isinstance(one, (nn.Linear, *CONVOLUTIONS)) for one in network.modules()):
        found.append({"key": HIDDEN, "kind": "hidden"})
    for path, module in embeddings(network).items():
        rows, width = module.weight.shape
        found.append({"key": path, "kind": "embedding", "rows": rows, "width": width})
    return found


def embeddings(network: nn.Module) -> dict[str, nn.Embedding]:
    """Those of a network that are worth a look, by their path."""
    found = {path: one for path, one in network.named_modules() if isinstance(one, nn.Embedding)}
    return {path: one for path, one in found.items() if len(one.weight) >= FEWEST_POINTS and one.weight.size(1) > 1}


@lru_cache(maxsize=3)
def cloud(folder: Path, changed: int, key: str) -> Cloud:
    """The points of that key; kept while the weights (last `changed`) are the same.

    Raises:
        UserError: there are none of that key, the data are not at hand, or a number is not finite.
    """
    run = Run.open(folder)
    network = network_of(run)
    found = hidden(run, network) if key == HIDDEN else embedding(run, network, key)
    if not np.isfinite(found.vectors).all():
        raise UserError(f"{run.name}: some of these vectors hold numbers that are not finite; the run has diverged")
    if len(found.vectors) < FEWEST_POINTS:
        raise UserError(f"{run.name}: these are {len(found.vectors)} points, expected {FEWEST_POINTS} at least")
    return found


def embedding(run: Run, network: nn.Module, path: str) -> Cloud:
    """The first rows of an embedding, under the names that the task has for them."""
    tables = embeddings(network)
    if path not in tables:
        raise UserError(f"{run.name}: has no vectors '{path[:60]}'; there are {', '.join(tables) or 'none'}")
    weight = tables[path].weight.detach()
    found = run.system.task.rows(run.facts).get(path.rpartition(".")[2])
    if found is None or len(found.names) != len(weight):
        found = Rows([str(number) for number in range(len(weight))], [""] * len(weight))
    count = min(len(weight), MOST_POINTS)
    vectors = np.ascontiguousarray(weight[:count].float().numpy())
    none = np.zeros(0, np.int64)
    return Cloud(vectors, found.names[:count], found.inputs[:count], (), none, len(weight), path)


def hidden(run: Run, network: nn.Module) -> Cloud:
    """What the last layer reads, for each test example or for each part of the one that there is.

    Raises:
        UserError: the data are not on this machine.
    """
    must_be_here(run)
    data, task = run.data(), run.system.task
    batch = task.tensors(data.test, run.facts)
    last = last_layer(network, task, batch)
    told = (last.path, last.variable, last.places)
    read = collected(network, last.path, task, tuple(one[:MOST_POINTS] for one in batch))
    examples = len(batch[0])
    rows = parts_of(run, read, examples)
    labels = labelled(data.test, run.facts, len(rows.names) if rows else examples)[: len(read)]
    if rows:
        return Cloud(read, rows.names, rows.inputs, (), labels, len(read), *told)
    texts = [str(one) for one in data.test.inputs[: len(read)]] if task.reads_text else []
    names = [shortened(text) for text in texts] or [f"#{number + 1}" for number in range(len(read))]
    return Cloud(read, names, texts, batch, labels, examples, *told)


def last_layer(network: nn.Module, task: Task, batch: Batch) -> Last:
    """The last dense layer or convolution that a record of one example shows.

    Raises:
        UserError: there is none.
    """
    with torch.no_grad():
        record = trace(network, *task.inputs(tuple(one[:1] for one in batch)), gradients=False)
    weighing = [one for one in record.operations if one.name in ("linear", "conv1d", "conv2d", "conv3d")]
    module = network.get_submodule(weighing[-1].path) if weighing else None
    if not isinstance(module, (nn.Linear, *CONVOLUTIONS)):
        raise UserError("this network ends in no dense layer and in no convolution, so that nothing is read by one")
    given = record.value(weighing[-1].inputs[0])
    places = given.shape[2:] if isinstance(module, CONVOLUTIONS) else ()
    return Last(weighing[-1].path, given.name or "", places)


def collected(network: nn.Module, path: str, task: Task, batch: Batch) -> Matrix:
    """What the module reads when the network runs on all examples, or on as many as there is time for: (N, d).

    Of what a convolution reads the mean over all places is taken.
    """
    read: list[Tensor] = []
    found: list[Tensor] = []
    lengths = task.lengths(batch)
    until = time.monotonic() + MOST_SECONDS
    step = min(AT_ONCE, task.at_once)
    module = network.get_submodule(path)
    pooled = isinstance(module, CONVOLUTIONS)
    hook = module.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    try:
        with torch.inference_mode():
            for begin in range(0, len(batch[0]), step):
                part = tuple(one[begin : begin + step] for one in batch)
                if lengths is not None:
                    part = task.cut(part, int(lengths[begin : begin + step].max()))
                network(*task.inputs(part))
                vectors = read[-1].flatten(2).mean(-1) if pooled else read[-1].flatten(0, -2)  # (n, d)
                found.append(vectors.float().clone())
                read.clear()
                if time.monotonic() > until:
                    break
    finally:
        hook.remove()
    return torch.cat(found).numpy()


def parts_of(run: Run, read: Matrix, examples: int) -> Rows | None:
    """What the vectors of the only example stand for; None where each example has one vector.

    Raises:
        UserError: examples have several, and nothing is known of what they are.
    """
    rows = run.system.task.rows(run.facts).get("")
    if examples == 1 and rows is not None and len(rows.names) == len(read):
        return rows
    if len(read) > examples:
        raise UserError(f"{run.name}: its last layer reads several vectors of each example, so there is none to show")
    return None


def labelled(test: Split, facts: Facts, count: int) -> NDArray[np.int64]:
    """The class of each of so many points; () where the data name none."""
    targets: NDArray[Any] = test.targets.reshape(-1)
    if not facts.classes or targets.dtype.kind not in "iu" or len(targets) != count:
        return np.zeros(0, np.int64)
    return targets.astype(np.int64)


def shortened(text: str) -> str:
    """A text in one short line."""
    line = " ".join(text.split())
    return line if len(line) <= NAME else f"{line[: NAME - 1]}…"


def example(run: Run, points: Cloud, point: int) -> Example:
    """What the network is given to ask it about a point.

    Raises:
        UserError: nothing can be.
    """
    name = points.names[point]
    if points.inputs:
        if not points.inputs[point]:
            raise UserError(f"'{name}': is nothing that the network can be asked about")
        return run.system.task.read(points.inputs[point], run.facts, name)
    return Example(name, tuple(one[point : point + 1] for one in points.batch))


@lru_cache(maxsize=3)
def axes(folder: Path, changed: int, key: str) -> Axes:
    """The points of that key along their principal components: see `liuli.models.foundations.pca`."""
    vectors = cloud(folder, changed, key).vectors.astype(np.float64)
    fitted = PCA(min(AXES, vectors.shape[1], len(vectors) - 1)).fit(vectors)
    coordinates = np.zeros((len(vectors), DRAWN_AXES), np.float32)
    found = fitted.transform(vectors)[:, :DRAWN_AXES]
    coordinates[:, : found.shape[1]] = found
    return Axes(coordinates, fitted.explained_variance_ratio_)


def neighbours(vectors: Matrix, point: int, measure: str, count: int) -> list[tuple[int, float]]:
    """The points nearest to one, the nearest first, each with its cosine ("cosine") or distance ("euclidean").

    A vector of zeros has no direction: its cosine with any other counts as 0.
    """
    every = vectors.astype(np.float64)
    own = every[point]
    if measure == "cosine":
        lengths = np.linalg.norm(every, axis=1) * np.linalg.norm(own)
        values = np.divide(every @ own, lengths, out=np.zeros(len(every)), where=lengths > 0)
        order = np.argsort(-values, kind="stable")
    else:
        values = np.linalg.norm(every - own, axis=1)
        order = np.argsort(values, kind="stable")
    return [(int(one), float(values[one])) for one in order[order != point][:count]]
