"""In which form a value is looked at: a picture, feature maps, kernels, attention, gates, a matrix, a vector."""

from __future__ import annotations

from typing import Literal

from liuli.tracing.parts import Value

View = Literal["scalar", "vector", "matrix", "picture", "maps", "kernels", "attention", "shares", "gates", "words"]

GATED = ("sigmoid", "hardsigmoid")
SHARED = ("softmax", "softmin", "log_softmax")


def view(value: Value) -> View:
    """The form that suits a value: by its shape, where it came from, and what it is used for."""
    shape = (
        value.shape[1:] if len(value.shape) > 1 and value.shape[0] == 1 and value.origin != "parameter" else value.shape
    )
    if all(size == 1 for size in shape):
        return "scalar"
    made = value.producer.name if value.producer else ""
    whole = not (value.dtype.is_floating_point or value.dtype.is_complex)
    if whole and value.origin == "input" and len(shape) == 1:
        return "words"
    if made in SHARED:
        return "attention" if len(shape) >= 2 and shape[-2] > 1 else "shares"
    if made in GATED and shape[-1] > 1:
        return "gates"
    if value.origin == "parameter" and len(shape) in (3, 4, 5) and used_by(value, "conv"):
        return "kernels"
    if len(shape) == 3:
        colours = value.origin in ("input", "constant") and shape[0] in (1, 3)
        return "picture" if colours else "maps"
    if len(shape) > 3:
        return "maps"
    return "matrix" if len(shape) == 2 and min(shape) > 1 else "vector"


def used_by(value: Value, name: str) -> bool:
    """Whether an operation whose name begins with `name` reads the value."""
    return any(operation.name.startswith(name) for operation in value.users)
