"""The order in which examples are seen, and batches gathered in that order.

The order of an epoch follows from (seed, epoch) alone: no generator is carried from one epoch to the
next, so a run resumed at any step sees what it would have seen, and every process sees the same.
Data that fit are held whole on the device; a batch is a view into a gathered chunk of some twenty
batches, so that a step pays neither for a loader nor for an indexing operation of its own.

Where examples differ in length (sentences), a batch is made of examples of like length and cut to its longest,
so that little is computed of what only fills the place; and cut a little later, at a round length, so that few
shapes of batches arise, each of which a step must be recorded for (see `training.captured`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from liuli.data.dataset import Split
from liuli.errors import UserError

CHUNK_BYTES = 2 << 20
"""Gathered at once: fewer bytes cost more calls, more bytes fall out of the processor's cache (both 2–4 × slower)."""
ROUND = 8
"""Batches of examples that differ in length are cut to a multiple of this."""

Batch = tuple[Tensor, ...]
Cut = Callable[[Batch, int], Batch]


def permutation(count: int, seed: int, epoch: int, *draw: int) -> Tensor:
    """The order of `count` examples in one epoch: int64 (count,), each of 0 … count − 1 once.

    A function of its arguments alone, on every machine: the order sorts the raw words of NumPy's PCG64, whose
    stream NumPy promises not to change, seeded by a hash of (seed, epoch), so that neighbouring seeds and
    epochs have nothing in common. Another `draw` gives another order of the same epoch.
    """
    words = np.random.PCG64(np.random.SeedSequence((seed, epoch, *draw))).random_raw(count)
    return torch.from_numpy(np.argsort(words))


def rounded(length: int) -> int:
    """The length at which a batch is cut whose longest example has `length`."""
    return -(-length // ROUND) * ROUND


def hold_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Part `split` into (train, validation), with `share` of it, to the nearest example, held for validation.

    Stratified where targets are classes: the examples are shuffled, sorted by target and taken at equal distances,
    so that every class is held out in proportion (to one example), even where a class is rare. Chosen over a plain
    draw because the validation loss that early stopping watches is then less noisy. Each part has at least one
    example, and keeps the published order.

    Args:
        split: N examples.
        share: in [0, 1); 0 gives an empty validation part.
        seed: of the draw.

    Raises:
        UserError: there are too few examples for both parts to have one.
    """
    total = len(split)
    held = min(max(1, round(share * total)), total - 1) if share > 0 else 0
    if share > 0 and held < 1:
        raise UserError(
            f"validation is {share:g}, but the training part has only {total} example{'s'[: total != 1]}; "
            "give more data or use --set validation=0"
        )
    order = permutation(total, seed, 0).numpy()
    if split.targets.ndim == 1 and split.targets.dtype.kind in "iu":
        order = order[np.argsort(split.targets[order], kind="stable")]
    chosen = np.zeros(total, dtype=bool)
    chosen[order[(2 * np.arange(held) + 1) * total // (2 * max(held, 1))]] = True
    return select(split, ~chosen), select(split, chosen)


def select(split: Split, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Split:
    """The examples of `split` that `chosen` (N,) marks, in their order."""
    return Split(
        split.inputs[chosen], split.targets[chosen], {name: array[chosen] for name, array in split.extra.items()}
    )


class Pieces:
    """A part held whole, in pieces to be answered one after another; where lengths differ, each of one rounded length.

    Args:
        batch: N examples.
        size: of a piece, at most.
        lengths: int64 (N,), on the CPU, where examples differ in length.
        cut: takes what lies beyond a length off a batch.

    Attributes:
        batches: the pieces.
    """

    def __init__(
        self, batch: Batch, size: int, lengths: Tensor | None = None, cut: Cut = lambda batch, length: batch
    ) -> None:
        self.order: Tensor | None = None
        if lengths is None:
            self.batches: list[Batch] = list(zip(*(torch.split(tensor, size) for tensor in batch), strict=True))
            return
        self.order = lengths.argsort(stable=True)
        sizes, cuts = [], []
        for length, count in zip(*torch.unique(lengths.div(ROUND).ceil(), return_counts=True), strict=True):
            mine = [len(rows) for rows in torch.split(torch.arange(int(count)), size)]
            sizes += mine
            cuts += [int(length) * ROUND] * len(mine)
        ordered = (torch.split(tensor[self.order.to(tensor.device)], sizes) for tensor in batch)
        self.batches = list(map(cut, zip(*ordered, strict=True), cuts))

    def joined(self, answers: list[Tensor]) -> Tensor:
        """The answers to all pieces in the order of the examples."""
        whole = torch.cat(answers)
        return whole if self.order is None else whole[self.order.argsort().to(whole.device)]


class Batches:
    """A training part held whole, given out batch by batch in the order of each epoch.

    Every process holds all the data and sees the same global batches; in a global batch of n examples,
    process r of W takes the contiguous share whose size is n // W, and one more where r < n mod W. So one,
    two and four processes train on the same batches. The last, smaller batch of an epoch is kept.

    *The loss with several processes.* The gradient of a global batch is Σᵣ (nᵣ / n) ∇Lᵣ, with Lᵣ the mean
    over share r; averaging over processes gives (1 / W) Σᵣ ∇Lᵣ. So multiply the mean loss by
    `weight(step)` = W nᵣ / n before going backward: exactly 1 where shares are equal (always for W = 1).
    A process whose share of the last batch is empty is given one example with weight 0, since it must
    still take part in the averaging; sums that it tallies must be left out, which `examples(step)` = 0 says.

    Batches are views into memory that is not used again, so they may be kept and written to.

    Args:
        tensors: share their first dimension, N; on any device.
        batch_size: examples in a global batch, over all processes together.
        seed: of the order.
        rank: of this process, in [0, world_size).
        world_size: number of processes.
        lengths: int64 (N,), on the CPU, where examples differ in length: batches are then made of like ones.
        cut: takes what lies beyond a length off a batch.
    """

    def __init__(
        self,
        tensors: Batch,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        lengths: Tensor | None = None,
        cut: Cut = lambda batch, length: batch,
    ) -> None:
        if batch_size < world_size:
            raise UserError(
                f"batch_size is {batch_size}, expected at least one example for each of the {world_size} processes"
            )
        self.tensors = tensors
        self.count = len(tensors[0])
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.lengths = lengths
        self.cut = cut

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.count // self.batch_size)

    def global_examples(self, step: int) -> int:
        """Examples of the global batch at `step`, over all processes: n."""
        return min(self.batch_size, self.count - step * self.batch_size)

    def examples(self, step: int) -> int:
        """Examples of this process's share at `step`: nᵣ, 0 where the one given only fills the place."""
        return share_of(self.global_examples(step), self.rank, self.world_size)[1]

    def weight(self, step: int) -> float:
        """What the mean loss over this process's share is multiplied by: W nᵣ / n."""
        return self.world_size * self.examples(step) / self.global_examples(step)

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """This process's batches of one epoch, from `start_step` on; the same ones wherever it starts."""
        order = self.order(epoch)
        share = share_of(min(self.batch_size, self.count), self.rank, self.world_size)[1] or 1
        row_bytes = sum(tensor[:1].nbytes for tensor in self.tensors)
        chunk = share * max(1, CHUNK_BYTES // max(1, share * row_bytes))
        for begin in range(start_step * share, len(order), chunk):
            rows = order[begin : begin + chunk].to(self.tensors[0].device)
            gathered = (torch.split(tensor.index_select(0, rows), share) for tensor in self.tensors)
            batches = zip(*gathered, strict=True)
            if self.lengths is None:
                yield from batches
            else:
                longest = (int(part.max()) for part in torch.split(self.lengths[order[begin : begin + chunk]], share))
                yield from (self.cut(batch, rounded(length)) for batch, length in zip(batches, longest, strict=True))

    def order(self, epoch: int) -> Tensor:
        """Indexes of the examples that this process sees in one epoch, its shares one after another, on the CPU."""
        order = permutation(self.count, self.seed, epoch)
        whole = self.count - self.count % self.batch_size
        if self.lengths is not None:
            order = self.by_length(order, self.lengths, epoch)
        begin, size = share_of(self.batch_size, self.rank, self.world_size)
        shares = order[:whole].view(-1, self.batch_size)[:, begin : begin + size].flatten()
        begin, size = share_of(self.count - whole, self.rank, self.world_size)
        if whole < self.count and size == 0:
            begin, size = 0, 1  # fills the place, see above
        return torch.cat([shares, order[whole + begin : whole + begin + size]])

    def by_length(self, order: Tensor, lengths: Tensor, epoch: int) -> Tensor:
        """`order` made into batches of examples of like length, which come one after another at random.

        Examples of one length meet others in every epoch. Which lengths the last, smaller batch holds is drawn too.
        """
        order = order[lengths[order].argsort(stable=True)]
        places = permutation(self.count // self.batch_size + 1, self.seed, epoch, 1)
        begin = int(places[0]) * self.batch_size
        end = begin + self.count % self.batch_size
        whole = torch.cat([order[:begin], order[end:]]).view(-1, self.batch_size)
        others = places[1:] - (places[1:] > places[0]).long()
        return torch.cat([whole[others].flatten(), order[begin:end]])


def share_of(count: int, rank: int, world_size: int) -> tuple[int, int]:
    """First position and size of a process's contiguous share of `count` examples; the first shares are the larger."""
    size, larger = divmod(count, world_size)
    return rank * size + min(rank, larger), size + (rank < larger)
