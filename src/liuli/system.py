"""A system: a network, what it is for, its data, how it is trained, and the figure it must reach.

Every file under `liuli/models` ends in one `SYSTEM = System(...)`. `liuli list` reads that statement
without running the file (see `catalog`), so its name, year, data and target are written as literals.

Everything here is plain data: nothing imports PyTorch.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from liuli.errors import UserError, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from liuli.tasks.examples import Batch
    from liuli.tasks.task import Task


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: w ← w − lr·v, where v ← momentum·v + (∇L + weight_decay·w)."""

    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba, 2015, algorithm 1).

    A `weight_decay` is decoupled from the gradient, as in AdamW (Loshchilov & Hutter, 2019); where it is not
    `decoupled`, its product with the weight is added to the gradient (an L2 penalty), as older papers mean it.
    """

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = True


@dataclass(frozen=True)
class Constant:
    """The learning rate stays what the optimizer says."""

    def factor(self, progress: float) -> float:
        """The multiple of the optimizer's rate at `progress` (0 at the first step, 1 after the last)."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """Linear warm-up over the first `warmup` of training, then half a cosine to `floor` (Loshchilov & Hutter, 2017)."""

    warmup: float = 0.05
    floor: float = 0.0

    def factor(self, progress: float) -> float:
        """The multiple of the optimizer's rate at `progress` (0 at the first step, 1 after the last)."""
        if progress < self.warmup:
            return progress / self.warmup
        falling = (progress - self.warmup) / (1 - self.warmup)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(falling, 1.0)))


@dataclass(frozen=True)
class Linear:
    """The rate rises in a straight line over the first `warmup` of training, then falls in one to `floor`."""

    warmup: float = 0.0
    floor: float = 0.0

    def factor(self, progress: float) -> float:
        """The multiple of the optimizer's rate at `progress` (0 at the first step, 1 after the last)."""
        if progress < self.warmup:
            return progress / self.warmup
        falling = (progress - self.warmup) / (1 - self.warmup)
        return 1 - (1 - self.floor) * min(falling, 1.0)


@dataclass(frozen=True)
class Recipe:
    """How a system is trained, so that anyone who repeats it gets the same numbers.

    Attributes:
        epochs: passes over the training part, at most (early stopping may end sooner).
        batch_size: examples per optimizer step, over all processes together.
        optimizer: `SGD` or `Adam` with its settings.
        schedule: how the learning rate moves with progress, `Constant`, `Cosine` or `Linear`.
        validation: share of the training part held out to choose the best weights, in [0, 1).
        patience: stop after so many epochs without a lower validation loss; None: never early.
        augment: let the task vary each training batch (shifts, turns, …).
        clip: largest norm of the whole gradient; None: unclipped.
        accumulate: split each batch into so many pieces, whose gradients add up, to save memory.
        seed: of the initial weights, the order, the split and the dropout.
    """

    epochs: int
    batch_size: int
    optimizer: SGD | Adam
    schedule: Constant | Cosine | Linear = field(default_factory=Constant)
    validation: float = 0.1
    patience: int | None = None
    augment: bool = False
    clip: float | None = None
    accumulate: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "epochs": (self.epochs >= 1, "a whole number of at least 1"),
            "batch_size": (self.batch_size >= 1, "a whole number of at least 1"),
            "lr": (self.optimizer.lr > 0, "a positive number"),
            "validation": (0 <= self.validation < 1, "a share in [0, 1)"),
            "patience": (self.patience is None or self.patience >= 1, "a whole number of at least 1, or none"),
            "clip": (self.clip is None or self.clip > 0, "a positive number, or none"),
            "accumulate": (1 <= self.accumulate <= self.batch_size, f"between 1 and the batch size, {self.batch_size}"),
            "seed": (0 <= self.seed < 2**32, "a whole number from 0 to 4294967295"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                value = self.optimizer.lr if name == "lr" else getattr(self, name)
                raise UserError(f"{name} is {value}, expected {expected}")

    def settings(self) -> dict[str, object]:
        """Every value under the key that `--set` takes: `epochs`, `lr`, `warmup`, …"""
        values: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if is_dataclass(value):
                values[item.name] = type(value).__name__
                values.update({inner.name: getattr(value, inner.name) for inner in fields(value)})
            else:
                values[item.name] = value
        return values

    def with_settings(self, changes: dict[str, str]) -> Recipe:
        """A copy with `changes`, given as text from the command line, checked against the type of each key.

        Raises:
            UserError: an unknown key, or a value that is not of the key's type or range.
        """
        recipe = self
        known = self.settings()
        for key, text in changes.items():
            if key not in known or key in ("optimizer", "schedule"):
                raise UserError(
                    f"--set {key}: no such setting; {nearest(key, known.keys() - {'optimizer', 'schedule'})}"
                )
            value: Any = parse_setting(key, text, known[key])
            if hasattr(recipe, key):
                recipe = replace(recipe, **{key: value})
            else:
                part = "optimizer" if hasattr(recipe.optimizer, key) else "schedule"
                recipe = replace(recipe, **{part: replace(getattr(recipe, part), **{key: value})})
        return recipe


def parse_setting(key: str, text: str, like: object) -> object:
    """Read `text` as a value of the kind that `like` is; `none` clears a setting that may be absent."""
    if key in ("patience", "clip") and text.lower() == "none":
        return None
    if isinstance(like, bool):
        truth = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in truth:
            raise UserError(f"--set {key}={text}: expected true or false")
        return truth[text.lower()]
    if isinstance(like, str):
        return text
    kind: type[int] | type[float] = int if isinstance(like, int) or key == "patience" else float
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise UserError(f"--set {key}={text}: expected {expected}") from None


@dataclass(frozen=True)
class Target:
    """The figure that a run of the recipe must reach on held-out data, and the published one to show beside it.

    Attributes:
        metric: a name from the task's metrics, such as "accuracy".
        at_least: reached when the metric is this or more (None when smaller is better).
        at_most: reached when the metric is this or less.
        published: the original paper's figure; shown, never claimed.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    published: float | None = None

    def reached(self, value: float) -> bool:
        """Whether `value` of the metric meets the target."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"{self.metric} ≥ {self.at_least:g}"
        return f"{self.metric} ≤ {self.at_most:g}"


class SelfTaught(Protocol):
    """A network that is not trained by gradients through PyTorch: it has its own way of learning.

    A closed form, a kernel of its own, trial and error. It is an `nn.Module` all the same, whose parameters and buffers
    (of shapes that follow from its options) hold what it has learnt, so that it is saved, explained and asked as any
    other; the loop, its epochs, checkpoints and validation are the same too. What sees all the data at once has a
    recipe of one epoch whose batch is larger than the data.
    """

    def learn(self, batch: Batch, rate: float) -> dict[str, Tensor] | None:
        """One step on one batch of the task, at the schedule's rate, without autograd.

        Returns:
            "loss" and the task's tallies as `Engine.train_step` has them; None: they are taken from the batch after.
        """

    def memory(self) -> dict[str, Tensor]:
        """What the next step depends on beside weights and global generators (experience, counts); may be absent."""

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        """Go on from a `memory()`, bit for bit."""


@dataclass(frozen=True)
class System:
    """One system of the curriculum, whole.

    Attributes:
        name: what a user types: `liuli train NAME`.
        year: of the paper.
        paper: authors and title.
        model: the network (a `SelfTaught` one where it has `learn`); called with the options that the data decide (such
            as `classes=10`) and the user's `--set`.
        task: what the network is for: its loss, metrics, raw input and answers.
        data: the data set that the recipe is for.
        recipe: how it is trained.
        target: the figure to reach on that data with that recipe.
        after: the systems whose idea it goes on with, beside those that its file imports.
    """

    name: str
    year: int
    paper: str
    model: Callable[..., Any]
    task: Task
    data: str
    recipe: Recipe
    target: Target
    after: tuple[str, ...] = ()

    def options(self) -> dict[str, object]:
        """The model's keyword arguments, with their defaults: `{"classes": 10}`."""
        parameters = inspect.signature(self.model).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def with_settings(self, changes: Mapping[str, str]) -> tuple[Recipe, dict[str, object]]:
        """Sort what `--set` gives into a changed recipe and options of the model, each checked against its type.

        Raises:
            UserError: an unknown key, or a value that is not of the key's type or range.
        """
        options = self.options()
        known = (self.recipe.settings().keys() | options.keys()) - {"optimizer", "schedule"}
        for key in changes:
            if key not in known:
                raise UserError(f"--set {key}: {self.name} has no such setting; {nearest(key, known)}")
        recipe = self.recipe.with_settings({key: text for key, text in changes.items() if key not in options})
        return recipe, {key: parse_setting(key, text, options[key]) for key, text in changes.items() if key in options}

    def verdict(self, data: str, metrics: Mapping[str, object]) -> dict[str, object]:
        """The "target", and whether it is "reached" by what was measured on `data`; None where those are others."""
        if data != self.data:
            return {"target": None, "reached": None}
        figure = float(str(metrics[self.target.metric]))
        return {"target": asdict(self.target), "reached": self.target.reached(figure)}

    def build(self, **options: object) -> Any:
        """The network with new weights.

        Raises:
            UserError: there is no such network with these options.
        """
        try:
            return self.model(**options)
        except (RuntimeError, ValueError) as error:
            if not options:
                raise
            values = ", ".join(f"{key}={value}" for key, value in options.items())
            reason = str(error).splitlines()[0]
            raise UserError(f"{self.name}: no network can be built with {values} ({reason})") from error
