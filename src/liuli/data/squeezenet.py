"""SqueezeNet 1.1 (Iandola et al., 2016) as it learnt ImageNet: weights that other networks look at pictures with.

Its publisher has them in Caffe's format. What is read here is the same numbers as safetensors, which only the user can
bring: into the folder `squeezenet` of LIULI_DATA, or of the cache.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liuli.data.dataset import RemoteFile
from liuli.errors import UserError
from liuli.files import sha256

NAME = "squeezenet"
FILE = RemoteFile(
    name="squeezenet_v1.1.safetensors",
    size=4_947_040,
    sha256="8fe609414651ac8a1ede048101839fdd156782c53c60aa3e1b8363e3f6a16b3c",
    urls=(),
)


def weights() -> dict[str, NDArray[np.float32]]:
    """The 52 tensors by Caffe's names: "conv1.weight" (64, 3, 3, 3), "fire2.squeeze1x1.bias" (16,), …

    Raises:
        UserError: the file is not here, or is not the one that is meant.
    """
    from liuli.data.store import cache_folder, data_folder

    folders = [root / NAME for root in (data_folder(), cache_folder()) if root is not None]
    path = next((folder / FILE.name for folder in folders if (folder / FILE.name).is_file()), None)
    if path is None:
        raise UserError(
            f"{NAME}: {FILE.name} is not here; put SqueezeNet 1.1's weights, as safetensors under Caffe's names, into "
            f"{folders[0]}"
        )
    return read(path)


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of the file, once it was checked."""
    from safetensors.numpy import load_file

    try:
        digest = sha256(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); make it a readable file") from error
    if digest != FILE.sha256:
        raise UserError(f"{path}: has SHA-256 {digest[:12]}…, expected {FILE.sha256[:12]}…; copy it anew")
    return load_file(path)
