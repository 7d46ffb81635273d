"""Where a BERT begins from: a run of `bert`, or a checkpoint as `transformers` leaves it, from a folder or by its name.

Both give the options of a network, its reader of words and its weights; what the weights are called is the network's
affair. A checkpoint is written here as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from liuli import pretrained
from liuli.errors import UserError
from liuli.files import write_text
from liuli.tasks import pieces

NONE = "none"
RUN, LEARNT = "run.json", "learnt.json"
SIZES = {
    "vocabulary": "vocab_size",
    "length": "max_position_embeddings",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
}
"""By option of our network, what `config.json` calls it."""
OURS = {"width": 128, "layers": 3, "heads": 4, "inner": 512}
"""Sizes of a network of this house where nothing else is said; a run notes those alone that were said."""
FIXED = {
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "type_vocab_size": 2,
    "position_embedding_type": "absolute",
    "is_decoder": False,
}
"""What is no option of ours, and must be so; where nothing is said, it is."""


@dataclass(frozen=True)
class Start:
    """What a network can be begun from.

    Attributes:
        folder: that holds it.
        is_run: whether it is a run of ours, whose weights have our names.
        sizes: by option of the network.
        learnt: the reader of words, as `pieces` has it.
    """

    folder: Path
    is_run: bool
    sizes: Mapping[str, int]
    learnt: Mapping[str, Any]

    def weights(self) -> dict[str, Tensor]:
        """Every tensor, by the name that it has there."""
        return pretrained.weights(self.folder)


def start(source: str) -> Start:
    """What `source` names.

    Raises:
        UserError: there is none, or it is of another kind.
    """
    folder = Path(source)
    if (folder / RUN).is_file():
        record, learnt = pieces.read(folder / RUN), pieces.read(folder / LEARNT)
        if record.get("system") != "bert":
            raise UserError(f"{source}: is a run of {record.get('system')}, expected one of bert")
        options = OURS | record["options"]
        sizes = {name: int(options[name]) for name in SIZES}
        return Start(folder, True, sizes, learnt)
    if source.startswith("runs/") and not folder.is_dir():
        raise UserError(
            f"{source}: there is no such run; train it first with 'liuli train bert', name another or a checkpoint "
            "with --set pretrained=…, or begin from nothing with --set pretrained=none"
        )
    folder = pretrained.checkpoint(source)
    config = pretrained.configuration(folder, "bert")
    for name, value in FIXED.items():
        if config.get(name, value) != value:
            raise UserError(f"{folder / pretrained.CONFIG}: {name} is {config[name]}, expected {value} as BERT has it")
    lacking = [name for name in SIZES.values() if not isinstance(config.get(name), int)]
    if lacking:
        raise UserError(f"{folder / pretrained.CONFIG}: lacks {lacking[0]}, expected a whole number")
    return Start(folder, False, {name: config[called] for name, called in SIZES.items()}, pieces.from_folder(folder))


def fetch(source: str) -> dict[str, Any]:
    """What must be known of it before there is a network: its reader of words and its sizes; of `NONE` nothing."""
    if source == NONE:
        return {}
    begun = start(source)
    return {"tokenizer": begun.learnt["tokenizer"], "sizes": dict(begun.sizes)}


def save(folder: Path, sizes: Mapping[str, object], tensors: Mapping[str, Tensor], learnt: Mapping[str, Any]) -> None:
    """Write a checkpoint that `transformers` loads, its reader of words with it.

    Args:
        folder: made where it does not exist.
        sizes: options of our network.
        tensors: by their published names.
        learnt: the reader of words.

    Raises:
        UserError: it cannot be written.
    """
    config = {"model_type": "bert", "architectures": ["BertForPreTraining"], "pad_token_id": pieces.PADDING}
    pretrained.save(folder, {**config, **FIXED, **{called: sizes[name] for name, called in SIZES.items()}}, tensors)
    cased = not learnt["tokenizer"]["normalizer"]["lowercase"]
    files = {
        "tokenizer.json": json.dumps(learnt["tokenizer"], ensure_ascii=False, indent=2),
        "vocab.txt": "\n".join(pieces.names(learnt)) + "\n",
        "tokenizer_config.json": json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": not cased}, indent=2),
    }
    for name, text in files.items():
        write_text(folder / name, text)
