"""BERT of `transformers` (`BertForPreTraining`) with the same weights, in float64, layer by layer.

Its own modules compute every number; hooks note what each gives. Only the masked places are brought to its head, as in
the original program of Devlin et al. Dropout of an attention's weights is off; that of a value keeps what it is told.
What stood at the masked places is put together here once more, in loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers.models.bert import BertConfig, BertForPreTraining

from liuli.oracles.loops import Array

HEADS = 4
Whole = NDArray[np.int64]

BODY = {
    "bert.words": "embeddings.word_embeddings",
    "bert.positions": "embeddings.position_embeddings",
    "bert.segments": "embeddings.token_type_embeddings",
    "bert.norm": "embeddings.LayerNorm",
    "bert.dropout": "embeddings.dropout",
    "bert.encoder": "encoder",
    "bert": "encoder",
    "bert.pooler": "pooler.dense",
}
LAYER = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention": "attention.output.dense",
    "attention_around.dropout": "attention.output.dropout",
    "attention_around.norm": "attention.output.LayerNorm",
    "attention_around": "attention.output.LayerNorm",
    "feed_forward.inner": "intermediate.dense",
    "feed_forward.outer": "output.dense",
    "feed_forward": "output.dense",
    "feed_forward_around.dropout": "output.dropout",
    "feed_forward_around.norm": "output.LayerNorm",
    "feed_forward_around": "output.LayerNorm",
}
"""By the path of a module of ours, theirs: around the layers, and inside one."""
HEAD = {
    "transform": "cls.predictions.transform.dense",
    "norm": "cls.predictions.transform.LayerNorm",
    "": "cls.predictions",
    "next": "cls.seq_relationship",
}


def modules(layers: int, prefix: str = "bert.") -> dict[str, str]:
    """By the path of each module of our body, that of theirs which gives the same."""
    found = {name: prefix + theirs for name, theirs in BODY.items()}
    for number in range(layers):
        found[f"bert.encoder.layers.{number}"] = f"{prefix}encoder.layer.{number}.output.LayerNorm"
        for name, theirs in LAYER.items():
            found[f"bert.encoder.layers.{number}.{name}"] = f"{prefix}encoder.layer.{number}.{theirs}"
    return found


def configuration(weights: dict[str, Array], rate: float, **more: Any) -> BertConfig:
    """Of a network with such weights, which drops at that rate."""
    vocabulary, width = weights["bert.words.weight"].shape
    layers = len({name.split(".")[3] for name in weights if name.startswith("bert.encoder")})
    return transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        intermediate_size=len(weights["bert.encoder.layers.0.feed_forward.inner.weight"]),
        max_position_embeddings=len(weights["bert.positions.weight"]),
        hidden_dropout_prob=rate,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
        **more,
    )


class Told(nn.Module):
    """A dropout that keeps what it is told."""

    def __init__(self, kept: Array, rate: float) -> None:
        super().__init__()
        self.kept, self.rate = torch.from_numpy(kept), rate

    def forward(self, x: Tensor) -> Tensor:
        return x * self.kept / (1 - self.rate)


class Watched:
    """A model of theirs with our weights, and what every one of its modules gives.

    Args:
        model: theirs, in float64.
        named: by our path of a module, theirs.
        weights: by our names.
        kept: by our path of a dropout, what it keeps.
    """

    def __init__(
        self, model: nn.Module, named: dict[str, str], weights: dict[str, Array], kept: dict[str, Array] | None
    ) -> None:
        self.model, self.named, self.weights = model.double().eval(), named, weights
        self.outputs: dict[str, Tensor] = {}
        with torch.no_grad():
            for name, value in weights.items():
                self.parameter(name).copy_(torch.from_numpy(value))
        for name, mask in (kept or {}).items():
            place, _, last = named[name].rpartition(".")
            theirs = model.get_submodule(named[name])
            assert isinstance(theirs, nn.Dropout)
            setattr(model.get_submodule(place), last, Told(mask, theirs.p))
        for name, theirs in ((name, one) for name, one in named.items() if name):
            model.get_submodule(theirs).register_forward_hook(self.note(name))

    def parameter(self, name: str) -> nn.Parameter:
        """Theirs that we call so."""
        module, _, kind = name.rpartition(".")
        return self.model.get_parameter(f"{self.named[module]}.{kind}")

    def note(self, name: str) -> Callable[..., None]:
        """A hook that keeps a module's output, and later its gradient."""

        def keep(module: nn.Module, given: Any, output: Any) -> None:
            value = output if isinstance(output, Tensor) else output[0]
            value.retain_grad()
            self.outputs[name] = value

        return keep

    def found(self, forward: Tensor, loss: Tensor) -> dict[str, Array]:
        """Every value and gradient, by our names."""
        torch.autograd.backward(loss)
        outputs = {**self.outputs, "forward": forward}
        values = {name: numpy(one) for name, one in outputs.items()} | {"loss": numpy(loss)}
        values |= {f"gradient of {name}": numpy(one.grad) for name, one in outputs.items()}
        for name in self.weights:
            values[f"gradient of {name}"] = numpy(self.parameter(name).grad)
        for name in ("bert.positions", "gradient of bert.positions"):
            values[name] = values[name][0]  # theirs has a batch of one
        return values


def numpy(value: Tensor | None) -> Array:
    """A copy."""
    assert value is not None
    return value.detach().numpy().copy()


def values(
    weights: dict[str, Array],
    words: Whole,
    segments: Whole,
    places: Whole,
    text: Whole,
    second: Whole,
    strange: Whole,
    *_: Whole,
    kept: dict[str, Array] | None = None,
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    config = configuration(weights, rate=0.0)
    model = BertForPreTraining(config)
    watched = Watched(model, {**modules(config.num_hidden_layers), **HEAD}, weights, kept)
    body = model.bert(
        input_ids=torch.from_numpy(words).long(),
        token_type_ids=torch.from_numpy(segments).long(),
        attention_mask=torch.from_numpy(words != 0),
    )
    rows = torch.arange(len(words))[:, None]
    scores = model.cls.predictions(body.last_hidden_state[rows, torch.from_numpy(places)])  # (B, M, V)
    follows = model.cls.seq_relationship(body.pooler_output)  # (B, 2)
    truth = torch.from_numpy(stood(segments, places, text, second, strange))
    last = torch.zeros(len(words), 1, scores.size(2), dtype=torch.float64)
    last[:, 0, :2] = follows
    forward = torch.cat([scores, last], 1)  # (B, M + 1, V)
    forward.retain_grad()
    loss = cross_entropy(forward[:, :-1].flatten(0, 1), truth.flatten())
    loss = loss + cross_entropy(forward[:, -1, :2], torch.from_numpy(strange))
    return watched.found(forward, loss)


def stood(segments: Whole, places: Whole, text: Whole, second: Whole, strange: Whole) -> Whole:
    """What stood at each masked place, −100 where none is."""
    found = np.full(places.shape, -100, dtype=np.int64)
    for row, line in enumerate(text.tolist()):
        first = segments[row].tolist().index(1)
        read = line[:first] + second[row].tolist() if strange[row] else line
        for column, place in enumerate(places[row]):
            if place > 0:
                found[row, column] = abs(read[place])
    return found
