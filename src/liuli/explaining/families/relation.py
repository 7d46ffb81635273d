"""Sums of products along shared indices: which element of one tensor meets which of another.

Everything linear is of this kind. A matrix product is y[n,o] = Σ_k x[n,k]·W[o,k]; a convolution is the same with one
index made of two, x[… stride·i + dilation·u − padding …]. `Relation` holds the indices and answers all three questions
with one routine: given an element of the output, its terms; given an element of an operand, the outputs that it takes
part in and what it is multiplied with there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.families.elementwise import row_major

Flat = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Link:
    """The index `big` is small·stride + tap·dilation − padding; where that lies outside there is no term."""

    big: str
    small: str
    tap: str
    stride: int
    dilation: int
    padding: int


class Relation:
    """Tensors by name, each with the indices of its dimensions.

    Args:
        sizes: how far each index runs.
        tensors: the indices of each tensor's dimensions; "y" is the output. None: a dimension of length 1 that is
            broadcast.
        links: indices that are made of two others.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        tensors: Mapping[str, Sequence[str | None]],
        links: Sequence[Link] = (),
    ) -> None:
        self.sizes, self.tensors, self.links = sizes, tensors, links
        steps = {
            name: row_major(tuple(1 if index is None else sizes[index] for index in indices))
            for name, indices in tensors.items()
        }
        self.steps = {name: list(zip(indices, steps[name], strict=True)) for name, indices in tensors.items()}
        self.used = {index for indices in tensors.values() for index in indices if index is not None}

    def coordinates(self, name: str, flat: int) -> dict[str, int] | None:
        """The indices of one element; None where a tensor with a repeated index has it off its diagonal."""
        found: dict[str, int] = {}
        for index, step in self.steps[name]:
            if index is not None:
                place = flat // step % self.sizes[index]
                if found.setdefault(index, place) != place:
                    return None
        return found

    def meeting(self, name: str, flat: int) -> dict[str, Flat]:
        """For one element of tensor `name`: all the terms it is in, as the elements of every tensor in them."""
        fixed = self.coordinates(name, flat)
        if fixed is None:
            return {other: np.zeros(0, dtype=np.int64) for other in self.tensors}
        return self.terms(fixed)

    def terms(self, fixed: Mapping[str, int]) -> dict[str, Flat]:
        """All terms in which the indices in `fixed` have those values."""
        values, keep = self.walk(fixed)
        count = max((len(one) for one in values.values() if isinstance(one, np.ndarray)), default=1)
        found = {}
        for name in self.tensors:
            flat = np.zeros(count, dtype=np.int64) + self.flat(name, values)
            found[name] = flat if keep is None else flat[keep]
        return found

    def flat(self, name: str, values: Mapping[str, Flat | int]) -> Flat | int:
        """The elements of tensor `name` at the indices in `values`."""
        flat: Flat | int = 0
        for index, step in self.steps[name]:
            if index is not None:
                flat = flat + values[index] * step
        return flat

    def walk(self, fixed: Mapping[str, int]) -> tuple[dict[str, Flat | int], NDArray[np.bool_] | None]:
        """Every combination of the free indices, and which of them lie inside."""
        derived = {link.big if link.big not in fixed else link.small for link in self.links}
        free = [index for index in self.sizes if index in self.used and index not in fixed and index not in derived]
        grid: Any = np.indices([self.sizes[index] for index in free]).reshape(len(free), -1) if free else []
        values: dict[str, Flat | int] = {**fixed, **dict(zip(free, grid, strict=True))}
        keep: NDArray[np.bool_] | None = None
        for link in self.links:
            if link.big in fixed and link.small in fixed:
                inside = (
                    values[link.small] * link.stride + values[link.tap] * link.dilation - link.padding
                    == fixed[link.big]
                )
            elif link.big in fixed:
                reach = fixed[link.big] + link.padding - values[link.tap] * link.dilation
                values[link.small] = reach // link.stride
                inside = (reach % link.stride == 0) & (reach >= 0) & (reach // link.stride < self.sizes[link.small])
            else:
                place = values[link.small] * link.stride + values[link.tap] * link.dilation - link.padding
                values[link.big] = place
                inside = (place >= 0) & (place < self.sizes[link.big])
            inside = np.atleast_1d(np.asarray(inside))
            keep = inside if keep is None else keep & inside
        return values, keep

    def table(self, name: str) -> dict[str, Flat]:
        """For every element of tensor `name` its terms, as arrays (elements, terms); −1 where a term lies outside.

        Only for a tensor none of whose indices repeats or is made of two.
        """
        own = [index for index in self.tensors[name] if index is not None]
        values, keep = self.walk({})
        free = [index for index in self.sizes if index in self.used and index not in {link.big for link in self.links}]
        rest = [index for index in free if index not in own]
        sizes = [self.sizes[index] for index in free]
        order = [free.index(index) for index in (*own, *rest)]
        count = prod(self.sizes[index] for index in own)

        def arranged(flat: Any) -> Any:
            full = np.broadcast_to(flat, (prod(sizes),))
            return full.reshape(sizes).transpose(order).reshape(count, -1)

        found = {}
        for other in self.tensors:
            flat = arranged(np.asarray(self.flat(other, values), dtype=np.int64))
            found[other] = flat if keep is None else np.where(arranged(keep), flat, -1)
        return found
