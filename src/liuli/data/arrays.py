"""Arrays kept in the cache as they were read, so that a second run does not unpack the files again.

Unpacking MNIST takes a third of a second, reading its arrays a tenth of that; for the embedded digits it is the
import of scikit-learn that is saved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from liuli.data.dataset import Data, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError
from liuli.files import replacing


def kept(folder: Path, name: str, files: Iterable[RemoteFile], read: Callable[[], Data]) -> Data:
    """What `read` makes of `files`; out of `folder` where the same code made it of the same files before.

    Raises:
        UserError: what was read contradicts itself.
    """
    from safetensors import SafetensorError

    key = hashlib.sha256(f"{fingerprint(files)} {code()}".encode()).hexdigest()[:16]
    path = folder / f"{name}.{key}.safetensors"
    try:
        return open_arrays(path)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):  # absent, cut short, of another make
        data = consistent(read())
    with suppress(OSError, UserError):  # keeping only saves time
        folder.mkdir(parents=True, exist_ok=True)
        for outdated in folder.glob(f"{name}.*.safetensors"):
            outdated.unlink(missing_ok=True)
        save_arrays(path, data)
    return data


@cache
def code() -> str:
    """A hash of the code that reads data sets: what an earlier version of it made may differ."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def save_arrays(path: Path, data: Data) -> None:
    """Write the splits and the facts into one file; words, which it cannot hold, are read anew each time."""
    import numpy as np
    from safetensors.numpy import save_file

    arrays: dict[str, Any] = {}
    for part, split in data.splits().items():
        arrays |= {f"{part}.inputs": split.inputs, f"{part}.targets": split.targets}
        arrays |= {f"{part}.extra.{name}": array for name, array in split.extra.items()}
    if all(array.dtype.kind in "biuf" for array in arrays.values()):
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}  # bytes are written as they lie
        with replacing(path) as temporary:
            save_file(arrays, temporary, metadata={"facts": json.dumps(data.facts.to_json())})


def open_arrays(path: Path) -> Data:
    """Read what `save_arrays` wrote."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as arrays:
        facts = Facts.from_json(json.loads(arrays.metadata()["facts"]))
        found: dict[str, dict[str, Any]] = {}
        for key in arrays.keys():  # noqa: SIM118 (no mapping)
            part, _, name = key.partition(".")
            found.setdefault(part, {})[name.removeprefix("extra.")] = arrays.get_tensor(key)
    splits = {part: Split(named.pop("inputs"), named.pop("targets"), named) for part, named in found.items()}
    return Data(facts, splits["train"], splits["test"], splits.get("validation"))


def consistent(data: Data) -> Data:
    """`data`, whose inputs have the shape that its facts say, one target each, and no label beyond the classes.

    Raises:
        UserError: that is not so.
    """
    facts = data.facts
    for part, split in data.splits().items():
        where = f"{facts.name}: the {'training' if part == 'train' else part} part"
        if facts.shape and split.inputs.shape[1:] != facts.shape:
            raise UserError(f"{where} has inputs of shape {split.inputs.shape[1:]}, expected {facts.shape}")
        if len(split.inputs) != len(split.targets) or not (len(split) or part == "train"):  # some sets only test
            raise UserError(f"{where} has {len(split.inputs)} inputs and {len(split.targets)} labels, expected as many")
        if not facts.classes or split.targets.dtype.kind not in "iu":
            continue
        for label in (split.targets.min(), split.targets.max()):
            if not 0 <= label < len(facts.classes):
                raise UserError(f"{where} has a label {label}, expected 0 to {len(facts.classes) - 1}")
    return data
