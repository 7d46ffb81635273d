"""From the recorder's notes to the objects that are read: done once, when someone first asks."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from liuli.tracing import notes
from liuli.tracing.arguments import bind
from liuli.tracing.contents import Contents
from liuli.tracing.costs import multiply_adds
from liuli.tracing.edits import WAS
from liuli.tracing.kernels import draws, under
from liuli.tracing.notes import Call, Step
from liuli.tracing.parts import Address, Kernel, Line, ModuleCall, Opened, Operation, Origin, Value
from liuli.tracing.record import Parts, Record
from liuli.tracing.recorder import Recorder
from liuli.tracing.sources import Site, line_of
from liuli.tracing.store import Store
from liuli.tracing.trees import addresses


@dataclass(slots=True)
class Pass:
    """What a pass leaves behind."""

    store: Store
    recorder: Recorder
    calls: list[Call]
    inputs: list[Address]
    contents: Contents
    returned: dict[str, Address]
    loss: Address | None
    values: dict[str, Value] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def assemble(self, record: Record) -> Parts:
        """The parts of `record`."""
        recorder, names = self.recorder, self.contents.names
        calls = self._calls()
        steps = self.steps = list(notes.steps(recorder.log))
        inputs = [self._value(address, "input") for address in self.inputs]
        parameters = [self._value(address, "parameter", names[address]) for address in self.contents.parameters]
        buffers = [self._value(address, "buffer", names[address]) for address in self.contents.buffers]
        constants = [self._value(address, "constant") for address in recorder.constants]
        operations = [self._operation(i, step, calls[step.call], record) for i, step in enumerate(steps)]
        self._name()
        opened = []
        for hidden in recorder.hidden:
            inside = [operations[i] for i in hidden.steps]
            kernel = Opened(hidden.name, calls[hidden.call], inside, hidden.residual, hidden.note)
            opened.append(kernel)
            for operation in inside:
                operation.opened = operation.opened or kernel
        self.store.steps = {step.outputs[0]: step for step in steps if len(step.outputs) == 1}
        tensor = self.store.tensor
        noted = dict(zip(map(id, operations), steps, strict=True))

        def kernels(operation: Operation) -> list[Kernel]:
            return under(noted[id(operation)], tensor)

        return Parts(
            operations=operations,
            inputs=inputs,
            parameters=parameters,
            buffers=buffers,
            constants=constants,
            outputs=[self.values[address] for address in self.returned.values()],
            returned={path: str(address) for path, address in self.returned.items()},
            loss=self.values[self.loss] if self.loss is not None else None,
            modules=calls[self.calls[0]],
            opened=opened,
            values=self.values,
            kernels=kernels,
        )

    def _value(self, address: Address, origin: Origin, names: tuple[str, ...] = ()) -> Value:
        kept = self.store.kept[address]
        form = kept.form()
        device = form.device if isinstance(form, Tensor) else kept.memory.device if kept.memory else torch.device("cpu")
        self.values[address] = value = Value(
            address,
            origin,
            names,
            tuple(form.shape),
            form.dtype,
            device,
            kept.requires_grad or (isinstance(form, Tensor) and form.requires_grad),
            self.store,
        )
        return value

    def _calls(self) -> dict[Call, ModuleCall]:
        calls: dict[Call, ModuleCall] = {}
        counts: Counter[str] = Counter()
        for call in self.calls:
            parent = calls[call.parent] if call.parent is not None else None
            line = line_of(call.site) if call.site is not None else None
            calls[call] = made = ModuleCall(
                call.path, call.type(), counts[call.path], parent, inputs=call.inputs, outputs=call.outputs, line=line
            )
            counts[call.path] += 1
            if parent is not None:
                parent.children.append(made)
        return calls

    def _operation(self, index: int, step: Step, module: ModuleCall, record: Record) -> Operation:
        for address in step.outputs:
            if address not in self.values:
                self._value(address, "operation")
        arguments = bind(step.function, step.args, step.kwargs)
        if step.kind.name == "alias":
            arguments = {"input": step.args[0], "writes": step.args[1], **step.kwargs}
        elif step.kind.name == "edit":
            arguments = {"input": step.args[0], **step.kwargs}
        inputs = tuple(addresses(arguments))
        first = self.values[step.outputs[0]]
        operation = Operation(
            index=index,
            name=step.kind.name,
            function=step.kind.function,
            module=module,
            stack=tuple(_stack(step)),
            arguments=arguments,
            inputs=inputs,
            outputs=step.outputs,
            shapes=tuple(self.values[address].shape for address in step.outputs),
            dtype=first.dtype,
            in_place=step.written is not None and step.written.in_place,
            seconds=step.seconds,
            multiply_adds=multiply_adds(step.kind.name, arguments, first.shape, lambda a: self.values[a].shape),
            origin=weakref.ref(record),
            called=(step.args, step.kwargs),
        )
        module.operations.append(operation)
        for address in step.outputs:
            made = self.values[address]
            if made.producer is None and made.origin == "operation":
                made.producer = operation
        known = (self.recorder.handwritten.get(address) for address in step.outputs)
        operation.handwritten = next((one for one in known if one is not None), None)
        also = operation.handwritten.inputs if operation.handwritten is not None else ()
        for address in dict.fromkeys((*inputs, *also)):
            self.values[address].users.append(operation)
        self._draw(step, operation)
        return operation

    def _draw(self, step: Step, operation: Operation) -> None:
        """A value for what the operation drew, where its output is not that itself."""
        if not draws(step, operation.arguments):
            return
        address = Address(f"{step.outputs[0].removesuffix(WAS).partition('.')[0]}.draw")
        source = self.values[operation.inputs[0]]
        self.store.draws[address] = step
        self.values[address] = Value(
            address, "draw", (), source.shape, source.dtype, source.device, False, self.store, operation
        )
        operation.draws = (address,)

    def _name(self) -> None:
        """Give values the variables that they were assigned to."""
        for step in self.steps:
            self._assign(step.site, step.outputs)
        for hidden in self.recorder.hidden:
            self._assign(hidden.site, hidden.outputs)
        for call in reversed(self.calls):
            self._assign(call.site, call.outputs)

    def _assign(self, site: Site | None, addresses: tuple[Address, ...]) -> None:
        variables = line_of(site).variable if site is not None else ()
        if len(variables) == 1 and len(addresses) > 1:
            variables = tuple(f"{variables[0]}[{i}]" for i in range(len(addresses)))
        for variable, address in zip(variables, addresses, strict=False):
            value = self.values[address]
            if value.origin == "operation" and variable not in value.names:
                value.names += (variable,)


def _stack(step: Step) -> Iterator[Line]:
    sites: list[Site | None] = [step.site, step.hidden.site if step.hidden is not None else None]
    call: Call | None = step.call
    while call is not None:
        sites.append(call.site)
        call = call.parent
    for site in sites:
        if site is not None:
            yield line_of(site)
