"""What every task offers the rest of the house: the seam between a network and what it is for.

A task turns a data set into tensors, a batch into a loss, outputs into metrics, a person's own input
into a tensor, and an output into an answer. The training loop, the verbs of the command line and the
laboratory know a system only through these methods, so that a new kind of system costs a new task
and no special case elsewhere.

A *batch* is a tuple of tensors that share their first dimension; what they are is the task's affair
(for pictures: uint8 pixels and labels).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from liuli.data.dataset import Facts, Split

Batch = tuple[Tensor, ...]


class Outcome(NamedTuple):
    """What one batch gave.

    Attributes:
        loss: mean over the batch, a scalar with a gradient.
        output: what the network returned.
    """

    loss: Tensor
    output: Tensor


@dataclass(frozen=True)
class Example:
    """One input brought into the network's form.

    Attributes:
        name: of the file, or of the example in the data set.
        batch: the network's input as a batch of one, as `Task.inputs` takes it.
    """

    name: str
    batch: Batch


class Task(ABC):
    """The seam. One subclass per kind of answer; all state is configuration."""

    kind: ClassVar[str]
    """What the input is, in a word a user knows: "image"."""

    headline: ClassVar[str]
    """The metric that the progress line and `runs list` show: "accuracy"."""

    endings: ClassVar[frozenset[str]]
    """Of the names of files that `predict` takes when it looks into a folder: ".png"."""

    @abstractmethod
    def options(self, facts: Facts) -> dict[str, object]:
        """Keyword arguments of the model that the data decide, such as `classes=10`.

        Raises:
            UserError: these data are of a kind that this task cannot use.
        """

    @abstractmethod
    def tensors(self, split: Split, facts: Facts) -> Batch:
        """A whole split as one batch in compact form (pixels stay uint8), to be held on the device and indexed."""

    @abstractmethod
    def draw(self, count: int, seed: int = 0) -> Batch:
        """A made-up batch in the form that `tensors` gives, right in shape and range and else random.

        It fits a model built without options; `show`, `check` and the contract tests need no data set for it.
        """

    @abstractmethod
    def inputs(self, batch: Batch) -> Tensor:
        """The network's input for a batch, floats in the network's shape. Pure tensor arithmetic, no randomness."""

    def augment(self, batch: Batch) -> Batch:
        """A training batch varied at random, from torch's global generator; called when the recipe says `augment`."""
        return batch

    @abstractmethod
    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Run the model on a batch: mean loss and output. Pure tensor arithmetic: the training step may be captured."""

    @abstractmethod
    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Cheap sums over a batch for the progress line: scalars, added up and divided by the number of examples."""

    @abstractmethod
    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """All that is measured on a held-out split, JSON-ready; holds the figure that `Target` names, and "loss"."""

    @abstractmethod
    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Draw what suits the task (confusion matrix, mistakes, …) into `folder`; return the files."""

    @abstractmethod
    def read(self, source: Path | bytes, facts: Facts, name: str) -> Example:
        """Bring a person's own file (or the bytes of one) into the network's form.

        Raises:
            UserError: it is not of this kind, is damaged, empty or too large; says what was expected.
        """

    @abstractmethod
    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """One example's output (without the batch dimension) as the JSON of an answer; "answer" holds it in a word."""

    @abstractmethod
    def doubt(self, output: Tensor) -> Tensor:
        """The loss of one output (a batch of one) if its own answer were the right one, a scalar with a gradient.

        It is what an explanation goes backward from, where nobody has said what is right.
        """

    @abstractmethod
    def save_input(self, example: Example, path: Path) -> Path:
        """Save what the network was given, in a form to look at (a PNG for a picture); return the file."""

    @abstractmethod
    def scratch_arrays(self, batch: Batch) -> Sequence[object]:
        """The batch for the NumPy engine: network input and targets as arrays."""
