"""Arrays in a page: compressed, in base64, read by the page when they are first needed."""

from __future__ import annotations

import json
import math
import zlib
from base64 import b64encode
from typing import SupportsFloat

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.files import Json

TYPES = {"float32": "f4", "float64": "f8", "int32": "i4", "uint8": "u1"}  # what JavaScript has typed arrays for
LEVEL = 1  # of zlib: the numbers of a network hardly compress, and a reader waits


def finite(number: SupportsFloat) -> float | None:
    """A number that JSON has a word for; None for others."""
    return float(number) if math.isfinite(number) else None


class Pack:
    """The arrays of one page, each under a number.

    Attributes:
        blobs: by number: type, and the compressed bytes in base64.
        size: characters of all that is kept, and of what else the page is charged with.
    """

    def __init__(self) -> None:
        self.blobs: list[tuple[str, str]] = []
        self.size = 0

    def add(self, array: NDArray[np.generic]) -> int:
        """Keep `array`; return its number."""
        kind = TYPES[array.dtype.name]
        self.blobs.append((kind, b64encode(zlib.compress(shuffled(array), LEVEL)).decode("ascii")))
        self.size += len(self.blobs[-1][1])
        return len(self.blobs) - 1

    def forget(self, since: int) -> None:
        """Take out the arrays from number `since` on."""
        self.size -= sum(len(text) for _, text in self.blobs[since:])
        del self.blobs[since:]

    def html(self) -> str:
        """The arrays as templates, which a browser passes over faster than over scripts."""
        lines = (
            f'<template id="array-{number}" data-type="{kind}">{text}</template>'
            for number, (kind, text) in enumerate(self.blobs)
        )
        return "\n".join(lines)


def json_text(content: Json) -> str:
    """What a page is sent as JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)


def shuffled(array: NDArray[np.generic]) -> bytes:
    """The bytes of `array`, all first bytes, then all second ones, …: exponents next to exponents compress."""
    width = array.dtype.itemsize
    parts = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).view(np.uint8)
    return parts.reshape(-1, width).T.tobytes()


def array_of(tensor: Tensor) -> NDArray[np.generic]:
    """`tensor` flat, in a type that a page can hold without changing a number; of complex numbers their magnitudes."""
    tensor = tensor.detach().cpu()
    tensor = tensor.to_dense() if tensor.layout is not torch.strided else tensor
    tensor = tensor.abs() if tensor.is_complex() else tensor
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    if tensor.dtype is torch.bool:
        tensor = tensor.to(torch.uint8)
    array = np.asarray(tensor.contiguous().numpy()).reshape(-1)
    if array.dtype.name in TYPES:
        return array
    return array.astype(np.float64)  # whole numbers up to 2⁵³


def halves_of(tensor: Tensor) -> NDArray[np.generic]:
    """The real and the imaginary part of each complex number, one number after another."""
    return array_of(torch.view_as_real(tensor.detach().resolve_conj()))
