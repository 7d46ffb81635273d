"""A computation with tensors, recorded once and replayed as straight-line code.

PyTorch spends most of a small training step not on arithmetic but on getting to it: Python of the
network's modules, autograd's graph built forwards and walked backwards, thrown away and built again the
same way in the next step. Here a function is run once below autograd, where both passes arrive as a
sequence of tensor operations; the sequence is simplified, given the fastest kernels (`kernels`), and
written out as one Python function without a branch or a loop.

What the function does must follow from the shapes of its inputs alone. A branch on a value, or a shape
that depends on values, is noticed and refused. Random operations are recorded as operations: each replay
draws anew from torch's global generator, as the function would.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from liuli.errors import LiuliError

aten = torch.ops.aten
ALIASES = {aten.detach.default, aten.alias.default, aten.lift_fresh.default}
VIEWS = {
    aten.t.default,
    aten.view.default,
    aten._unsafe_view.default,
    aten.transpose.int,
    aten.permute.default,
    aten.unsqueeze.default,
    aten.squeeze.dim,
    aten.expand.default,
    aten.slice.Tensor,
    aten.select.int,
}
CONSTANTS = {aten.ones_like.default, aten.zeros_like.default, aten.full_like.default}
VALUES_DECIDE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}

Replay = Callable[..., list[Tensor]]


class NotCapturable(LiuliError):
    """What a function does depends on more than the shapes of its inputs, or it keeps state of its own."""


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Builds the graph of all tensor operations that run in its block.

    Tensors are known by identity, so all of them are kept until the recorder goes. One that no recorded
    operation made (a parameter, a constant of the network) becomes an external value of the graph.

    Attributes:
        graph: a node's `meta["value"]` is the tensor that it had; external nodes have `meta["external"]`.
        written: where the memory lies that was written to in place.
    """

    def __init__(self, inputs: Sequence[Tensor], writable: Iterable[Tensor], most: float = math.inf) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = most
        self.places: set[int] = set()
        self.held = 0  # bytes
        self.graph = fx.Graph()
        self.written: set[int] = set()
        self.writable = {address(tensor) for tensor in writable}
        self.foreign: set[int] = set()
        self.nodes: dict[int, fx.Node] = {}
        for number, tensor in enumerate(inputs):
            self.bind(tensor, self.graph.placeholder(f"batch{number}"))
        self.before_all = next(iter(self.graph.nodes))

    def bind(self, tensor: Tensor, node: fx.Node) -> None:
        """From now on this tensor is what `node` gives."""
        if address(tensor) not in self.places:
            self.places.add(address(tensor))
            self.held += tensor.untyped_storage().nbytes()
        node.meta["value"] = tensor
        self.nodes[id(tensor)] = node

    def node(self, tensor: Tensor) -> fx.Node:
        """The node that gives this tensor."""
        if id(tensor) not in self.nodes:
            with self.graph.inserting_before(self.before_all):
                self.bind(tensor, external(self.graph, tensor))
            self.foreign.add(address(tensor))
        return self.nodes[id(tensor)]

    def record(self, op: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        """Run one operation and add it to the graph; PyTorch calls this."""
        kwargs = kwargs or {}
        if VALUES_DECIDE & set(op.tags) and not (op is aten.index.Tensor and by_place(args[1])):
            raise NotCapturable(f"{op} depends on values")
        inputs, named = tree_map_only(Tensor, self.node, (args, kwargs))
        for tensor in changed(op, args, kwargs):
            self.written.add(address(tensor))
            if address(tensor) in self.foreign - self.writable:
                raise NotCapturable(f"{op} writes to a tensor that is neither the network's buffer nor made here")
        result = op(*args, **kwargs)
        node = self.graph.call_function(op, inputs, named)
        if isinstance(result, Tensor):
            self.bind(result, node)
        elif isinstance(result, tuple | list):
            for place, item in enumerate(result):
                if isinstance(item, Tensor):
                    self.bind(item, self.graph.call_function(operator.getitem, (node, place)))
        elif result is not None:
            raise NotCapturable(f"{op} gives a Python value")
        if self.held > self.most:
            raise NotCapturable(f"its values take more than {self.most:,.0f} bytes together")
        return result


# Set here and not as a method: PyTorch wraps a method of this name so that its first call imports the compiler (2 s).
Recorder.__torch_dispatch__ = Recorder.record  # type: ignore[method-assign,assignment]


def changed(op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """The arguments that an operation writes to."""
    for place, argument in enumerate(op._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = args[place] if place < len(args) else kwargs.get(argument.name)
            yield from (one for one in (given if isinstance(given, list | tuple) else [given]) if one is not None)


def by_place(indexes: Sequence[Tensor | None]) -> bool:
    """Whether an indexing operation is by whole numbers, so that its shape is known; not by a mask."""
    return all(index is None or index.dtype in (torch.int64, torch.int32) for index in indexes)


def address(tensor: Tensor) -> int:
    """Where the memory lies that a tensor and all its views share."""
    return tensor.untyped_storage().data_ptr()


def external(graph: fx.Graph, value: Tensor) -> fx.Node:
    """A node for a tensor that is there before the function runs."""
    node = graph.placeholder(f"external{sum('external' in one.meta for one in graph.nodes)}")
    node.meta |= {"external": True, "value": value}
    return node


def record(
    function: Callable[..., Sequence[Tensor]],
    inputs: Sequence[Tensor],
    writable: Iterable[Tensor],
    most: float = math.inf,
) -> fx.Graph:
    """The simplified graph of `function(*inputs)`, which is run once.

    Args:
        writable: tensors from outside that the function may change in place: the network's buffers.
        most: bytes of all its values, which are held until it is recorded.

    Raises:
        NotCapturable: a replay would not do the same.
    """
    with Recorder(inputs, writable, most) as recorder:
        graph: fx.Graph = recorder.graph
        try:
            results = function(*inputs)
        except BaseException:
            forget(graph)
            raise
    graph.output([recorder.node(one) for one in results])
    for node in graph.nodes:
        node.meta["written"] = "value" in node.meta and address(node.meta["value"]) in recorder.written
    simplify(graph)
    return graph


def simplify(graph: fx.Graph) -> None:
    """Take out what a replay need not do again: aliases, twofold transposes, views of what is there, constants."""
    for node in list(graph.nodes):
        source: Any = node.args[0] if node.args else None
        if node.target in ALIASES:
            node.replace_all_uses_with(source)
        elif node.target is aten.t.default and source.target is aten.t.default:
            node.replace_all_uses_with(source.args[0])
        elif (node.target in VIEWS and all("external" in one.meta for one in node.all_input_nodes)) or (
            node.target in CONSTANTS and not node.meta["written"]
        ):
            with graph.inserting_before(next(iter(graph.nodes))):
                node.replace_all_uses_with(external(graph, node.meta["value"].detach()))
    sweep(graph)


def sweep(graph: fx.Graph) -> None:
    """Take out what nobody uses; what writes in place or draws at random stays."""
    for node in reversed(list(graph.nodes)):
        if node.op == "call_function" and not node.users:
            op = node.target
            idle = not isinstance(op, torch._ops.OpOverload) or not (
                op._schema.is_mutable or torch.Tag.nondeterministic_seeded in op.tags
            )
            if idle:
                node.meta.clear()
                graph.erase_node(node)


def forget(graph: fx.Graph) -> None:
    """Let go of the values of a graph: its nodes hold one another, and would hold gigabytes until a collector came."""
    for node in graph.nodes:
        node.meta.clear()


def compiled(graph: fx.Graph) -> Replay:
    """The graph as one function of its inputs. Values are freed after their last use."""
    scope: dict[str, Any] = {}
    last_use = {source: node for node in graph.nodes for source in node.all_input_nodes}
    inputs = [node for node in graph.nodes if node.op == "placeholder" and "external" not in node.meta]
    lines = [f"def replay({', '.join(node.name for node in inputs)}):"]
    for node in graph.nodes:
        if "external" in node.meta:
            scope[node.name] = node.meta["value"].detach()
        elif node.op == "output":
            lines.append(f"    return {literal(node.args[0], scope)}")
        elif node.target is operator.getitem:
            lines.append(f"    {node.name} = {node.args[0].name}[{node.args[1]}]")
        elif node.op == "call_function":
            function = getattr(node.target, "_op", node.target)  # without the Python around an operation
            given = [literal(one, scope) for one in node.args]
            given += [f"{name}={literal(one, scope)}" for name, one in node.kwargs.items()]
            lines.append(f"    {node.name} = {literal(function, scope)}({', '.join(given)})")
        done = [one.name for one in node.all_input_nodes if last_use[one] is node and one.name not in scope]
        if done and node.op != "output":
            lines.append(f"    del {', '.join(done)}")
    exec("\n".join(lines), scope)  # what is run was written a few lines above, from the graph alone
    replay: Replay = scope["replay"]
    return replay


def literal(value: Any, scope: dict[str, Any]) -> str:
    """An argument as Python source; what has no literal is put in `scope` and named."""
    if isinstance(value, fx.Node):
        return value.name
    if isinstance(value, list | tuple):
        inner = ", ".join(literal(one, scope) for one in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    name = f"constant{len(scope)}"
    scope[name] = value
    return name
