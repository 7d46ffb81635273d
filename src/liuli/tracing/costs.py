"""How many multiplications, each with an addition, an operation makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from liuli.tracing.parts import Address

Shape = tuple[int, ...]
ShapeOf = Callable[[Address], Shape]


def multiply_adds(name: str, arguments: dict[str, Any], output: Shape, shape: ShapeOf) -> int:
    """Of one operation; 0 for one that is no sum of products."""
    operands = [shape(part) for part in arguments.values() if isinstance(part, Address)]
    size = math.prod(output)
    if name == "linear":
        return size * operands[0][-1]
    if name in {"matmul", "mm", "bmm", "mv", "dot", "inner", "vdot"}:
        return size * operands[0][-1]
    if name == "rmatmul":
        return size * operands[1][-1]
    if name in {"addmm", "addmv", "baddbmm", "addbmm"}:
        return size * operands[1][-1] * (operands[1][0] if name == "addbmm" else 1)
    if name in {"conv1d", "conv2d", "conv3d", "convolution"} and not arguments.get("transposed"):
        return size * math.prod(operands[1][1:])  # (out, in / groups, *kernel)
    if name.startswith("conv_transpose") or name == "convolution":
        return math.prod(operands[0]) * math.prod(operands[1][1:])  # (in, out / groups, *kernel)
    if name == "bilinear":
        return size * math.prod(operands[2][1:])
    if name == "einsum":
        return _einsum(arguments, shape)
    return 0


def _einsum(arguments: dict[str, Any], shape: ShapeOf) -> int:
    """The product of the sizes of all indices, for each product of two operands."""
    parts = arguments.get("args", ())
    if not parts or type(parts[0]) is not str:
        return 0
    tensors = list(parts[1]) if len(parts) == 2 and isinstance(parts[1], (list, tuple)) else list(parts[1:])
    terms = parts[0].replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    broadcast = 1
    for term, tensor in zip(terms, tensors, strict=False):
        lengths = shape(tensor)
        before, dots, after = term.partition("...")
        sizes.update(zip(before, lengths, strict=False))
        if after:
            sizes.update(zip(after, lengths[-len(after) :], strict=True))
        if dots:
            broadcast = max(broadcast, math.prod(lengths[len(before) : len(lengths) - len(after)]))
    return math.prod(sizes.values()) * broadcast * max(len(terms) - 1, 0)
