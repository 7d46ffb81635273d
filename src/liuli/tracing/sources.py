"""From a place in running code to its line of source, and to the variable that its result is assigned to."""

from __future__ import annotations

import ast
import linecache
import os
from functools import cache
from itertools import islice
from types import CodeType, FrameType

import torch

from liuli.tracing.functions import TRANSPARENT
from liuli.tracing.parts import Line

_TORCH = os.path.dirname(torch.__file__)

# Files that only pass a call on: a reader looks for the line that called them.
PLUMBING = {
    os.path.join(_TORCH, *path.split("/"))
    for path in (
        "overrides.py",
        "_tensor.py",
        "functional.py",
        "_jit_internal.py",
        "_ops.py",
        "nn/functional.py",
        "nn/init.py",
        "nn/modules/module.py",
        "utils/_contextlib.py",
        "utils/checkpoint.py",
        "_dynamo/eval_frame.py",
        "_dynamo/external_utils.py",
        "autograd/function.py",
        "autograd/grad_mode.py",
    )
}

# Functions there whose lines are worth reading, by id: to hash a piece of code takes its constants and names too.
_SHOWN = {id(function.__code__) for function in TRANSPARENT}

_OWN = {os.path.join(os.path.dirname(__file__), f"{name}.py") for name in ("tracer", "gradients", "recorder", "calls")}

# Modules that run what they hold one after another: `input` is no name that anybody chose.
_NAMELESS = {os.path.join(_TORCH, "nn", "modules", "container.py")}


# A piece of code and an instruction in it: cheap to note while a module runs, read as a `Line` when someone asks.
Site = tuple[CodeType, int]


def caller(frame: FrameType) -> FrameType:
    """The innermost frame at or above `frame` that is not plumbing."""
    code = frame.f_code
    while code.co_filename in PLUMBING and id(code) not in _SHOWN and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    return frame


def site(frame: FrameType) -> Site | None:
    """Where the innermost call at or above `frame` that is not plumbing stands; None where that is the tracer's own."""
    frame = caller(frame)
    return readable(frame.f_code, frame.f_lasti)


def readable(code: CodeType, instruction: int) -> Site | None:
    """A site, unless it is one of the tracer's own."""
    return None if code.co_filename in _OWN else (code, instruction)


@cache
def line_of(site: Site) -> Line:
    """The line of source of `site`."""
    code = site[0]
    position = _position(site)
    number = position[0] if position else code.co_firstlineno
    text = linecache.getline(code.co_filename, number).strip()
    variable: tuple[str, ...] = ()
    if position and code.co_filename not in _NAMELESS:
        variable = _assigned(code.co_filename).get(position, ())
    return Line(code.co_filename, number, code.co_qualname, text, variable)


Position = tuple[int, int, int, int]  # line, end line, column, end column, in bytes


def _position(site: Site) -> Position | None:
    code, instruction = site
    position = next(islice(code.co_positions(), instruction // 2, None), (None,))
    return None if None in position else position  # type: ignore[return-value]


@cache
def _assigned(file: str) -> dict[Position, tuple[str, ...]]:
    """For every expression of a file that is assigned: where it stands, and the names it is assigned to."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return {}
    names: dict[Position, tuple[str, ...]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names[_span(node.value)] = _targets(node.targets[0])
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            names[_span(node.value)] = _targets(node.target)
        elif isinstance(node, ast.AugAssign):
            names[_span(node)] = _targets(node.target)
    return names


def _span(node: ast.expr | ast.stmt) -> Position:
    return (node.lineno, node.end_lineno or 0, node.col_offset, node.end_col_offset or 0)


def _targets(target: ast.expr) -> tuple[str, ...]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(ast.unparse(part) for part in target.elts)
    return (ast.unparse(target),)
