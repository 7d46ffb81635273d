"""What a module holds and what it is given, each tensor with its address."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from liuli.tracing.parts import Address
from liuli.tracing.store import Store
from liuli.tracing.trees import leaves, replaced


class Contents:
    """The modules, parameters and buffers of a module. What is shared stands once, under its first name."""

    def __init__(self, module: nn.Module) -> None:
        self.paths: dict[int, str] = {}  # id of a module → its path
        self.own: dict[int, Address] = {}  # id of a tensor → its address
        self.tensors: dict[Address, Tensor] = {}
        self.names: dict[Address, tuple[str, ...]] = {}
        self.parameters: list[Address] = []
        self.buffers: list[Address] = []
        self.compiled = False  # torch.compile has wrapped it, or a part of it
        self.meta = False  # a parameter has no numbers
        self._add(module, "", ())

    def _add(self, module: nn.Module, path: str, above: tuple[int, ...]) -> None:
        self.paths.setdefault(id(module), path)
        prefix = f"{path}." if path else ""
        self.compiled |= "_orig_mod" in module._modules or module._compiled_call_impl is not None
        for held, listed in ((module._parameters, self.parameters), (module._buffers, self.buffers)):
            for name, tensor in held.items():
                if tensor is None:
                    continue
                full = prefix + name
                address = self.own.get(id(tensor))
                if address is None:
                    self.own[id(tensor)] = address = Address(full)
                    self.tensors[address] = tensor
                    self.names[address] = (full,)
                    listed.append(address)
                    self.meta |= tensor.is_meta
                elif full not in self.names[address]:
                    self.names[address] += (full,)
        for name, child in module._modules.items():
            if child is not None and id(child) not in above:
                # What torch.compile wraps stands where its wrapper does.
                self._add(child, path if name == "_orig_mod" else prefix + name, (*above, id(module)))

    def keep(self, store: Store) -> None:
        """Keep what was not used as well."""
        for address, tensor in self.tensors.items():
            if address not in store.kept:
                store.keep(tensor, address, own=False)

    def forget(self) -> None:
        """Let go of the tensors and of what told them apart."""
        self.tensors, self.own, self.paths = {}, {}, {}


class Inputs:
    """What the caller gives, registered in `store`.

    Args:
        copy: give the module copies of floating-point tensors, whose gradients can be had without touching the
            caller's own tensors.
    """

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], own: dict[int, Address], store: Store, copy: bool
    ) -> None:
        self.addresses: list[Address] = []
        self.sources: list[Tensor] = []  # the leaves that the copies were made of
        self._copies: dict[int, Tensor] = {}
        self._own = own
        self.args = replaced(args, self._copy) if copy else args
        self.kwargs = replaced(kwargs, self._copy) if copy else kwargs
        for path, tensor in (*leaves(self.args), *leaves(self.kwargs)):
            if id(tensor) in store.known or id(tensor) in own:
                continue
            address = address_of(path)
            store.keep(tensor, address, own=any(tensor is copied for copied in self._copies.values()))
            self.addresses.append(address)

    def _copy(self, part: Any) -> Any:
        if not isinstance(part, Tensor) or id(part) in self._own or not part.dtype.is_floating_point:
            return part
        if id(part) not in self._copies:
            source = part.detach().requires_grad_()
            self.sources.append(source)
            self._copies[id(part)] = source.clone()  # no leaf: the module may write to it
        return self._copies[id(part)]


def address_of(path: str) -> Address:
    """The address of an input: "0[mask]" is input[0][mask]."""
    first, bracket, rest = path.partition("[")
    return Address(f"input[{first}]{bracket}{rest}")
