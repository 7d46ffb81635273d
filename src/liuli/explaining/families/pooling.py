"""Pools: each number of the output stands for one window of the input, its maximum, its mean or another mean.

Shapes: the last dimensions are pooled, every channel of every example by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Table, Workbench, explains, whole
from liuli.explaining.expression import Column, Expression, Number
from liuli.explaining.families.convolution import several
from liuli.explaining.families.elementwise import row_major
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation

Spans = list[NDArray[np.int64]]  # for each place of the output along one dimension, the places of the input

MAXIMUM = "y = Max(({places}), x[{places}])"
MEAN = "y = Sum(({places}), x[{places}])/n"
POWER = "y = Sum(({places}), x[{places}]**p)**(1/p)"


def sliding(size: int, count: int, kernel: int, stride: int, padding: int, dilation: int) -> Spans:
    """Windows that slide; what lies in the padding is left out."""
    starts = np.arange(count) * stride - padding
    spans = [start + np.arange(kernel) * dilation for start in starts]
    return [span[(span >= 0) & (span < size)] for span in spans]


def adaptive(size: int, count: int) -> Spans:
    """Windows that divide `size` into `count` parts as equal as can be, overlapping where they must."""
    return [np.arange(place * size // count, ceil((place + 1) * size / count)) for place in range(count)]


class Pool(Explainer):
    """A pool over windows; each dimension's windows are `Spans`."""

    def __init__(self, operation: Operation, bench: Workbench, text: str, spans: list[Spans]) -> None:
        super().__init__(operation, bench)
        self.x, self.spans = self.need("input"), spans
        self.text = text.format(places=",".join("uvw"[: len(spans)]))
        self.sizes = self.x.shape[-len(spans) :]
        self.counts = tuple(map(len, spans))
        self.steps = row_major(self.sizes)
        self.divisor: float | None = None
        self.full: int | None = None  # padding counts: n is as if nothing were left out

    def window(self, flat: int) -> NDArray[np.int64]:
        """The elements of the input that output `flat` stands for."""
        channel, place = divmod(flat, prod(self.counts))
        found = np.array(channel * prod(self.sizes))
        for spans, coordinate, step in zip(self.spans, np.unravel_index(place, self.counts), self.steps, strict=True):
            found = np.add.outer(found, spans[coordinate] * step)
        return found.reshape(-1)

    def formula(self, output: int) -> Formula:
        text = self.text.replace("Max", "Argmax") if output == 1 else self.text
        return formula(text)

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        window = self.window(int(flat))
        letters: dict[str, Expression | None] = {
            "x": Column(self.x, window),
            "n": Number(self.divided(int(flat), window)),
        }
        if self.operation.name.startswith(("lp", "power")):
            letters["p"] = Number(self.option("norm_type"))
        return letters

    def divided(self, flat: int, window: NDArray[np.int64]) -> float:
        """By what the sum is divided."""
        return self.divisor or len(window)

    def expression(self, output: int, flat: Flats) -> Expression:
        if output == 1:  # where in its channel the maximum stood
            window = self.window(int(flat))
            return Number(int(window[np.argmax(self.x.array[window])]) % prod(self.sizes))
        return super().expression(output, flat)

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address != self.x.address:
            return
        channel, place = divmod(flat, prod(self.sizes))
        found = np.array(channel * prod(self.counts))
        coordinates = np.unravel_index(place, self.sizes)
        for spans, coordinate, step in zip(self.spans, coordinates, row_major(self.counts), strict=True):
            inside = [number for number, span in enumerate(spans) if coordinate in span]
            found = np.add.outer(found, np.array(inside, dtype=np.int64) * step)
        yield 0, found.reshape(-1)

    def reach(self, output: int, flats: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        places = self.windows(flats).reshape(-1)
        return {self.x.address: places[places >= 0]}

    def table(self, output: int) -> Table | None:
        return {"x": (self.x, self.windows(np.arange(prod(self.shape()))))}

    def windows(self, flats: NDArray[np.int64]) -> NDArray[np.int64]:
        """The elements that each of these outputs stands for: (outputs, elements), −1 where a window is smaller."""
        channels, places = np.divmod(flats, prod(self.counts))
        found = (channels * prod(self.sizes))[:, None]
        outside = np.zeros_like(found, dtype=np.bool_)
        for spans, coordinates, step in zip(self.spans, np.unravel_index(places, self.counts), self.steps, strict=True):
            widest = max(map(len, spans))
            padded = np.array([np.pad(span, (0, widest - len(span)), constant_values=-1) for span in spans])[
                coordinates
            ]
            found = (found[:, :, None] + (padded * step)[:, None, :]).reshape(len(flats), -1)
            outside = (outside[:, :, None] | (padded < 0)[:, None, :]).reshape(len(flats), -1)
        return np.where(outside, -1, found)


class MeanPool(Pool):
    """An average over sliding windows, where the padding may count as zeros that are averaged too."""

    def __init__(
        self, operation: Operation, bench: Workbench, spans: list[Spans], settings: list[tuple[int, int, int]]
    ):
        super().__init__(operation, bench, MEAN, spans)
        self.settings = settings  # kernel, stride and padding of each dimension
        self.divisor = self.option("divisor_override")
        self.counts_padding = self.option("count_include_pad", True)

    def divided(self, flat: int, window: NDArray[np.int64]) -> float:
        if self.divisor or not self.counts_padding:
            return self.divisor or len(window)
        count = 1
        places = np.unravel_index(flat % prod(self.counts), self.counts)
        for place, size, (kernel, stride, padding) in zip(places, self.sizes, self.settings, strict=True):
            start = int(place) * stride - padding
            count *= min(start + kernel, size + padding) - start  # a window that sticks out beyond the padding is cut
        return count


def pooled(operation: Operation) -> int:
    """How many dimensions are pooled."""
    return int(next(sign for sign in operation.name if sign in "123"))


@explains(*(f"max_pool{number}d{kind}" for number in (1, 2, 3) for kind in ("", "_with_indices")))
def max_pool(operation: Operation, bench: Workbench) -> Explainer:
    """The largest number of each window; the first among equals."""
    spans, _ = windows(operation, bench)
    return Pool(operation, bench, MAXIMUM, spans)


@explains("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(operation: Operation, bench: Workbench) -> Explainer:
    """The mean of each window."""
    return MeanPool(operation, bench, *windows(operation, bench))


@explains("lp_pool1d", "lp_pool2d", "lp_pool3d")
def lp_pool(operation: Operation, bench: Workbench) -> Explainer:
    """The p-norm of each window (of numbers that are not negative, for odd p)."""
    return Pool(operation, bench, POWER, windows(operation, bench)[0])


def windows(operation: Operation, bench: Workbench) -> tuple[list[Spans], list[tuple[int, int, int]]]:
    """The sliding windows of a pool, and the kernel, stride and padding of each dimension."""
    base = Explainer(operation, bench)
    x = base.need("input")
    number = pooled(operation)
    kernel = several(base.option("kernel_size"), number)
    stride = several(base.option("stride") or kernel, number)
    padding = several(base.option("padding", 0), number)
    dilation = several(base.option("dilation", 1), number)
    sizes, counts = x.shape[-number:], operation.shapes[0][-number:]
    settings = list(zip(kernel, stride, padding, strict=True))
    parts = zip(sizes, counts, kernel, stride, padding, dilation, strict=True)
    return [sliding(*part) for part in parts], settings


@explains(*(f"adaptive_max_pool{number}d{kind}" for number in (1, 2, 3) for kind in ("", "_with_indices")))
def adaptive_max_pool(operation: Operation, bench: Workbench) -> Explainer:
    """The largest number of each of so many windows."""
    return Pool(operation, bench, MAXIMUM, divided(operation, bench))


@explains("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def adaptive_avg_pool(operation: Operation, bench: Workbench) -> Explainer:
    """The mean of each of so many windows."""
    return Pool(operation, bench, MEAN, divided(operation, bench))


def divided(operation: Operation, bench: Workbench) -> list[Spans]:
    """The windows of an adaptive pool."""
    number = pooled(operation)
    shape = Explainer(operation, bench).need("input").shape
    return [adaptive(*pair) for pair in zip(shape[-number:], operation.shapes[0][-number:], strict=True)]


@explains("max_unpool1d", "max_unpool2d", "max_unpool3d")
class Unpool(Explainer):
    """Each number put back where the maximum stood, zeros elsewhere."""

    text = "y[i] = Sum(k, x[k])"

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.x = self.need("input")
        places = self.need("indices")
        number = pooled(operation)
        channels = np.arange(len(self.x.array)) // prod(self.x.shape[-number:])
        self.goal = channels * prod(self.shape()[-number:]) + places.array
        if len(np.unique(self.goal)) < len(self.goal):
            raise NotExplained(f"{operation.name} with two numbers in one place")

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        return {"x": Column(self.x, np.nonzero(self.goal == flat)[0])}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            yield 0, whole(int(self.goal[flat]))
