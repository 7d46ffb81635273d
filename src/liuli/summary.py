"""What a system is, for a reader and for a program: its layers with shapes, parameters and cost, and all about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from liuli.catalog import Listing
from liuli.description import describe
from liuli.files import Json
from liuli.system import Recipe, System
from liuli.tasks.task import Task


def system_json(system: System, listing: Listing, recipe: Recipe, options: Mapping[str, object]) -> dict[str, Json]:
    """Everything about a system for a program, with the network that `options` build."""
    description = describe(listing)
    sections = {heading.lower().replace(" ", "_"): text for heading, text in description.sections.items()}
    return {
        **system_facts(system, listing, recipe, options),
        "title": description.title,
        "idea": description.idea,
        "formula": description.formula,
        "source": sections.pop("paper"),
        **sections,
    }


def system_facts(system: System, listing: Listing, recipe: Recipe, options: Mapping[str, object]) -> dict[str, Json]:
    """What is known of a system besides the text about it."""
    from liuli.checking import has_oracle

    summary = summarise(system.build(**options), system.task)
    return {
        "name": system.name,
        "family": listing.family,
        "year": system.year,
        "paper": system.paper,
        "model": system.model.__name__,
        "options": {**system.options(), **options},
        "input": summary.input,
        "layers": [asdict(layer) for layer in summary.layers],
        "parameters": summary.parameters,
        "trainable": summary.trainable,
        "multiply_adds": summary.multiply_adds,
        "recipe": recipe.settings(),
        "data": system.data,
        "target": asdict(system.target),
        "oracle": has_oracle(system.name),
    }


@dataclass(frozen=True)
class Layer:
    """One module of a network, as one forward pass of one example finds it.

    Attributes:
        path: of the module in the network; "" is the network itself.
        kind: class name.
        shape: of its output, for a batch of one.
        parameters: that it owns itself, not through a module inside it.
        multiply_adds: of the convolutions and matrix products that it runs itself; elementwise work is not counted.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """A network in numbers.

    Attributes:
        input: shape of its input, for a batch of one.
        layers: in the order in which they are first run: every module that has no module inside it, or has
            parameters or products of its own.
        parameters: all, those that two layers share counted once.
        trainable: those of them that training changes.
    """

    input: tuple[int, ...]
    layers: tuple[Layer, ...]
    parameters: int
    trainable: int

    @property
    def multiply_adds(self) -> int:
        """Of the whole forward pass of one example."""
        return sum(layer.multiply_adds for layer in self.layers)


def summarise(model: nn.Module, task: Task) -> Summary:
    """Run `model` once, on one drawn example, and count."""
    counter = MultiplyAdds()
    shapes: dict[str, tuple[int, ...]] = {}

    def enter(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(module: nn.Module, arguments: Any) -> None:
            shapes.setdefault(path, ())
            counter.enter(path)

        return hook

    def leave(path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, arguments: Any, output: Tensor) -> None:
            shapes[path] = tuple(output.shape)
            counter.leave()

        return hook

    inputs = task.inputs(task.draw(1))
    modules = dict(model.named_modules())
    with ExitStack() as stack:
        for path, module in modules.items():
            stack.callback(module.register_forward_pre_hook(enter(path)).remove)
            stack.callback(module.register_forward_hook(leave(path)).remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(counter)
        model.eval()(*inputs)

    layers = []
    for path, shape in shapes.items():
        module = modules[path]
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        layer = Layer(path, type(module).__name__, shape, own, counter.counts.get(path, 0))
        if not any(module.children()) or layer.parameters or layer.multiply_adds:
            layers.append(layer)
    parameters = list(model.parameters())
    return Summary(
        input=tuple(inputs[0].shape),
        layers=tuple(layers),
        parameters=sum(one.numel() for one in parameters),
        trainable=sum(one.numel() for one in parameters if one.requires_grad),
    )


class MultiplyAdds(TorchFunctionMode):
    """Counts the multiply-adds of convolutions and matrix products, under the path of the module that runs them."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.inside: list[str] = []

    def enter(self, path: str) -> None:
        """A module begins."""
        self.inside.append(path)

    def leave(self) -> None:
        """The module that began last ends."""
        self.inside.pop()

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        cost = COSTS.get(function.__name__)
        if cost and self.inside:
            path = self.inside[-1]
            self.counts[path] = self.counts.get(path, 0) + cost(result, *arguments)
        return result


def of_convolution(result: Tensor, x: Tensor, weight: Tensor, *rest: object) -> int:
    """Each output element sums over one kernel: weight (out, in / groups, *kernel)."""
    return result.numel() * weight[0].numel()


def of_transposed_convolution(result: Tensor, x: Tensor, weight: Tensor, *rest: object) -> int:
    """Each input element is spread over one kernel: weight (in, out / groups, *kernel)."""
    return x.numel() * weight[0].numel()


def of_product(result: Tensor, left: Tensor, *rest: object) -> int:
    """Each output element sums over the last dimension of the left operand."""
    return result.numel() * left.size(-1)


def of_added_product(result: Tensor, added: Tensor, left: Tensor, *rest: object) -> int:
    """`added` + `left` @ right."""
    return result.numel() * left.size(-1)


def of_attention(result: Tensor, query: Tensor, key: Tensor, value: Tensor, *rest: object) -> int:
    """Scores (…, T, S) sum over the width of the keys; the result (…, T, d) sums over the S keys."""
    return query.numel() * key.size(-2) + result.numel() * key.size(-2)


def of_einsum(result: Tensor, equation: str, *operands: Tensor) -> int:
    """One multiply-add for each joint setting of all the indices."""
    sizes: dict[str, int] = {}
    for names, operand in zip(equation.partition("->")[0].replace(" ", "").split(","), operands, strict=True):
        sizes.update(zip(names, operand.shape, strict=True))
    return math.prod(sizes.values())


COSTS: dict[str, Callable[..., int]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), of_convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), of_transposed_convolution),
    **dict.fromkeys(("linear", "matmul", "__matmul__", "mm", "bmm", "mv"), of_product),
    **dict.fromkeys(("addmm", "baddbmm"), of_added_product),
    "scaled_dot_product_attention": of_attention,
    "einsum": of_einsum,
}
