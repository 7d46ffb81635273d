"""The record: every value of one forward pass, and of one backward pass, of any module.

    record = liuli.trace(module, image, loss=lambda logits: F.cross_entropy(logits, label))
    record.operations[3].name                      # 'conv2d'
    record.value("%3").tensor                      # what it gave, as it was at that moment
    record.value("conv1.weight").grad              # ∂L/∂(conv1.weight)

Addresses. Every tensor that took part has one address, a string that is the same in every trace of the same
module on inputs of the same form:

    input[0]  input[0][mask]  input[label]   what the caller gave: by position, by keyword, nested by key
    conv1.weight   bn1.running_mean          parameters and buffers, by their (first) name in the module
    %12                                      the output of operation 12
    %12.0  %12.1                             its outputs, where it has several
    %12.draw                                 what it drew at random (the mask of a dropout)
    constant[0]                              a tensor that came from outside: an attribute, a closure, a NumPy array

An in-place operation makes a new value with a new address; the value before it keeps its address and numbers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from liuli.errors import UserError, nearest
from liuli.tracing.parts import Address, Kernel, ModuleCall, Opened, Operation, Value
from liuli.tracing.trees import replaced

__all__ = ["Address", "Kernel", "ModuleCall", "Opened", "Operation", "Parts", "Record", "Value"]


@dataclass(slots=True, eq=False)
class Parts:
    """What a record holds, made when first asked for."""

    operations: list[Operation]
    inputs: list[Value]
    parameters: list[Value]
    buffers: list[Value]
    constants: list[Value]
    outputs: list[Value]
    returned: dict[str, str]
    loss: Value | None
    modules: ModuleCall
    opened: list[Opened]
    values: dict[str, Value]
    kernels: Callable[[Operation], list[Kernel]]


class Record:
    """One forward pass, and where there was a scalar one backward pass, of a module. Made by `liuli.trace`.

    Attributes:
        notes: what was done otherwise than in a plain run, in sentences.
        seconds: how long the pass took, recording included.
    """

    def __init__(self, assemble: Callable[[Record], Parts], notes: list[str], seconds: float) -> None:
        self._assemble = assemble
        self.notes = notes
        self.seconds = seconds

    @cached_property
    def _parts(self) -> Parts:
        parts = self._assemble(self)
        del self._assemble
        return parts

    @property
    def operations(self) -> list[Operation]:
        """Every operation in order of execution; `operations[i].index == i`."""
        return self._parts.operations

    @property
    def inputs(self) -> list[Value]:
        """What the caller gave."""
        return self._parts.inputs

    @property
    def parameters(self) -> list[Value]:
        """Every parameter of the module once, also those that were not used."""
        return self._parts.parameters

    @property
    def buffers(self) -> list[Value]:
        """Every buffer of the module once, as it was before the pass."""
        return self._parts.buffers

    @property
    def constants(self) -> list[Value]:
        """Tensors that came from outside."""
        return self._parts.constants

    @property
    def outputs(self) -> list[Value]:
        """The tensors that the module returned, in order."""
        return self._parts.outputs

    @property
    def returned(self) -> dict[str, str]:
        """Where each output stood: {"": "%9"} for one tensor, {"logits": "%9", "cache[0]": "%4"}."""
        return self._parts.returned

    @property
    def loss(self) -> Value | None:
        """The value that the backward pass began from; None without one."""
        return self._parts.loss

    @property
    def modules(self) -> ModuleCall:
        """The tree of module calls: its root is the module itself, a last child '(loss)' the loss function."""
        return self._parts.modules

    @property
    def opened(self) -> list[Opened]:
        """The kernels that readable operations stand for."""
        return self._parts.opened

    @property
    def exact(self) -> bool:
        """Whether every operation ran by the same kernel as in a plain run, so that the output is equal bit for bit."""
        return not self.opened

    @property
    def residual(self) -> float:
        """The largest residual of the kernels opened up (see `Opened`); 0.0 where none was."""
        return max((kernel.residual for kernel in self.opened), default=0.0)

    def values(self) -> list[Value]:
        """Every value: inputs, parameters, buffers, constants, then the outputs of operations in order."""
        return list(self._parts.values.values())

    def value(self, address: str) -> Value:
        """The value at `address` (a tied weight by any of its names).

        Raises:
            UserError: there is none.
        """
        found = self._parts.values.get(address)
        if found is None:
            found = next((value for value in self.parameters + self.buffers if address in value.names), None)
        if found is None:
            known = nearest(address, self._parts.values)
            raise UserError(f"{address}: no value of this record has that address; {known}")
        return found

    def find(
        self,
        name: str | None = None,
        *,
        module: str | None = None,
        operation: str | None = None,
        where: Callable[[Value], bool] | None = None,
    ) -> list[Value]:
        """Values with the variable name `name`, made in the module at path `module` or under it, by `operation`.

        >>> record.find("scores", module="encoder.layers.0")  # doctest: +SKIP
        """

        def fits(value: Value) -> bool:
            made = value.producer
            if module is not None and (made is None or not f"{made.path}.".startswith(f"{module}." if module else "")):
                return False
            if operation is not None and (made is None or made.name != operation):
                return False
            return (name is None or name in value.names) and (where is None or where(value))

        return [value for value in self._parts.values.values() if fits(value)]

    def operands(self, operation: Operation) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """See `Operation.operands`."""
        args, kwargs = operation.called

        def resolve(part: Any) -> Any:
            return self.value(part).tensor if isinstance(part, Address) else part

        return replaced(args, resolve), replaced(kwargs, resolve)

    def kernels(self, operation: Operation) -> list[Kernel]:
        """See `Operation.children`."""
        return self._parts.kernels(operation)

    def explain(self, value: Value | str, index: tuple[int, ...] = ()) -> Any:
        """How the number at `index` of `value` came to be: see `liuli.explaining`."""
        # The room to the right of this one, asked for by name and only when needed.
        return importlib.import_module("liuli.explaining").explain(self, value, index)

    def explain_gradient(self, value: Value | str, index: tuple[int, ...] = ()) -> Any:
        """How the derivative of the loss with respect to that number came to be."""
        return importlib.import_module("liuli.explaining").explain_gradient(self, value, index)
