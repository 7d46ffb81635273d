"""Checkpoints: all that training goes on from, in one safetensors file.

Tensors are tensors; the place (epoch, step, best so far, …) is JSON in the file's metadata, beside a
check sum over all tensors, so that a damaged file is noticed and not trained from. The file is written
beside its place and renamed into it: a process killed at any instant leaves the old one whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from liuli.errors import UserError
from liuli.files import Json, replacing, unwritable


def write(path: Path, tensors: Mapping[str, Tensor], place: Json) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        UserError: the disk is full, the folder is gone or may not be written to.
    """
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    notes = {"place": json.dumps(place), "checksum": str(checksum(kept))}
    write_bytes(path, save(kept, notes))


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights for anyone who reads safetensors, whole or not at all."""
    write_bytes(path, save({name: tensor.detach().cpu().clone().contiguous() for name, tensor in weights.items()}))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes whole or not at all, making the folder where only that one is lacking."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read(path: Path) -> tuple[dict[str, Tensor], Json]:
    """The tensors and the place.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            notes = file.metadata()
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
        sound = int(notes["checksum"]) == checksum(tensors)
        place = json.loads(notes["place"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise UserError(f"{path}: is damaged and cannot be gone on from; the best weights are untouched, train again")
    return tensors, place


def checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 over names and bytes, in the order of the names."""
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def clean(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for leftover in folder.glob("**/.*.part"):
        leftover.unlink(missing_ok=True)
