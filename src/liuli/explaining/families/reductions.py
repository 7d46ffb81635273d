"""Many numbers made into one, or into a running one: sums, means, norms, extremes, ranks, cumulative sums.

Shapes: a reduction's output is numbered like its rows; whether the reduced dimensions are kept does not matter to that.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.explainer import REGISTRY, Explainer, Flats, NotExplained, Workbench, explains, pick, whole
from liuli.explaining.expression import Column, Expression, Number, Source
from liuli.explaining.families.rows import RowExplainer, Rows, Setup, along_dim, dimensions
from liuli.explaining.fold import SHARED
from liuli.explaining.formula import Formula, formula
from liuli.tracing.parts import Operation


class Reduction(RowExplainer):
    """One number for each row. n is the number of elements in a row."""

    reduces = True

    def settings(self, row: int) -> dict[str, Expression | None]:
        return {"n": Number(len(self.rows.offsets))}


def reduction(names: str, text: str) -> None:
    """Register a reduction by its formula."""
    made = type("Reduction", (Reduction,), {"text": text, "__module__": __name__})
    for name in names.split():
        REGISTRY[name] = along_dim(made)


reduction("sum", "y = Sum(k, x[k])")
reduction("nansum", "y = Sum(k, where(isnan(x[k]), 0, x[k]))")
reduction("mean", "y = Sum(k, x[k])/n")
reduction("nanmean", "y = Sum(k, where(isnan(x[k]), 0, x[k]))/Sum(k, isnan(x[k]) == 0)")
reduction("prod", "y = Prod(k, x[k])")
reduction("all", "y = Min(k, x[k] != 0)")
reduction("any", "y = Max(k, x[k] != 0)")
reduction("count_nonzero", "y = Sum(k, x[k] != 0)")


class Spread(Reduction):
    """Variance and standard deviation: the mean squared distance from the mean, divided by n − δ."""

    root = False

    def formula(self, output: int) -> Formula:
        mean = "Sum(k, x[k])/n"
        if output == 1:
            return formula(f"y = {mean}")
        square = "Sum(k, (x[k] - μ)**2)/(n - δ)"
        return formula(f"y = {f'sqrt({square})' if self.root else square}\nμ = {mean}")

    def settings(self, row: int) -> dict[str, Expression | None]:
        unbiased = self.arguments.get("unbiased")
        correction = self.option("correction", 1 if unbiased is None else int(unbiased))
        return {**super().settings(row), "δ": Number(correction)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            for output in range(len(self.operation.outputs)):
                yield output, whole(int(self.rows.row(flat)))


REGISTRY["var"] = REGISTRY["var_mean"] = along_dim(Spread)
REGISTRY["std"] = REGISTRY["std_mean"] = along_dim(type("Deviation", (Spread,), {"root": True, "__module__": __name__}))


@explains("norm", "linalg_vector_norm", "linalg_norm", "vector_norm", "frobenius_norm")
def norm(operation: Operation, bench: Workbench) -> Explainer:
    """The length of a row: (Σ|x|ᵖ)^(1/p)."""
    base = Explainer(operation, bench)
    x, order = base.need("input"), operation.arguments.get("p", operation.arguments.get("ord"))
    order = 2 if order in (None, "fro") else order
    dims = dimensions(operation.arguments.get("dim"), len(x.shape))
    if isinstance(order, str) or (operation.name == "linalg_norm" and len(dims) > 1 and operation.arguments.get("ord")):
        raise NotExplained(f"the matrix norm {order!r}")
    texts = {
        2: "y = where(S == 0, 0, sqrt(S))\nS = Sum(k, x[k]**2)",
        1: "y = Sum(k, abs(x[k]))",
        0: "y = Sum(k, x[k] != 0)",
        inf: "y = Max(k, abs(x[k]))",
        -inf: "y = Min(k, abs(x[k]))",
    }
    found = Reduction(operation, bench, x, Rows(x.shape, dims))
    found.text = texts.get(order, f"y = where(S == 0, 0, S**(1/{order}))\nS = Sum(k, abs(x[k])**{order})")
    return found


class Extreme(Reduction):
    """The largest or smallest, and where it stands. Among equals the operation's own choice counts."""

    sign = "Max"
    shares = False  # the gradient goes to all equals in equal parts

    def formula(self, output: int) -> Formula:
        place = output == 1 or self.operation.name.startswith("arg")
        return formula(f"y = {'Arg' + self.sign.lower() if place else self.sign}(k, x[k])")

    def settings(self, row: int) -> dict[str, Expression | None]:
        outputs = self.operation.outputs
        if self.operation.name.startswith("arg"):
            return {"winner k": Number(int(self.output().array[row]))}
        if len(outputs) == 2:
            return {"winner k": Number(int(self.output(1).array[row]))}
        return {"winner k": Number(SHARED)}


class Smallest(Extreme):
    """See `Extreme`."""

    sign = "Min"


def extreme(maker: type[Extreme], paired: bool) -> Setup:
    """Of one operand along `dim`; of two operands number by number, where there are two."""

    def make(operation: Operation, bench: Workbench) -> Explainer:
        if paired and "other" in operation.arguments:
            return REGISTRY["maximum" if maker is Extreme else "minimum"](operation, bench)
        return along_dim(maker)(operation, bench)

    return make


REGISTRY["max"] = extreme(Extreme, True)
REGISTRY["min"] = extreme(Smallest, True)
REGISTRY["amax"] = REGISTRY["argmax"] = extreme(Extreme, False)
REGISTRY["amin"] = REGISTRY["argmin"] = extreme(Smallest, False)


@explains("aminmax")
class BothExtremes(Reduction):
    """The smallest and the largest."""

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        x = Explainer(operation, bench).need("input")
        dim = operation.arguments.get("dim")
        super().__init__(operation, bench, x, Rows(x.shape, dimensions(dim, len(x.shape))))

    def formula(self, output: int) -> Formula:
        return formula(f"y = {'Max' if output else 'Min'}(k, x[k])")

    def settings(self, row: int) -> dict[str, Expression | None]:
        return {"winner k": Number(SHARED)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            yield from ((output, whole(int(self.rows.row(flat)))) for output in (0, 1))


class Ranked(RowExplainer):
    """The elements of a row by size: each number is the element that so many smaller ones stand before.

    The second output says where in the row it stood.
    """

    vector = False

    def __init__(self, operation: Operation, bench: Workbench, x: Source, rows: Rows) -> None:
        super().__init__(operation, bench, x, rows)
        dims = tuple(rows.dims)
        self.made = Rows(self.shape(), dims if self.shape() != () and len(self.shape()) == len(x.shape) else ())
        self.places_only = operation.name == "argsort"

    def formula(self, output: int) -> Formula:
        return formula(f"y[i] = {'Place' if output == 1 or self.places_only else 'Ranked'}(k, x[k])")

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        flat = int(flat)
        row = int(self.made.row(flat))
        members = self.rows.members(row)
        if self.operation.name == "msort":  # it tells no places
            smaller = Number(int(self.made.place(flat)))
            return {"x[k]": Column(self.x, members), "rank k": smaller}
        winner = int(self.output(0 if self.places_only else 1).array[flat])
        rank = self.rank(int(self.made.place(flat)), members, winner)
        return {"x[k]": Column(self.x, members), "winner k": Number(winner), "rank k": Number(rank)}

    def rank(self, place: int, members: NDArray[np.int64], winner: int) -> int:
        """How many elements come before the one that stands at `place` of the output, from the smallest on."""
        count = len(members)
        match self.operation.name:
            case "median":
                return (count - 1) // 2
            case "kthvalue":
                return int(self.option("k")) - 1
            case "topk" if not self.option("sorted", True):
                values = self.x.array[members]
                return int((values < values[winner]).sum())
            case "topk":
                return count - 1 - place if self.option("largest", True) else place
            case _:
                return count - 1 - place if self.option("descending", False) else place

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address != self.x.address or self.places_only:
            return
        row, place = int(self.rows.row(flat)), int(self.rows.place(flat))
        made = self.made.members(row)
        if self.operation.name == "msort":
            yield 0, made
            return
        yield 0, made[self.output(1).array[made] == place]


REGISTRY |= {name: along_dim(Ranked, -1) for name in ("sort", "argsort", "topk", "kthvalue")}
REGISTRY["msort"] = along_dim(Ranked, 0)


@explains("median")
def median(operation: Operation, bench: Workbench) -> Explainer:
    """The lower middle; of all elements where no dimension is named."""
    if len(operation.outputs) == 2:
        return along_dim(Ranked, -1)(operation, bench)
    x = Explainer(operation, bench).need("input")
    found = Reduction(operation, bench, x, Rows(x.shape, tuple(range(len(x.shape)))))
    found.text = "y = Ranked(k, x[k])"
    rank = Number((len(x.array) - 1) // 2)
    found.settings = lambda row: {"rank k": rank, "winner k": Number(SHARED)}  # type: ignore[method-assign]
    return found


class Running(RowExplainer):
    """The sum, product, … of a row up to the place of the element."""

    vector = False

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        so_far = self.rows.members(int(self.rows.row(flat)))[: int(self.rows.place(flat)) + 1]
        letters: dict[str, Expression | None] = {"x[k]": Column(self.x, so_far)}
        if len(self.operation.outputs) == 2:
            letters["winner k"] = Number(int(self.output(1).array[int(flat)]))
        return {**letters, **self.formula(output).define(letters, ("m",))}

    def formula(self, output: int) -> Formula:
        sign = {"cumsum": "Sum", "cumprod": "Prod", "cummax": "Max", "cummin": "Min"}.get(self.operation.name)
        if sign is None:
            return formula("y[i] = m + log(Sum(k, exp(x[k] - m)))\nm = Max(k, x[k])")
        return formula(f"y[i] = {'Arg' + sign.lower() if output == 1 else sign}(k, x[k])")

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            yield 0, self.rows.members(int(self.rows.row(flat)))[int(self.rows.place(flat)) :]


REGISTRY |= {name: along_dim(Running) for name in ("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")}


@explains("trace")
class Trace(Reduction):
    """The sum of the diagonal."""

    text = "y = Sum(k, x[k,k])"

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        x = Explainer(operation, bench).need("input")
        super().__init__(operation, bench, x, Rows(x.shape, (0, 1)))
        self.diagonal = np.arange(min(x.shape)) * (x.shape[1] + 1)

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        return {"x": pick(self.x, self.diagonal)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address and flat in self.diagonal:
            yield 0, whole(0)
