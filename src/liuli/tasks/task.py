"""What every task offers the rest of the house: the seam between a network and what it is for.

A task turns a data set into tensors, a batch into a loss, outputs into metrics, a person's own input
into a tensor, and an output into an answer. The training loop, the verbs of the command line and the
laboratory know a system only through these methods, so that a new kind of system costs a new task
and no special case elsewhere.

What passes between them, batches and examples, has its forms in `liuli.tasks.examples`.

What a task must know of its training data beyond their facts (a vocabulary, means) it finds out in `learn`; it is
kept with the run, and every method finds it in `facts.learnt`.
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from liuli.data.dataset import Facts, Split
from liuli.tasks.examples import Batch, Example, Outcome, Piece, Posed, Rows
from liuli.tasks.marks import Marks


class Task(ABC):
    """The seam. One subclass per kind of answer; all state is configuration.

    What is abstract every task says for itself; all else has a default that suits most.
    """

    # What it is, in words and numbers.

    kind: ClassVar[str]
    """What the input is, in a word a user knows: "image"."""

    headline: ClassVar[str]
    """The metric that the progress line and `runs list` show: "accuracy"."""

    endings: ClassVar[frozenset[str]]
    """Of the names of files that `predict` takes when it looks into a folder: ".png"."""

    reads_text: ClassVar[bool] = False
    """Whether an input may be words on the command line, where there is no file of that name."""

    pictured: ClassVar[bool] = False
    """Whether an example is one picture, (B, C, H, W) as the network is given it, and its answer a word or two."""

    phases: ClassVar[tuple[str, ...]] = ()
    """Names of children of the network that take turns in every step, each with the loss that `phase_loss` gives
    it, which changes its own parameters; (): one loss for all parameters."""

    at_once: ClassVar[int] = 512
    """How many examples are answered at once, where nothing is learnt from them: few where each takes much memory."""

    doubted: ClassVar[str] = "note.doubt"
    """The key of the pages' texts that says what `doubt` is, where that is no probability; it may name {answer}."""

    judged_by: ClassVar[str] = ""
    """The key of the pages' texts that says by what it is judged, where no part is held out; "": nothing to say."""

    ours: ClassVar[tuple[str, ...]] = ("answer", "given", "read")
    """Of the texts about an example those that are liuli's own or name its classes, so that a page says them in its
    language: "answer" (and what is right), "given", "read" (how that is spelled out); others are words of the data."""

    watched: ClassVar[int] = 6
    """How many held-out examples are answered again and again while training: few where an answer takes long, none
    where `watch` shows all that there is."""

    makes: int = 0
    """How many tokens an answer has, where that may be chosen, see `making`; 0: it follows from the input."""

    has_floor: ClassVar[bool] = False
    """Whether the loss cannot come near 0 even on a few examples learnt by heart (a latent's, an adversary's)."""

    # From data to tensors.

    def fetch(self, options: Mapping[str, object]) -> Mapping[str, Any]:
        """What the network's options name that was learnt elsewhere, JSON-ready; `learn` finds it in `facts.learnt`.

        Raises:
            UserError: it is not to be had.
        """
        return {}

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """What must be known of the training part before there are tensors, JSON-ready: a vocabulary, means."""
        return {}

    @abstractmethod
    def drawn_facts(self) -> Facts:
        """Facts that fit what `draw` makes up, and a model built without options."""

    @abstractmethod
    def options(self, facts: Facts) -> dict[str, object]:
        """Keyword arguments of the model that the data decide, such as `classes=10`.

        Raises:
            UserError: these data are of a kind that this task cannot use.
        """

    def equip(self, model: nn.Module, facts: Facts) -> None:  # noqa: B027 (most networks need nothing)
        """Give a new network what it takes from the data beyond its options: word counts, vectors learnt elsewhere."""

    @abstractmethod
    def tensors(self, split: Split, facts: Facts) -> Batch:
        """A whole split as one batch in compact form (pixels stay uint8), to be held on the device and indexed."""

    def lengths(self, batch: Batch) -> Tensor | None:
        """How long each example of a batch in compact form is: int64 (B,) on the CPU, where they differ; else None.

        Batches are then made of examples of like length, and `cut` to the longest.
        """
        return None

    def cut(self, batch: Batch, length: int) -> Batch:
        """A batch, none of whose examples is longer than `length`, without what fills the place beyond."""
        return batch

    @abstractmethod
    def draw(self, count: int, seed: int = 0) -> Batch:
        """A made-up batch in the form that `tensors` gives, right in shape and range and else random.

        It fits a model built without options; `show`, `check` and the contract tests need no data set for it.
        """

    @abstractmethod
    def inputs(self, batch: Batch) -> tuple[Tensor, ...]:
        """What the network is called with for a batch, with or without targets. Pure tensor arithmetic, no randomness.

        A network that is given its own answer so far (a decoder) gets the right one where the batch has it.
        """

    def augment(self, batch: Batch) -> Batch:
        """A training batch varied at random, from torch's global generator; called when the recipe says `augment`."""
        return batch

    # What trains the network.

    @abstractmethod
    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Run the model on a batch: mean loss and output. Pure tensor arithmetic: the training step may be captured."""

    def phase_loss(self, phase: str, model: nn.Module, batch: Batch) -> Outcome:
        """The loss of one of `phases`; `outcome` is then what is reported."""
        raise NotImplementedError(phase)

    def scratch_arrays(self, batch: Batch) -> Sequence[object]:
        """The batch for the NumPy engine: network input, and targets where it has them, as arrays.

        For systems written by hand only.
        """
        raise NotImplementedError

    # What the network answers.

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """The network's answers to a batch, with or without targets, for `metrics`, `figures` and `answer`: (B, …).

        It may take more than one pass (a translation, word by word). Keep it small: answers to the whole test part
        are held at once.
        """
        answers: Tensor = model(*self.inputs(batch))
        return answers

    def complete(self, model: nn.Module, batch: Batch) -> Batch:
        """A batch without targets, with what the network must be given of its own answer so that one pass shows it.

        A decoder's answer takes many passes; looked at is the one in which it is given what it has answered.
        """
        return batch

    def completed(self, given: Batch, whole: Batch) -> tuple[str, Mapping[str, str]] | None:
        """What `complete` made of a batch that was given, for a reader; None: nothing to be remarked.

        It is a key of the pages' texts with what is put into it.
        """
        return None

    def making(self, count: int) -> Task | None:
        """The same task, whose answers have so many tokens; None where that is not for anybody to choose."""
        return None

    # How well it answers, measured and drawn.

    @abstractmethod
    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Cheap sums over a batch for the progress line: scalars, added up and divided by the number of examples."""

    @abstractmethod
    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """All that is measured on a held-out split, JSON-ready; holds the figure that `Target` names.

        Args:
            output: what `respond` gave for the whole split.
        """

    @abstractmethod
    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Draw what suits the task (confusion matrix, mistakes, …) into `folder`; return the files.

        Args:
            output: what `respond` gave for the whole split.
        """

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks | None:
        """How well each example of a held-out split was answered; None where it holds no examples of their own.

        Args:
            output: what `respond` gave for the whole split.
        """
        return None

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """Example `index` (as `mark` counts them) of a split as if a person had given it.

        Args:
            batch: the whole split, as `tensors` gives it.

        Raises:
            IndexError: there is no such example, or the data hold none that could be given one by one.
        """
        raise IndexError(index)

    def piecewise(self, output: Tensor, batch: Batch, facts: Facts) -> Sequence[Piece]:
        """The text of one example (a batch of one) piece by piece, where the network is asked about its pieces.

        Args:
            output: what `respond` gave for it.
        """
        return []

    def watch(self, model: nn.Module) -> Mapping[str, NDArray[np.uint8]]:
        """Pictures (H, W, C) by name that show, beside one another in time, how the network comes along: samples.

        Made after every epoch for the run's folder figures/epochs and for TensorBoard, so they are small, and nothing
        is drawn from torch's global generator for them.
        """
        return {}

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Draw what shows the network itself rather than its answers (a boundary, a latent grid) into `folder`.

        Args:
            batch: the whole held-out split, on the model's device.
        """
        return []

    # What a person gives, and is told.

    @abstractmethod
    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """Bring a person's own file (the bytes of one, or words where `reads_text`) into the network's form.

        Raises:
            UserError: it is not of this kind, is damaged, empty or too large; says what was expected.
        """

    def read_all(self, source: Path | bytes | str, facts: Facts, name: str) -> Sequence[Example]:
        """The same for what may hold several inputs, in their order: the rows of a table."""
        return [self.read(source, facts, name)]

    def known(self, facts: Facts) -> Sequence[str]:
        """Words to ask the network by that the data know, where one of one's own would mean little: its users."""
        return ()

    def asked(self, facts: Facts) -> str:
        """An input as it might be typed after `liuli predict RUN`."""
        if known := self.known(facts):
            return shlex.quote(known[0])
        if self.reads_text:
            return "'my words'"
        return "my-picture.png" if ".png" in self.endings else f"my-input{min(self.endings)}"

    @abstractmethod
    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """One example's response (without the batch dimension) as the JSON of an answer.

        "answer" holds it in a word or a sentence; "probability" and "probabilities" (by class) where there are some.
        """

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """What the rows of the network's embeddings stand for, by the last part of the module's path.

        Under "" stand the parts of one example, where the last layer names each of them: the nodes of a graph.
        """
        return {}

    def columns(self, facts: Facts) -> Sequence[str]:
        """What the last dimension of the network's output stands for, where each of its elements has a name."""
        return facts.classes

    @abstractmethod
    def doubt(self, output: Any) -> Tensor:
        """The loss of what the network returned (a batch of one) if its own answer were right, with a gradient.

        It is what an explanation goes backward from, where nobody has said what is right.
        """

    def save_input(self, example: Example, path: Path) -> Path | None:
        """Save what the network was given as a PNG, where it can be looked at; return the file."""
        return None

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path | None:
        """Save a response that is a picture, or is best seen drawn into one, as a PNG; return the file."""
        return None

    def save_values(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path | None:
        """Save a response for programs, as a PNG whose numbers are what is meant (a label map); return the file."""
        return None
