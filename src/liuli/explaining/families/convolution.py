"""Convolutions in one, two and three dimensions, and transposed ones.

    y[n,o,i,j] = b[o] + Σ_c Σ_u Σ_v W[o,c,u,v] · x[n, c, s·i + d·u − p, s·j + d·v − p]

with stride s, dilation d and padding p; terms that fall outside the input are 0 and left out. A transposed convolution
turns the relation between places round: what was input is output.
"""

from __future__ import annotations

from math import prod
from typing import Any

from liuli.explaining.explainer import Explainer, Workbench, explains
from liuli.explaining.families.linear import Contraction
from liuli.explaining.families.relation import Link, Relation
from liuli.tracing.parts import Operation

PLACES, TAPS = "ijl", "uvw"


def several(value: Any, count: int) -> tuple[int, ...]:
    """One number for all dimensions, or one for each."""
    if isinstance(value, int):
        return (value,) * count
    return tuple(value) if len(value) == count else tuple(value) * count


def place(letter: str, tap: str, stride: int, dilation: int, padding: int) -> str:
    """`2*i+u-1`: where a tap meets the input."""
    first = letter if stride == 1 else f"{stride}*{letter}"
    second = tap if dilation == 1 else f"{dilation}*{tap}"
    return f"{first}+{second}" + (f"-{padding}" if padding else "")


@explains("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def convolution(operation: Operation, bench: Workbench) -> Explainer:
    """See the top of this file."""
    base = Explainer(operation, bench)
    x, w, b = base.need("input"), base.need("weight"), base.tensor("bias")
    count = len(w.shape) - 2
    transposed = operation.name.startswith("conv_transpose")
    groups = base.option("groups", 1)
    stride, dilation = several(base.option("stride", 1), count), several(base.option("dilation", 1), count)
    padding = paddings(base.option("padding", 0), w.shape[2:], dilation)
    before, after = x.shape[-count:], operation.shapes[0][-count:]
    outgoing = w.shape[1] if transposed else w.shape[0] // groups
    incoming = w.shape[0] // groups if transposed else w.shape[1]

    sizes = {"n": prod(x.shape[: -count - 1]), "g": groups, "o": outgoing, "c": incoming}
    links = []
    big, small = (after, before) if transposed else (before, after)
    for d in range(count):
        sizes |= {f"B{d}": big[d], f"S{d}": small[d], f"T{d}": w.shape[2 + d]}
        links.append(Link(f"B{d}", f"S{d}", f"T{d}", stride[d], dilation[d], padding[d]))
    bigs, smalls, taps = ([f"{kind}{d}" for d in range(count)] for kind in "BST")
    relation = Relation(
        sizes,
        {
            "y": ["n", "g", "o", *(bigs if transposed else smalls)],
            "W": ["g", *("co" if transposed else "oc"), *taps],
            "x": ["n", "g", "c", *(smalls if transposed else bigs)],
        },
        links,
    )
    added = (b, (outgoing * groups, *(1,) * count)) if b else None
    steps = list(zip(PLACES, TAPS, stride, dilation, padding, strict=False))[:count]
    return Contraction(operation, bench, text(steps, transposed), relation, {"W": w, "x": x}, added)


def text(steps: list[tuple[str, str, int, int, int]], transposed: bool) -> str:
    """The formula with the stride, dilation and padding of this convolution."""
    letters = ",".join(step[0] for step in steps)
    taps = ",".join(step[1] for step in steps)
    if transposed:
        met = ",".join(
            f"({i}{f'+{p}' if p else ''}-{u if d == 1 else f'{d}*{u}'})" + f"/{s}" * (s > 1) for i, u, s, d, p in steps
        )
        return f"y[n,o,{letters}] = Sum((c,{taps}), W[c,o,{taps}]*x[n,c,{met}]) + b[o]"
    met = ",".join(place(*step) for step in steps)
    return f"y[n,o,{letters}] = Sum((c,{taps}), W[o,c,{taps}]*x[n,c,{met}]) + b[o]"


def paddings(given: Any, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """The padding before the first element; "same" puts the odd one behind."""
    if given == "valid":
        return (0,) * len(kernel)
    if given == "same":
        return tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    return several(given, len(kernel))
