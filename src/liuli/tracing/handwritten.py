"""Functions whose backward pass somebody has written by hand: `torch.autograd.Function`.

What such a function does forward is recorded like all else, but autograd does not follow it: what comes back to its
operands is whatever its own `backward` says. Afterwards the graph tells which values it gave, and which it took.
"""

from __future__ import annotations

from typing import Any

from torch.autograd.function import BackwardCFunction

from liuli.tracing.memory import version
from liuli.tracing.parts import Address, Handwritten
from liuli.tracing.store import Store


def handwritten(store: Store) -> dict[Address, Handwritten]:
    """By the address of each value that such a function gave: its name, and the values that it hands gradients to."""
    alive = [(kept, kept.alive) for kept in store.differentiable() if kept.alive is not None]
    found = [(kept, tensor) for kept, tensor in alive if isinstance(tensor.grad_fn, BackwardCFunction)]
    if not found:
        return {}
    places: dict[tuple[Any, ...], list[Address]] = {}  # of the graph → the values whose gradient comes by there
    for kept, tensor in alive:
        place = (id(tensor),) if tensor.grad_fn is None else (tensor.grad_fn, tensor.output_nr)
        places.setdefault(place, []).append(kept.address)
    for address, edges in store.edges.items():  # of what was written over since
        for edge in edges:
            places.setdefault((edge.node, edge.output_nr), []).append(address)
    made = {}
    for kept, tensor in found:
        kept.version = version(tensor)  # which counts once more where the function says that it wrote to its operand
        node: Any = tensor.grad_fn
        taken: list[Address] = []
        for before, number in node.next_functions:
            leaf = getattr(before, "variable", None)  # of a node that gathers the gradient of a weight
            taken += places.get((before, number) if leaf is None else (id(leaf),), [])
        made[kept.address] = Handwritten(node._forward_cls.__name__, tuple(taken))
    return made
