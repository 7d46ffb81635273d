"""Operations that only move numbers: indexing, views, transposing, joining, splitting, padding, rolling.

All of them share one mechanism. The operation itself is run on tensors that hold, in the place of each number, where
that number is; what comes out says where each output came from. That is right for every index, slice, mask, step and
mode there is, because nothing is imitated.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from liuli.explaining.explainer import REGISTRY, Explainer, Flats, NotExplained, Workbench, explains, words
from liuli.explaining.expression import Column, Expression, Number, Operand, total
from liuli.explaining.fold import Fold
from liuli.explaining.formula import Formula, formula
from liuli.explaining.replay import again
from liuli.tracing.parts import Address, Operation
from liuli.tracing.trees import addresses

Origins = tuple[
    NDArray[np.int64], NDArray[np.int64]
]  # which operand, and which element of it; −1: a filled-in constant


SHAPED = ("view_as", "reshape_as", "expand_as")  # of the other tensor only the shape is asked


class Moved(Explainer):
    """Each number of the output is one number of an operand, or the constant that was filled in.

    `carriers` are the arguments whose numbers move; other tensors are indices or masks, and stay as they are.
    """

    carriers: tuple[str, ...] = ("input", "tensors", "tensor", "src", "source", "values", "value", "data")
    fills = False  # its last argument, where it is a number, is filled in
    constant: float = 0  # what is filled in

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        found = list(addresses([part for name, part in operation.arguments.items() if name in self.carriers]))
        self.addresses: list[Address] = list(dict.fromkeys(found))
        still = set(addresses([part for name, part in operation.arguments.items() if name not in self.carriers]))
        if still & set(self.addresses) and operation.name not in SHAPED:
            raise NotExplained(f"{operation.name} of a tensor by itself")

    @cached_property
    def origins(self) -> list[Origins]:
        """For each output, where each of its numbers came from."""
        starts, start = {}, 1.0
        for address in self.addresses:
            starts[address] = start
            start += prod(self.bench.record.value(address).shape)

        def places(address: Address) -> torch.Tensor:
            value = self.bench.record.value(address)
            if address not in starts:
                return value.tensor
            count = prod(value.shape)
            # float64 holds whole numbers to 2⁵³, and every operation that moves numbers takes it
            return torch.arange(count, dtype=torch.float64).add_(starts[address]).view(value.shape)

        with torch.no_grad():
            made = again(self.operation, places, self.fill())
        if not starts:
            raise NotExplained(f"{self.operation.name} of nothing that it takes numbers from")
        borders = np.array(list(starts.values()))
        found = []
        for one in made:
            code = one.detach().contiguous().view(-1).numpy()
            which = np.searchsorted(borders, code, side="right") - 1
            found.append((which, np.where(which < 0, -1, code - borders[which]).astype(np.int64)))
        return found

    def moves(self, output: int) -> bool:
        """Whether this output is made so; another has a formula of its own."""
        return True

    def fill(self) -> float | None:
        """What stands for the filled-in constant while places are moved: 0, which is no place."""
        if not self.fills:
            return None
        value = self.arguments.get("value")
        if isinstance(value, bool | int | float):
            self.constant = value
            return 0.0
        if isinstance(value, Address) and value not in self.addresses:
            raise NotExplained(f"{self.operation.name} with a tensor to fill in")
        return None

    def formula(self, output: int) -> Formula:
        return formula("y[i] = x[j]")

    def expression(self, output: int, flat: Flats) -> Expression:
        which, place = (array[int(flat)] for array in self.origins[output])
        if which < 0:
            return Number(self.constant)
        return Operand(self.bench.source(self.addresses[which]), int(place))

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address in self.addresses:
            own = self.addresses.index(Address(address))
            for output, (which, place) in enumerate(self.origins):
                yield output, np.nonzero((place == flat) & (which == own))[0]

    def reach(self, output: int, flats: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        which, place = (array[flats] for array in self.origins[output])
        return {address: place[which == number] for number, address in enumerate(self.addresses)}

    def gradient(self, address: str, flat: int) -> Expression:
        """Σ of the gradients of the places that the number went to."""
        terms: list[Expression] = []
        for output, flats in self.dependents(address, flat):
            upstream = self.upstream(output, address) if len(flats) else None
            if upstream is not None:
                many = len(flats) > 1
                terms.append(Fold("sum", "j", Column(upstream, flats)) if many else Operand(upstream, int(flats[0])))
        return total(terms)


REGISTRY |= dict.fromkeys(
    words(
        "view reshape view_as reshape_as flatten unflatten ravel squeeze unsqueeze permute transpose t T mT H "
        "mH adjoint movedim numpy_T swapaxes swapdims expand expand_as broadcast_to broadcast_tensors repeat "
        "tile repeat_interleave getitem select narrow index_select gather take take_along_dim masked_select "
        "diagonal diag diag_embed diagflat tril triu flip fliplr flipud roll rot90 unbind split "
        "split_with_sizes chunk tensor_split hsplit vsplit dsplit unsafe_chunk unsafe_split cat stack hstack "
        "vstack dstack block_diag meshgrid cartesian_prod atleast_1d atleast_2d atleast_3d clone contiguous "
        "detach data unfold pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle "
        "im2col real positive resolve_conj resolve_neg lift_fresh_copy slice unflatten_dense_tensors "
        "narrow_copy select_copy view_copy copy requires_grad unsafe_view _unsafe_view _reshape_alias "
        "combinations alias_copy diagonal_copy expand_copy split_copy split_with_sizes_copy "
        "squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy permute_copy slice_copy "
        "linalg_diagonal"
    ),
    Moved,
)
del REGISTRY["positive"]


class Filled(Moved):
    """Some places of the input take other numbers, or a constant."""

    fills = True


REGISTRY |= dict.fromkeys(
    words("setitem index_fill index_copy masked_scatter select_scatter slice_scatter diagonal_scatter fill_diagonal "),
    Filled,
)


@explains("fill", "zero")
class Overwritten(Moved):
    """Every number replaced by one."""

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.value: Any = self.arguments.get("value", 0) if operation.name == "fill" else 0
        self.addresses = [self.value] if isinstance(self.value, Address) else []

    def expression(self, output: int, flat: Flats) -> Expression:
        return Operand(self.bench.source(self.value), 0) if self.addresses else Number(self.value)

    def reach(self, output: int, flats: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        return Explainer.reach(self, output, flats)

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address in self.addresses:
            yield 0, np.arange(prod(self.shape()))


@explains("embedding")
class Embedding(Moved):
    """A row of the table for each word: y[n] = W[word n]."""

    carriers = ("weight",)

    def formula(self, output: int) -> Formula:
        return formula("y[n,d] = W[word,d]")

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        if self.arguments.get("max_norm") is not None:
            raise NotExplained("embedding that shortens the rows it reads (max_norm)")
        if self.arguments.get("scale_grad_by_freq"):
            raise NotExplained("embedding that scales its gradient by frequency")

    @cached_property
    def origins(self) -> list[Origins]:
        """As every operation that moves numbers, without a walk through the whole table."""
        rows, width = self.need("input").array.astype(np.int64), self.shape()[-1]
        places = (rows[:, None] * width + np.arange(width)).reshape(-1)
        return [(np.zeros_like(places), places)]

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        table = self.need("weight")
        if flat // table.shape[1] != padding_row(self, table.shape[0]):  # the row for padding learns nothing
            yield from super().dependents(address, flat)


def padding_row(explainer: Explainer, rows: int) -> int | None:
    """The row of a table that stands for padding."""
    padding = explainer.arguments.get("padding_idx")
    if padding is None or (padding < 0 and not explainer.operation.function.startswith("torch.nn.functional")):
        return None  # in ATen's own signature −1 says that there is none
    return int(padding) % rows
