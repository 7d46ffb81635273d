"""What passes over the seam between a task and the rest of the house: examples, alone and in batches.

A *batch* is a tuple of tensors that share their first dimension; what they are is the task's affair
(for pictures: uint8 pixels and labels; for a graph, one example whose nodes stand along the second dimension).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

Batch = tuple[Tensor, ...]


class Outcome(NamedTuple):
    """What one batch gave.

    Attributes:
        loss: mean over the batch, a scalar with a gradient.
        output: what the network returned, or what of it `Task.tally` needs; first dimension B.
    """

    loss: Tensor
    output: Tensor


@dataclass(frozen=True)
class Example:
    """One input brought into the network's form.

    Attributes:
        name: of the file, or of the example in the data set.
        batch: the network's input as a batch of one, as `Task.inputs` takes it.
        spelled: what the network was given, where that is words.
        remark: what must be said of the input to whoever reads the answer: that nothing of it is known.
    """

    name: str
    batch: Batch
    spelled: str = ""
    remark: str = ""


class Rows(NamedTuple):
    """What the rows of a table of vectors stand for.

    Attributes:
        names: of each, for a reader: a word, a title.
        inputs: what to say to the network to ask it about each; "" where that cannot be done.
    """

    names: Sequence[str]
    inputs: Sequence[str]


class Posed(NamedTuple):
    """An example of a data set as if a person had given it, and what is right about it.

    Attributes:
        example: brought into the network's form.
        right: the right answer in a word or a sentence.
        given: the words as they stand in the data, where the network reads words.
        ideal: the response that would be right (without the batch dimension), where that is best seen drawn.
        drawn: whether the response is best seen drawn, though none is the right one.
    """

    example: Example
    right: str = ""
    given: str = ""
    ideal: Tensor | None = None
    drawn: bool = False


class Piece(NamedTuple):
    """A piece of a text that a network was asked about.

    Attributes:
        text: how it reads, with the blanks around it.
        surprise: −log of the probability that the network gave it, in nats; None where it was not asked.
        said: what the network held for likeliest in its place, where that is another.
    """

    text: str
    surprise: float | None = None
    said: str = ""


def row(batch: Batch, index: int) -> Batch:
    """One example of a batch, as a batch of one.

    Raises:
        IndexError: there is no such example.
    """
    return tuple(part[index][None] for part in batch)
