"""Published weights: where they lie, what they are called, and how they are read and written without unpickling.

A *checkpoint* is a folder as Hugging Face's `transformers` leaves it: `config.json`, `model.safetensors` (or several
with `model.safetensors.index.json`, which says what lies where) and, where words are read, the tokenizer's files. It
is named by its path, or by its name on huggingface.co (`gpt2`, `org/name`), whence it is fetched once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liuli.errors import UserError, from_extra
from liuli.files import Json, replacing, write_json

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
FETCHED = ("*.json", "*.txt", "model*.safetensors")
NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)


def checkpoint(source: str | Path) -> Path:
    """The folder of a checkpoint that is named by its path, or by its name on huggingface.co.

    Raises:
        UserError: there is none, it cannot be fetched, or it lacks its configuration or weights in safetensors.
    """
    folder = Path(source) if str(source) and Path(source).is_dir() else fetched(str(source))
    if not (folder / CONFIG).is_file():
        raise UserError(f"{source}: holds no {CONFIG}, expected a folder that 'save_pretrained' of transformers made")
    if not (folder / WEIGHTS).is_file() and not (folder / INDEX).is_file():
        raise UserError(
            f"{source}: holds no {WEIGHTS}; weights in other files (pytorch_model.bin) are not opened, because that "
            "could run code of a stranger's: load them with transformers and 'save_pretrained' them into a folder"
        )
    return folder


def fetched(name: str) -> Path:
    """The folder into which huggingface.co's model of this name is fetched; nothing is done where it is there.

    Raises:
        UserError: it is no name, there is no such model, or it is out of reach.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"'{name}': there is no such folder; give that of a checkpoint, or a name like gpt2 or org/name"
        )
    with from_extra("language"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError: of whatever it fetches with
            GatedRepoError,
            HfHubHTTPError,
            HFValidationError,
            HTTPError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
        )

    try:
        return Path(snapshot_download(name, allow_patterns=list(FETCHED)))
    except GatedRepoError as error:
        raise UserError(
            f"{name}: is given on huggingface.co only to those who accept its terms; do so, fetch it with its own "
            "program, 'hf download', and give the folder"
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise UserError(
            f"{name}: there is no such folder, and no model of this name on huggingface.co; give one of the two"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, HTTPError, OSError) as error:
        raise UserError(
            f"{name}: there is no such folder, and huggingface.co is out of reach ({type(error).__name__}); "
            "where it can be reached, 'hf download' it, bring the files and give their folder"
        ) from error


def configuration(folder: Path, kind: str) -> dict[str, Any]:
    """What `config.json` says of the network's shape.

    Args:
        folder: see `checkpoint`.
        kind: what `model_type` must be: "gpt2", "bert".

    Raises:
        UserError: it is damaged, or that of another kind of network.
    """
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values.get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read ({error}), expected a JSON object; fetch or copy it anew") from error
    if found != kind:
        raise UserError(f"{path}: is of a model of type '{found}', expected '{kind}'; give a checkpoint of that type")
    return dict(values)


def weights(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint by its published name, on the CPU, in the precision it was saved in.

    Raises:
        UserError: a file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = {}
    for name in shards(folder):
        try:
            tensors |= load_file(folder / name)
        except FileNotFoundError as error:
            raise UserError(f"{folder / name}: is missing, {INDEX} names it; fetch or copy it anew") from error
        except (SafetensorError, OSError) as error:
            raise UserError(f"{folder / name}: is damaged ({error}); fetch or copy it anew") from error
    return tensors


def shards(folder: Path) -> list[str]:
    """The names of the files of weights."""
    path = folder / INDEX
    if (folder / WEIGHTS).is_file() or not path.is_file():
        return [WEIGHTS]
    try:
        named = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
        strange = [name for name in named if Path(name).name != name]  # a path would leave the folder
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: is damaged ({error}), expected a 'weight_map'; fetch or copy it anew") from error
    if strange:
        raise UserError(f"{path}: names '{strange[0]}', expected the name of a file beside it; fetch or copy it anew")
    return named


def save(folder: Path, configuration: Mapping[str, Json], tensors: Mapping[str, Tensor]) -> None:
    """Write a checkpoint that `transformers` loads: a folder with `config.json` and `model.safetensors`.

    Raises:
        UserError: it cannot be written.
    """
    from safetensors.torch import save_file

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror}); name another folder") from error
    with replacing(folder / WEIGHTS) as temporary:
        alone = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        save_file(alone, temporary, {"format": "pt"})
    write_json(folder / CONFIG, dict(configuration))


def fitting(
    ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], needless: Iterable[str] = ()
) -> dict[str, Tensor]:
    """What stands in `theirs` for every tensor of `ours`, in its precision, where both have the same names by now.

    Args:
        needless: what may be among theirs and is left out, as regular expressions.

    Raises:
        UserError: one is missing, is of another shape, or is one too many.
    """
    ignored = re.compile("|".join(needless) or r"\Z.")
    for name, value in ours.items():
        if name not in theirs:
            raise UserError(f"{name}: is not among the weights; give those of a network of this kind and depth")
        found, expected = tuple(theirs[name].shape), tuple(value.shape)
        if found != expected:
            raise UserError(f"{name}: has shape {found}, expected {expected}; build the network in the shape of these")
    for name in sorted(theirs.keys() - ours.keys()):
        if not ignored.fullmatch(name):
            raise UserError(f"{name}: has no place in this network; give the weights of one of this kind and depth")
    return {name: theirs[name].to(value.dtype) for name, value in ours.items()}
