"""One network learning in the playground, a few steps at a time, and what the page draws of it."""

from __future__ import annotations

import secrets
from collections import OrderedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.errors import UserError
from liuli.files import Json
from liuli.lab.packing import finite
from liuli.lab.playground.asking import packed
from liuli.lab.playground.network import Units, answers_of, loss_of, shares_of, sides_of
from liuli.lab.playground.setup import Setup
from liuli.training.update import Update

MOST_STEPS = 200
"""Of one request."""
LARGEST = 1e6
"""A weight beyond it has diverged; what comes of smaller ones is finite."""
MOST_SESSIONS = 8
"""The one not asked for longest makes room for a new one."""
FINE, COARSE = 96, 32
"""Points along each side: of the picture of the answer, of those of the units."""


class Session:
    """A network, its points, its optimizer.

    Attributes:
        steps: taken so far.
        ended: "" while it can go on; "separated": a perceptron that is mistaken no more; "diverged": the next step
            would make a weight larger than `LARGEST`, or no number at all, so it is not taken.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.steps = 0
        self.ended = ""
        points = setup.points
        outputs = 1 if points.classes == 2 else points.classes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setup.seed)
            self.network = Units(setup.widths, outputs, setup.activation, zero=setup.model == "perceptron")
        self.update = Update(setup.optimizer, dict(self.network.named_parameters()))
        self.rows = torch.from_numpy(points.rows)  # (N, 2)
        self.labels = torch.from_numpy(points.labels)  # (N,)
        self.random = np.random.default_rng(setup.seed)
        self.waiting: list[int] = []  # of this epoch
        self.batch = self.draw()

    # Learning.

    def draw(self) -> NDArray[np.int64]:
        """The points of the next step: of the epoch as it was shuffled, or one that the perceptron mistakes."""
        learnt = self.setup.points.learnt
        if self.setup.model == "perceptron":
            mistaken = self.mistaken()
            if not len(mistaken):
                self.ended = "separated"
                return mistaken
            return self.random.choice(mistaken, 1)
        size = min(self.setup.batch, learnt)
        if size == learnt:
            return np.arange(learnt)
        if len(self.waiting) < size:
            self.waiting = self.random.permutation(learnt).tolist()
        drawn, self.waiting = self.waiting[:size], self.waiting[size:]
        return np.array(drawn)

    @torch.no_grad()
    def mistaken(self) -> NDArray[np.int64]:
        """The points to learn from that some unit is wrong about, one on the boundary included."""
        learnt = self.setup.points.learnt
        scores = self.network(self.rows[:learnt])  # (n, K)
        wrong = (sides_of(self.labels[:learnt], scores.size(1)) * scores <= 0).any(1)  # (n,)
        return np.flatnonzero(wrong.numpy())

    def learn(self, count: int) -> None:
        """Take so many steps, fewer where learning ends."""
        parameters = list(self.network.parameters())
        for _ in range(count):
            if self.ended:
                return
            before = [one.detach().clone() for one in parameters]
            self.step(self.network, self.update)
            if not all(float(one.detach().abs().max()) <= LARGEST for one in parameters):  # NaN is not, either
                with torch.no_grad():
                    for one, kept in zip(parameters, before, strict=True):
                        one.copy_(kept)
                self.ended = "diverged"
                return
            self.steps += 1
            self.batch = self.draw()

    def step(self, network: Units, update: Update) -> None:
        """One step of `update` on `network` by the next batch."""
        rows, labels = self.next_batch()
        loss = loss_of(self.setup.model, network(rows), labels)
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        update([one.contiguous() for one in gradients], self.setup.optimizer.lr)

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Rows (B, 2) and labels (B,) of the step to come."""
        chosen = torch.from_numpy(self.batch)
        return self.rows[chosen], self.labels[chosen]

    # What the page draws.

    def told(self) -> bytes:
        """The state of the network: its numbers as JSON, what it says over the plane as bytes (see `packed`).

        "planes": of the inputs and every hidden unit, (COARSE, COARSE) each, 0 to 255 for −extent to extent of its
        layer; then of the answer, (K, FINE, FINE), 0 to 255 for shares from 0 to 1. The first row is the largest y.
        Where the last hidden layer has two units, then where it puts the points: (N, 2) float32.
        """
        reach = self.setup.points.reach
        coarse, fine = plane(reach, COARSE), plane(reach, FINE)
        layers = [coarse, *self.network.activations(coarse)[:-1]]
        extents = [float(one.abs().max()) or 1.0 for one in layers]
        planes = [signed(layer, extent) for layer, extent in zip(layers, extents, strict=True)]
        with torch.no_grad():
            shares = shares_of(self.setup.model, self.network(fine))  # (FINE², K)
        drawn = (shares.T * 255).round().to(torch.uint8).view(-1, FINE, FINE)
        content = {
            "steps": self.steps,
            "ended": self.ended,
            "layers": self.weights(),
            "extents": extents,
            "figures": self.figures(),
        }
        features = self.features()
        return packed(content, [np.concatenate(planes), drawn.numpy(), *([] if features is None else [features])])

    def weights(self) -> list[Json]:
        """Every layer's numbers, in order: {"name", "weight": rows by unit, "bias"}."""
        numbers = {name: value.tolist() for name, value in self.network.state_dict().items()}
        layers = [*self.network.names, "output"]
        return [{"name": one, "weight": numbers[f"{one}.weight"], "bias": numbers[f"{one}.bias"]} for one in layers]

    @torch.no_grad()
    def figures(self) -> Json:
        """Loss and mistakes over each part: {"train": {"loss", "wrong", "count"}, "test": … or null}."""
        learnt = self.setup.points.learnt
        parts = {"train": slice(0, learnt), "test": slice(learnt, None)}
        return {name: self.figures_of(part) for name, part in parts.items()}

    def figures_of(self, part: slice) -> Json:
        """The same of one part; null where it is empty, and for a loss that has no finite number."""
        labels = self.labels[part]
        if not len(labels):
            return None
        scores = self.network(self.rows[part])
        loss = float(loss_of(self.setup.model, scores, labels))
        wrong = int((answers_of(scores) != labels).sum())
        return {"loss": finite(loss), "wrong": wrong, "count": len(labels)}

    def features(self) -> NDArray[np.float32] | None:
        """Where the last hidden layer puts the points (N, 2), if it has two units."""
        if not self.setup.widths or self.setup.widths[-1] != 2:
            return None
        found: NDArray[np.float32] = self.network.activations(self.rows)[-2].numpy()
        return found


def plane(reach: float, side: int) -> Tensor:
    """The points (side², 2) of a grid over the plane, row by row from the largest y, at the middle of each cell."""
    middle = (torch.arange(side) + 0.5) / side * 2 - 1  # (side,)
    y, x = torch.meshgrid(-middle * reach, middle * reach, indexing="ij")
    return torch.stack([x, y], -1).view(-1, 2)


def signed(values: Tensor, extent: float) -> NDArray[np.uint8]:
    """Values (COARSE², U) from −extent to extent as bytes (U, COARSE, COARSE)."""
    scaled = (values.T / extent * 127.5 + 127.5).round().clamp(0, 255)
    found: NDArray[np.uint8] = scaled.to(torch.uint8).view(-1, COARSE, COARSE).numpy()
    return found


class Sessions:
    """The networks that learn, each under a name that nobody guesses."""

    def __init__(self) -> None:
        self.open: OrderedDict[str, Session] = OrderedDict()

    def put(self, session: Session) -> str:
        """Keep it; the one not asked for longest makes room."""
        name = secrets.token_urlsafe(12)
        self.open[name] = session
        while len(self.open) > MOST_SESSIONS:
            self.open.popitem(last=False)
        return name

    def get(self, name: str) -> Session:
        """The session of that name.

        Raises:
            UserError: it has made room for others.
        """
        if name not in self.open:
            raise UserError("this network has been put away to make room for others; begin anew")
        self.open.move_to_end(name)
        return self.open[name]
