"""`BertForSequenceClassification` of `transformers` with the same weights, in float64, layer by layer: see `bert`."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy
from transformers.models.bert import BertForSequenceClassification

from liuli.oracles.bert import Watched, Whole, configuration, modules
from liuli.oracles.loops import Array

RATE = 0.1


def values(
    weights: dict[str, Array], words: Whole, labels: Whole, kept: dict[str, Array] | None = None
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    config = configuration(weights, RATE, num_labels=len(weights["output.bias"]))
    head = {"dropout": "dropout", "output": "classifier"}
    watched = Watched(
        BertForSequenceClassification(config), {**modules(config.num_hidden_layers), **head}, weights, kept
    )
    scores = watched.model(
        input_ids=torch.from_numpy(words).long(),
        token_type_ids=torch.zeros(words.shape, dtype=torch.int64),
        attention_mask=torch.from_numpy(words != 0),
    ).logits  # (B, K)
    return watched.found(scores, cross_entropy(scores, torch.from_numpy(labels)))
