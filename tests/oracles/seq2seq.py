"""Sequence to sequence by PyTorch's own LSTM, float64: sentences packed by their length, so that no padding is read."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from liuli.oracles.loops import Array

DROPOUT = 0.2
SMOOTHING = 0.1
Numbers = NDArray[np.int64]


def lstm(weights: dict[str, Array], name: str) -> nn.LSTM:
    """One layer with the weights called so; its second bias is zero, and stays."""
    layer = nn.LSTM(
        weights[f"{name}.weight_input"].shape[1], weights[f"{name}.weight_state"].shape[1], batch_first=True
    )
    layer.double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(weights[f"{name}.weight_input"]))
        layer.weight_hh_l0.copy_(torch.from_numpy(weights[f"{name}.weight_state"]))
        layer.bias_ih_l0.copy_(torch.from_numpy(weights[f"{name}.bias"]))
        layer.bias_hh_l0.zero_()
    return layer


def values(
    weights: dict[str, Array], source: Numbers, given: Numbers, target: Numbers, kept: dict[str, Array] | None = None
) -> dict[str, Array]:
    """See `liuli.oracles`."""
    found: dict[str, Tensor] = {}
    own = {
        name: torch.from_numpy(value).requires_grad_()
        for name, value in weights.items()
        if name.partition(".")[0] not in ("reader", "writer")
    }
    reader, writer = lstm(weights, "reader"), lstm(weights, "writer")

    def note(name: str, value: Tensor) -> Tensor:
        found[name] = value
        value.retain_grad()
        return value

    def dropped(name: str, value: Tensor) -> Tensor:
        return note(name, value * torch.from_numpy(kept[name]) / (1 - DROPOUT) if kept else value * 1.0)

    lengths = [int((row != 0).sum()) for row in source]
    backward = source.copy()
    for row, length in zip(backward, lengths, strict=True):
        row[: length - 1] = row[: length - 1][::-1].copy()
    read = note("source_embedding", own["source_embedding.weight"][torch.from_numpy(backward).long()])
    read = dropped("source_dropout", read)
    packed = pack_padded_sequence(read, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    _, (state, memory) = reader(packed)
    vector = note("reader", torch.cat([state[0], memory[0]], dim=1))
    begin = tuple(part[None] for part in vector.split(state.size(2), dim=1))
    said = note("target_embedding", own["target_embedding.weight"][torch.from_numpy(given).long()])
    states = note("writer", writer(dropped("target_dropout", said), begin)[0])
    states = dropped("output_dropout", states)
    scores = note("output", states @ own["output.weight"].T + own["output.bias"])
    logs = scores - scores.logsumexp(2, keepdim=True)
    words = [
        (1 - SMOOTHING) * logs[n, t, word] + SMOOTHING * logs[n, t].mean()
        for n, row in enumerate(target[:, 1:])
        for t, word in enumerate(row)
        if word != 0
    ]
    loss = -torch.stack(words).mean()
    loss.backward()

    gradients = {name: value.grad for name, value in own.items()} | {
        f"{name}.{mine}": getattr(layer, theirs).grad
        for name, layer in (("reader", reader), ("writer", writer))
        for mine, theirs in (("weight_input", "weight_ih_l0"), ("weight_state", "weight_hh_l0"), ("bias", "bias_ih_l0"))
    }
    for table in ("source_embedding.weight", "target_embedding.weight"):
        gradients[table][0] = 0.0  # padding is never learnt
    found["forward"] = scores
    arrays = {name: value.detach().numpy() for name, value in found.items()} | {"loss": loss.detach().numpy()}
    arrays |= {f"gradient of {name}": value.grad.numpy() for name, value in found.items()}
    return arrays | {f"gradient of {name}": value.numpy() for name, value in gradients.items()}
