"""A pass made once more with some of its numbers set: an input's, a weight's, or any that an operation gave.

    beginning = Beginning.of(module, image, loss=loss)
    record = beginning.trace()
    with beginning.restored(record, edits={"%3": {17: 0.5}}) as again:
        other = again.trace()

The module's own code runs again, forward and backward, from the state that it was in: inputs, weights, buffers, mode
and random numbers. Nothing of it is written anew: numbers on the way are replaced as operations give them (`edits.py`),
weights and buffers hold the numbers that are set while it runs, and afterwards their own again, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.tracing.contents import Contents, address_of
from liuli.tracing.edits import Numbers
from liuli.tracing.gradients import Loss
from liuli.tracing.parts import Address
from liuli.tracing.record import Record
from liuli.tracing.tracer import traced
from liuli.tracing.trees import leaves, replaced

Edits = Mapping[str, Numbers]


@dataclass(frozen=True, eq=False)
class Beginning:
    """All that a pass begins from."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    loss: Loss | None
    random: Tensor
    modes: Mapping[str, bool]
    edits: Edits

    @classmethod
    def of(cls, module: nn.Module, *args: Any, loss: Loss | None = None, **kwargs: Any) -> Beginning:
        """The beginning of a pass that is made now."""
        modes = {path: one.training for path, one in module.named_modules()}
        return cls(module, args, kwargs, loss, torch.get_rng_state(), modes, {})

    def trace(self) -> Record:
        """The pass; see `liuli.trace`."""
        held = {value for value in self.edits if not value.startswith(("%", "input["))}
        passing = {address: numbers for address, numbers in self.edits.items() if address.startswith("%")}
        return traced(self.module, self.args, self.kwargs, self.loss, edits=passing, copy=held)

    @contextmanager
    def restored(self, record: Record, edits: Edits) -> Iterator[Beginning]:
        """The same beginning again, with some numbers set; what it was changed for that is put back afterwards.

        Args:
            record: made from this beginning.
            edits: by address, numbers by their place in row-major order.

        Raises:
            UserError: the memory of a weight cannot be written to.
        """
        other = replace(self, edits=edits)
        other = replace(other, args=other.given(record, self.args), kwargs=other.given(record, self.kwargs))
        random, modes = torch.get_rng_state(), {path: one.training for path, one in self.module.named_modules()}
        changed: list[tuple[Tensor, Tensor]] = []
        try:
            with torch.no_grad():
                for held, wanted in other.held(record):
                    if not torch.equal(held, wanted):
                        changed.append((held, held.clone()))
                        held.copy_(wanted)
            self.turn(self.modes)
            torch.set_rng_state(self.random)
            yield other
        except RuntimeError as error:
            if "modified by an inplace operation" not in str(error):
                raise
            raise UserError("numbers set here are written over in place before backward reads them") from error
        finally:
            with torch.no_grad():
                for held, own in changed:
                    held.copy_(own)
            self.turn(modes)
            torch.set_rng_state(random)

    def turn(self, modes: Mapping[str, bool]) -> None:
        """Put every module into its mode, training or evaluation."""
        for path, one in self.module.named_modules():
            one.training = modes.get(path, one.training)

    def given(self, record: Record, whole: Any) -> Any:
        """The inputs as they were, with the numbers that are set."""
        known = {value.address for value in record.inputs}
        named = whole if isinstance(whole, dict) else dict(enumerate(whole))
        fresh: dict[int, Tensor] = {}
        for path, tensor in leaves(named):
            address = address_of(path)
            if address in known and id(tensor) not in fresh:
                fresh[id(tensor)] = filled(record.value(address).tensor, self.edits.get(address, {}))
        return replaced(whole, lambda part: fresh.get(id(part), part))

    def held(self, record: Record) -> Iterator[tuple[Tensor, Tensor]]:
        """The memory of every parameter and buffer, and what is to stand there."""
        own = Contents(self.module).tensors  # by the addresses of a record, where nothing is said of torch.compile
        for value in (*record.parameters, *record.buffers):
            held = own.get(Address(value.address))
            numbers = self.edits.get(value.address, {})
            if held is None or held.layout is not torch.strided or held.is_quantized:
                if numbers:
                    raise UserError(f"{value.address}: is kept in a form whose numbers cannot be set one by one")
                continue
            yield held.data, filled(value.tensor, numbers) if numbers else value.tensor


def filled(tensor: Tensor, numbers: Numbers) -> Tensor:
    """A copy with the numbers that are set."""
    found = tensor.detach().clone(memory_format=torch.contiguous_format)
    for place, number in numbers.items():
        found.view(-1)[place] = number
    return found
