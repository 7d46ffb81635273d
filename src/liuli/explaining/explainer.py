"""What every explainer offers: the expression of each number that its operation gave, and what depends on a number.

An explainer is made for one operation of one record, and found by the operation's canonical name. Families of them
stand in `families/`, each in a small file; a new one needs a formula, the operands for its letters, and the outputs
that a number takes part in. Gradients need nothing more: they are differentiated from the formula.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from liuli.errors import LiuliError
from liuli.explaining.axes import leaves
from liuli.explaining.derivative import Target, derivative
from liuli.explaining.expression import ZERO, Column, Expression, Number, Operand, Product, Source, total
from liuli.explaining.fold import Fold
from liuli.explaining.formula import Formula, formula
from liuli.explaining.slopes import slope
from liuli.tracing.parts import Address, Handwritten, Operation
from liuli.tracing.record import Record

Flats: TypeAlias = "int | NDArray[np.int64]"  # one element of an output, or several at once
Table: TypeAlias = dict[str, tuple[Source, NDArray[np.int64]]]  # by letter, the elements of a value
Made = TypeVar("Made")

KEPT = 64  # values and operations whose arrays are kept at hand
COMPLEX = "its complex numbers have no formula yet"


class NotExplained(LiuliError):
    """This form of the operation has no explainer; the message says which form."""


def unwritten(own: Handwritten) -> NotExplained:
    """Why no formula gives a gradient that a function hands back."""
    return NotExplained(f"the backward pass of {own.name} is its own, and has no formula")


class Recent:
    """A small store of what was made last."""

    def __init__(self, size: int = KEPT) -> None:
        self.size = size
        self.items: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What was kept under `key`, else what `make` gives."""
        if key in self.items:
            self.items.move_to_end(key)
        else:
            self.items[key] = make()
            if len(self.items) > self.size:
                self.items.popitem(last=False)
        found: Made = self.items[key]
        return found


class Workbench:
    """A record with its values as flat arrays at hand, and the explainers of its operations."""

    def __init__(self, record: Record) -> None:
        self._record = weakref.ref(record)  # which keeps its workbench, and is not to be kept by it
        self.arrays = Recent()
        self.explainers = Recent()

    @property
    def record(self) -> Record:
        """The record."""
        record = self._record()
        assert record is not None, "the record is gone"
        return record

    def source(self, address: str) -> Source:
        """The value at `address`."""
        return self.arrays.get(address, lambda: self._source(address, self.record.value(address).tensor, False))

    def gradient(self, address: str) -> Source | None:
        """The gradient of the value at `address`; None where none reached it."""

        def make() -> Source | None:
            grad = slope(self, self.record.value(address))
            return None if grad is None else self._source(address, grad, True)

        return self.arrays.get((address, "gradient"), make)

    def _source(self, address: str, tensor: torch.Tensor, gradient: bool) -> Source:
        tensor = tensor.detach()
        if tensor.is_complex():
            raise NotExplained(COMPLEX)
        tensor = tensor.to_dense() if tensor.layout is not torch.strided else tensor
        tensor = tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
        return Source(address, tuple(tensor.shape), tensor.cpu().contiguous().view(-1).numpy(force=True), gradient)

    def explainer(self, operation: Operation) -> Explainer:
        """The explainer of `operation`.

        Raises:
            NotExplained: there is none for it, or not for this form of it.
        """

        def make() -> Explainer:
            if operation.name == "opaque":
                raise NotExplained(f"nothing can be seen inside {operation.function.rpartition('.')[2]}")
            maker = REGISTRY.get(operation.name)
            if maker is None:
                raise NotExplained(f"{operation.name} has no explainer yet")
            values = map(self.record.value, (*operation.inputs, *operation.outputs))
            if any(value.dtype.is_complex for value in values):
                raise NotExplained(COMPLEX)
            return maker(operation, self)

        return self.explainers.get(operation.index, make)

    def returned(self, operation: Operation, address: Address | str, flat: int) -> Expression:
        """What comes back from `operation` to element `flat` of the value at `address`.

        Raises:
            NotExplained: no formula gives it.
        """
        own = operation.handwritten
        if own is None:
            return self.explainer(operation).gradient(address, flat)
        if address in own.inputs:
            raise unwritten(own)
        return ZERO  # autograd has not followed what it did forward


class Explainer:
    """How the numbers of one operation came to be.

    Attributes:
        text: the formula; see `formula`. One that depends on the arguments is set in `__init__`.
        axes: the variables of its sums within sums, the outermost first.
        detached: letters that the result does not depend on; see `Named`.
        vector: whether `expression` takes several elements at once, where `dependents` names them together.
    """

    text: str = ""
    axes: str = ""
    detached: tuple[str, ...] = ()
    vector: ClassVar[bool] = False
    leaf: ClassVar[bool] = False  # drawn or constant: there is nothing further back
    note: str = ""

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        self.operation = operation
        self.bench = bench

    def expression(self, output: int, flat: Flats) -> Expression:
        """How element `flat` of output number `output` came to be."""
        return self.formula(output).bind(self.environment(output, flat))

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        """What stands for each letter of the formula; None for one that this operation does without, such as a bias."""
        raise NotImplementedError

    def explained(self, output: int, flat: int) -> tuple[Formula, Expression]:
        """The formula as this operation has it, and the expression of one element."""
        shown = self.formula(output)
        if type(self).expression is not Explainer.expression:
            return shown, self.expression(output, flat)
        environment = self.environment(output, flat)
        return shown.suited(environment), shown.bind(environment)

    def formula(self, output: int) -> Formula:
        """The formula in symbols."""
        return formula(self.text, self.axes)

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        """The elements of the outputs that the element `flat` of the value at `address` takes part in."""
        raise NotImplementedError

    def gradient(self, address: str, flat: int) -> Expression:
        """Σ over the elements that depend on this one, of their gradient × the local derivative."""
        target = Target(address, flat)
        terms: list[Expression] = []
        for output, flats in self.dependents(address, flat):
            upstream = self.upstream(output, address) if len(flats) else None
            if upstream is None:
                continue
            if len(flats) > 1 and self.vector:
                local = self.local(output, flats, target)
                column = Column(upstream, flats)
                terms.append(Fold("sum", "j", Product((column, local))) if local is not ZERO else ZERO)
                continue
            for one in flats.tolist():
                local = self.local(output, one, target)
                if local is not ZERO or np.isfinite(
                    upstream.array[one]
                ):  # autograd passes no NaN through a closed gate
                    terms.append(Product((Operand(upstream, one), local)))
        return total(terms)

    def local(self, output: int, flat: Flats, target: Target) -> Expression:
        """The derivative of elements of an output with respect to one number."""
        return derivative(self.expression(output, flat), target)

    def upstream(self, output: int, address: str) -> Source | None:
        """The gradient of an output; None where there is none, or where the operation gave back what it was given."""
        given = self.operation.outputs[output]
        return None if given == address else self.bench.gradient(given)

    def handed_back(self, address: str, own: torch.Tensor | None) -> torch.Tensor:
        """See `slopes.lives_on`: only what shares memory has it."""
        raise NotImplementedError

    def batches(self, flats: NDArray[np.int64]) -> Iterable[Flats]:
        """Elements of an output in portions that `expression` takes at once."""
        return map(int, flats)

    def reach(self, output: int, flats: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """By address, the elements that these elements of an output depend on; some may be named twice."""
        found: dict[str, list[NDArray[np.int64]]] = {}
        for batch in self.batches(flats):
            for leaf in leaves(self.expression(output, batch)):
                if isinstance(leaf, Column | Operand):
                    places = leaf.flats.ravel() if isinstance(leaf, Column) else whole(leaf.flat)
                    found.setdefault(leaf.source.address, []).append(places)
        return {address: np.concatenate(places) for address, places in found.items()}

    def table(self, output: int) -> Table | None:
        """See `operand_table`; None where the structure is not regular."""
        return None

    # Arguments.

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """By parameter name."""
        return self.operation.arguments

    def tensor(self, *names: str) -> Source | None:
        """The tensor passed under the first of `names` that there is; None where it is absent or no tensor."""
        for name in names:
            if isinstance(self.arguments.get(name), Address):
                return self.bench.source(self.arguments[name])
        return None

    def need(self, *names: str) -> Source:
        """The tensor passed under one of `names`.

        Raises:
            NotExplained: there is none.
        """
        source = self.tensor(*names)
        if source is None:
            raise NotExplained(f"{self.operation.name} that is given no {names[0]}")
        return source

    def option(self, name: str, default: Any = None) -> Any:
        """The argument `name` that is no tensor (a tensor of one element counts as its number)."""
        value = self.arguments.get(name)
        if isinstance(value, Address):
            return self.bench.source(value).array.item()
        return default if value is None else value

    def scalar(self, name: str, default: float) -> Expression:
        """The argument `name`, a number or a tensor of one element, as an expression."""
        value = self.arguments.get(name)
        if isinstance(value, Address):
            return Operand(self.bench.source(value), 0)
        return Number(default if value is None else value)

    def shape(self, output: int = 0) -> tuple[int, ...]:
        """Of an output."""
        return self.operation.shapes[output]

    def output(self, output: int = 0) -> Source:
        """What the operation gave."""
        return self.bench.source(self.operation.outputs[output])


Maker: TypeAlias = Callable[[Operation, Workbench], Explainer]
REGISTRY: dict[str, Maker] = {}
M = TypeVar("M", bound=Maker)


def explains(*names: str) -> Callable[[M], M]:
    """Register an explainer under the canonical names of the operations that it explains."""

    def register(maker: M) -> M:
        for name in names:
            assert name not in REGISTRY, name
            REGISTRY[name] = maker
        return maker

    return register


def words(text: str) -> list[str]:
    """Its words: a long list of names, written as one reads it."""
    return text.split()


def pick(source: Source, flat: Flats) -> Expression:
    """One element as an operand, several as a column."""
    return Column(source, flat) if isinstance(flat, np.ndarray) else Operand(source, int(flat))


def whole(flat: int) -> NDArray[np.int64]:
    """An array of one."""
    return np.array([flat], dtype=np.int64)
