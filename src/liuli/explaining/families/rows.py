"""Numbers that belong together: the rows, along one or several dimensions, that softmax, a norm or a sum works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, Flats, Recent, Workbench, pick, whole
from liuli.explaining.expression import Column, Expression, Source
from liuli.explaining.families.elementwise import row_major
from liuli.tracing.parts import Operation


def dimensions(dim: Any, count: int) -> tuple[int, ...]:
    """`dim` as it is passed (None for all, one, or several; from the end if negative) as dimensions in order."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return tuple(range(count))
    chosen = dim if isinstance(dim, Sequence) else (dim,)
    return tuple(sorted(one % max(count, 1) for one in chosen)) if count else ()


class Rows:
    """A tensor cut into rows along `dims`.

    Rows are numbered in row-major order of the other dimensions, which is where a reduction puts what it makes of them;
    places within a row are in row-major order of `dims`.
    """

    def __init__(self, shape: tuple[int, ...], dims: tuple[int, ...]) -> None:
        self.shape, self.dims = shape, dims
        steps = row_major(shape)
        self.others = tuple(place for place in range(len(shape)) if place not in dims)
        self.count = prod(shape[place] for place in self.others)
        offsets = np.zeros((), dtype=np.int64)
        for place in dims:
            offsets = np.add.outer(offsets, np.arange(shape[place]) * steps[place])
        self.offsets = offsets.reshape(-1)  # of the places within a row
        self.steps = steps

    def members(self, row: int) -> NDArray[np.int64]:
        """The elements of a row."""
        start = 0
        for place in reversed(self.others):
            row, coordinate = divmod(row, self.shape[place])
            start += coordinate * self.steps[place]
        return self.offsets + start

    def row(self, flat: Flats) -> Any:
        """The row that an element is in."""
        return self._numbered(flat, self.others)

    def place(self, flat: Flats) -> Any:
        """The place of an element within its row."""
        return self._numbered(flat, self.dims)

    def _numbered(self, flat: Flats, dims: tuple[int, ...]) -> Any:
        number: Any = flat * 0
        for place in dims:
            number = number * self.shape[place] + flat // self.steps[place] % self.shape[place]
        return number


class RowExplainer(Explainer):
    """An operation that works on rows of one operand x.

    In the formula x[k] runs over the row, and x[i] is the element at the place of the output. The letters that a
    formula defines are worked out once for a row.
    """

    vector = True
    reduces = False  # one number for each row, rather than one for each element

    def __init__(self, operation: Operation, bench: Workbench, x: Source, rows: Rows) -> None:
        super().__init__(operation, bench)
        self.x, self.rows = x, rows
        self.known = Recent(16)

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        row = int(np.ravel(flat)[0]) if self.reduces else int(np.ravel(self.rows.row(flat))[0])
        common = self.known.get((output, row), lambda: self.common(output, row))
        return common if self.reduces else {**common, **self.own(output, flat)}

    def common(self, output: int, row: int) -> dict[str, Expression | None]:
        """Letters that stand for the same for all of a row."""
        members = Column(self.x, self.rows.members(row))
        letters: dict[str, Expression | None] = {"x[k]": members, "x[j]": members, **self.settings(row)}
        return {**letters, **self.formula(output).define(letters, self.detached)}

    def settings(self, row: int) -> dict[str, Expression | None]:
        """Constants and further operands of a row."""
        return {}

    def own(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        """Letters of the element itself."""
        return {"x[i]": pick(self.x, flat)}

    def batches(self, flats: NDArray[np.int64]) -> Iterable[Flats]:
        if not self.vector or self.reduces:
            return map(int, flats)
        rows = self.rows.row(flats)
        return [flats[rows == row] for row in np.unique(rows)]

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            row = int(self.rows.row(flat))
            yield 0, whole(row) if self.reduces else self.rows.members(row)


Setup = Callable[[Operation, Workbench], Explainer]


def along_dim(maker: type[RowExplainer], default: Any = None) -> Setup:
    """An explainer of an operation whose rows are named by its argument `dim`."""

    def make(operation: Operation, bench: Workbench) -> Explainer:
        x = Explainer(operation, bench).need("input", "tensor")
        dim = operation.arguments.get("dim", default)
        return maker(operation, bench, x, Rows(x.shape, dimensions(dim, len(x.shape))))

    return make
