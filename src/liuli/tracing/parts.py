"""What a record is made of: values, operations, calls of modules, and their addresses (see `record.py`)."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from liuli.errors import UserError
from liuli.tracing.statistics import Histogram, Statistics, spread, summarise

if TYPE_CHECKING:
    from liuli.tracing.record import Record
    from liuli.tracing.store import Store

_TORCH = torch.__path__[0]

Origin = Literal["input", "parameter", "buffer", "constant", "operation", "draw"]


class Address(str):
    """The address of a value, where it stands for a tensor inside an operation's arguments.

    A string argument of the operation itself (`reduction="mean"`, an einsum equation) is a plain `str`:
    `isinstance(argument, Address)` tells them apart.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of source."""

    file: str
    number: int  # from 1
    function: str
    text: str  # the line, stripped; "" where the source is not at hand
    variable: tuple[str, ...] = ()  # what the value is assigned to: ("x",), ("q", "k", "v"), or nothing

    @property
    def in_torch(self) -> bool:
        """Whether it is a line of PyTorch itself."""
        return self.file.startswith(_TORCH)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One aten operation that ran under an operation, run again on demand with the same operands.

    `arguments` and `outputs` hold tensors: these are recomputed, not kept.
    """

    name: str  # 'aten.native_layer_norm.default'
    arguments: tuple[Any, ...] = field(repr=False)
    keywords: dict[str, Any] = field(repr=False)
    outputs: tuple[Any, ...] = field(repr=False)


@dataclass(slots=True, eq=False)
class Value:
    """One tensor of the record.

    `names` holds the variable that it was assigned to in the source, or for a parameter or buffer every name that
    it has in the module (tied weights have two). `users` are the operations that read it, in order.
    """

    address: str
    origin: Origin
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    requires_grad: bool
    store: Store = field(repr=False)
    producer: Operation | None = field(default=None, repr=False)
    users: list[Operation] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str | None:
        """The first of its names, or None for a value that the source gives no name."""
        return self.names[0] if self.names else None

    @property
    def tensor(self) -> Tensor:
        """A detached tensor of `shape`, as it was at that moment (read back from the disk where it was spilled).

        Do not write into it: it is the record's own.

        Raises:
            UserError: the tensor was too costly to copy (a large parameter traced without gradients) and has been
                changed in place since the trace.
        """
        return self.store.tensor(self.address)

    @property
    def grad(self) -> Tensor | None:
        """∂L/∂value, of `shape`; None without a backward pass, or where no gradient reached it."""
        return self.store.grad(self.address)

    @property
    def statistics(self) -> Statistics:
        """Of `tensor`; computed when first asked for."""
        return summarise(self.tensor)

    def histogram(self, bins: int = 64) -> Histogram:
        """Of the finite elements of `tensor`, in `bins` equal bins between its minimum and maximum."""
        return spread(self.tensor, bins)


@dataclass(frozen=True, slots=True)
class Handwritten:
    """A function with a backward pass of its own (`torch.autograd.Function`): its name, and what it hands gradients to.

    Autograd has not followed what it did forward, so no formula gives these gradients.
    """

    name: str
    inputs: tuple[Address, ...]


@dataclass(slots=True, eq=False)
class Operation:
    """One operation: what was called, from where, with what, and what it gave.

    `arguments` are by parameter name with the defaults filled in, tensors replaced by their `Address`; everything else
    (stride, padding, dim, an index, a slice) is as it was passed. The tensor that a method was called on is "input".
    Where the signature is not known the names are "0", "1", … . `inputs` lists the addresses in `arguments` in the
    order of appearance, repeated where a tensor is passed twice. `outputs` lists what it returned, then what it changed
    in place beside that (batch normalisation in training: the running mean and variance after the update).

    Two operations are not PyTorch's. 'alias': a tensor whose memory was written to through another one since it was
    made (`row = table[0]; table.add_(1); row`); arguments "input" (its old value), "writes" (address and `Place` of
    each such value) and "place" (its own) say where each element now comes from. 'opaque': what a module gave that no
    operation made (a compiled kernel, NumPy), with the module's inputs.
    """

    index: int
    name: str  # canonical: 'linear', 'conv2d', 'add' (for +, add, add_, +=), 'getitem', 'setitem', 'softmax', 'T'
    function: str  # 'torch.nn.functional.linear', 'torch.Tensor.__add__'
    module: ModuleCall = field(repr=False)
    stack: tuple[Line, ...] = field(
        repr=False
    )  # innermost first: the operation's own line, then the lines of the calls
    arguments: dict[str, Any]
    inputs: tuple[Address, ...]
    outputs: tuple[Address, ...]
    shapes: tuple[tuple[int, ...], ...]  # of the outputs
    dtype: torch.dtype  # of the first output
    in_place: bool
    seconds: float
    multiply_adds: int  # 0 for what does none
    origin: weakref.ref[Record] = field(repr=False)
    called: tuple[tuple[Any, ...], dict[str, Any]] = field(repr=False)  # arguments as they were passed, with addresses
    opened: Opened | None = field(default=None, repr=False)  # the kernel that it is a part of
    handwritten: Handwritten | None = field(default=None, repr=False)  # the function whose result it gave
    draws: tuple[Address, ...] = ()  # values drawn at random inside (see `%12.draw` above)

    @property
    def record(self) -> Record:
        """The record that it is part of (which an operation does not keep alive).

        Raises:
            UserError: the record is gone.
        """
        record = self.origin()
        if record is None:
            raise UserError(
                f"operation {self.index} ({self.name}): its record is gone; keep the record while you read it"
            )
        return record

    @property
    def path(self) -> str:
        """The path of the module that ran it: 'layer1.0.conv1', '' for the root, '(loss)' for the loss."""
        return self.module.path

    @property
    def call(self) -> int:
        """Which call of that module, from 0."""
        return self.module.call

    @property
    def line(self) -> Line | None:
        """The line that a reader wants: the innermost one outside PyTorch's own files, else the innermost one."""
        return next((line for line in self.stack if not line.in_torch), self.stack[0] if self.stack else None)

    @property
    def file(self) -> str | None:
        """File of `line`."""
        return self.line.file if self.line else None

    @property
    def text(self) -> str:
        """Text of `line`."""
        return self.line.text if self.line else ""

    @property
    def variable(self) -> str | None:
        """The variable that its (first) output was assigned to."""
        return self.record.value(self.outputs[0]).name if self.outputs else None

    def operands(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and keyword arguments of the call with the captured tensors in place of addresses."""
        return self.record.operands(self)

    @property
    def children(self) -> list[Kernel]:
        """The aten operations under it, by running it again on copies of its operands and the same random state."""
        return self.record.kernels(self)


@dataclass(slots=True, eq=False)
class ModuleCall:
    """One call of one module: a node of the tree that a map is drawn from."""

    path: str  # 'layer1.0.conv1'; '' for the root
    type: str  # 'torch.nn.modules.conv.Conv2d'
    call: int  # 0 for its first call
    parent: ModuleCall | None = field(default=None, repr=False)
    children: list[ModuleCall] = field(default_factory=list, repr=False)
    operations: list[Operation] = field(default_factory=list, repr=False)  # its own, not those of its children
    inputs: tuple[Address, ...] = ()
    outputs: tuple[Address, ...] = ()
    line: Line | None = None  # where it was called

    def walk(self) -> Iterator[ModuleCall]:
        """This call and every call under it, in order of execution, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True, eq=False)
class Opened:
    """A kernel that hides its numbers, replaced while tracing by readable operations.

    `residual` is the largest absolute difference between what these gave and what the kernel itself gives on the
    same operands; NaN where it could not be compared (`note` says why).
    """

    name: str  # 'lstm', 'scaled_dot_product_attention'
    module: ModuleCall = field(repr=False)
    operations: list[Operation] = field(repr=False)
    residual: float
    note: str = ""
