"""Pickles of arrays, sparse matrices, dictionaries and lists, read without running anything that they say.

A pickle is a small program for a machine with a stack, and may call any function of any module. Here its instructions
are decoded (`pickletools` does only that) and carried out one by one; of all functions it may call the few below, which
are ours, and a pickle that names another is refused. So research data that were published as Python 2 pickles can be
read, and need neither the scipy nor the NumPy that wrote them.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.errors import UserError

NUMBERS = re.compile("[<>|=]?[biuf][1248]")  # types of arrays whose bytes are numbers and nothing else
MARK = object()


class Refused(Exception):
    """What a pickle holds is not for us; the message says what."""


@dataclass
class Type:
    """A `numpy.dtype`."""

    code: str

    def build(self, state: Any) -> None:
        """Of the state only the byte order counts."""
        order = state[1]
        self.code = (order if order in ("<", ">") else "") + self.code.lstrip("<>|=")

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's own."""
        if not NUMBERS.fullmatch(self.code):
            raise Refused(f"an array of type {self.code!r}")
        return np.dtype(self.code)


@dataclass
class Array:
    """A `numpy.ndarray`, empty until its state comes."""

    array: NDArray[Any] = field(default_factory=lambda: np.zeros(0))

    def build(self, state: Any) -> None:
        """The state: version, shape, type, whether columns lie together, bytes as Latin-1 text."""
        _, shape, kind, by_column, content = state
        content = content.encode("latin-1") if isinstance(content, str) else content
        if math.prod(shape) * kind.dtype.itemsize != len(content):
            raise Refused(f"an array of shape {shape} in {len(content):,} bytes")
        self.array = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if by_column else "C")


@dataclass
class Sparse:
    """A `scipy.sparse.csr_matrix`: row r holds data[s] in column indices[s], for s from pointers[r] to pointers[r + 1].

    Attributes:
        shape: (R, C).
        data: numbers (S,).
        indices: int (S,).
        pointers: int (R + 1,).
    """

    shape: tuple[int, int] = (0, 0)
    data: NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    indices: NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    pointers: NDArray[Any] = field(default_factory=lambda: np.zeros(1, np.int64))

    def build(self, state: Any) -> None:
        """The state: a dictionary of attributes."""
        self.shape = tuple(state["_shape"])
        self.data, self.indices, self.pointers = (state[name].array for name in ("data", "indices", "indptr"))

    def dense(self) -> NDArray[Any]:
        """The matrix (R, C) with its zeros."""
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self.pointers))
        full = np.zeros(self.shape, self.data.dtype)
        full[rows, self.indices] = self.data
        return full


def scalar(kind: Type, content: str) -> Any:
    """A NumPy number."""
    return np.frombuffer(content.encode("latin-1"), kind.dtype)[0]


KNOWN: dict[str, Callable[..., Any]] = {
    "numpy ndarray": Array,
    "numpy dtype": lambda code, *_: Type(code),
    "numpy.core.multiarray _reconstruct": lambda *_: Array(),
    "numpy._core.multiarray _reconstruct": lambda *_: Array(),
    "numpy.core.multiarray scalar": scalar,
    "scipy.sparse.csr csr_matrix": Sparse,
    "scipy.sparse._csr csr_matrix": Sparse,
    "collections defaultdict": lambda *_: {},
    "__builtin__ list": list,
    "__builtin__ bytes": lambda: "",  # only ever called for none
    "_codecs encode": lambda text, *_: text,  # bytes as Latin-1 text, which is what strings are here
}
"""What a pickle may call, by module and name, and what is called instead; some modules have moved since."""

IGNORED = {"PROTO", "FRAME"}
CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
LITERALS = re.compile("(SHORT_)?(BIN)?(STRING|UNICODE|BYTES|FLOAT|INT[12]?)|LONG[14]?|BINUNICODE8")


def read(path: Path) -> Any:
    """What a pickle file holds: NumPy arrays, `Sparse` matrices, dictionaries, lists and numbers.

    Raises:
        UserError: it is damaged, or asks for anything else.
    """
    try:
        return run(path.read_bytes())
    except Refused as error:
        raise UserError(
            f"{path}: holds {error}, expected arrays, sparse matrices, dictionaries and lists; it was not run"
        ) from error
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(
            f"{path}: is not a sound pickle ({str(error) or type(error).__name__}); get it again"
        ) from error


def run(content: bytes) -> Any:
    """Carry out the instructions of a pickle on a stack of our own."""
    stack: list[Any] = []
    memory: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        place = max(index for index, one in enumerate(stack) if one is MARK)
        found = stack[place + 1 :]
        del stack[place:]
        return found

    argument: Any
    for instruction, argument, _ in pickletools.genops(content):
        match instruction.name:
            case "STOP":
                result = stack.pop()
                return result.array if isinstance(result, Array) else result
            case name if name in IGNORED:
                pass
            case name if name in CONSTANTS:
                stack.append(CONSTANTS[name])
            case name if name in EMPTY:
                stack.append(EMPTY[name]())
            case name if LITERALS.fullmatch(name):
                stack.append(argument)
            case "MARK":
                stack.append(MARK)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memory[argument] = stack[-1]
            case "MEMOIZE":
                memory[len(memory)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memory[argument])
            case "LIST":
                stack.append(since_mark())
            case "DICT":
                items = since_mark()
                stack.append(dict(zip(items[::2], items[1::2], strict=True)))
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                count = int(name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND":
                stack[-2].append(stack.pop())
            case "APPENDS":
                items = since_mark()
                stack[-1].extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                stack[-1][key] = value
            case "SETITEMS":
                items = since_mark()
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case "GLOBAL":
                stack.append(known(argument))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(known(f"{module} {name}"))
            case "REDUCE" | "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                if function not in KNOWN.values():
                    raise Refused("a call of something that is no function")
                stack.append(function(*arguments))
            case "BUILD":
                state = stack.pop()
                if not isinstance(stack[-1], Array | Sparse | Type):
                    raise Refused("a state for something that has none")
                stack[-1].build(state)
            case name:
                raise Refused(f"the instruction {name}")
    raise ValueError("it has no end")


def known(name: str) -> Callable[..., Any]:
    """What stands for a function that a pickle names as "module name"."""
    if name not in KNOWN:
        raise Refused(f"a reference to {name.replace(' ', '.')}")
    return KNOWN[name]
