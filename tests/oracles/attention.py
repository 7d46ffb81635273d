"""Attention in float64, written from the papers as loops over sentences, words and annotations; gradients by autograd.

No sentence knows of another, and a sentence's padding is not attended to because its loop ends before. The GRU's reset
gate acts after the product with U (PyTorch's convention).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.oracles.loops import Array

DROPOUT = 0.3
SMOOTHING = 0.1
Numbers = NDArray[np.int64]
Weights = dict[str, Tensor]


def gru(own: Weights, name: str, x: Tensor, h: Tensor) -> Tensor:
    """One step of the layer called so: x (D,), h (M,)."""
    W, U, b = (own[f"{name}.{part}"] for part in ("weight_input", "weight_state", "bias"))
    M = len(h)
    gates = [slice(0, M), slice(M, 2 * M), slice(2 * M, 3 * M)]
    r, z = (1 / (1 + torch.exp(-(W[gate] @ x + b[gate] + U[gate] @ h))) for gate in gates[:2])
    candidate = torch.tanh(W[gates[2]] @ x + b[gates[2]] + r * (U[gates[2]] @ h))
    return z * h + (1 - z) * candidate


def states(own: Weights, name: str, steps: Iterable[Tensor], h: Tensor) -> Tensor:
    """The state after every step."""
    found = []
    for x in steps:
        h = gru(own, name, x, h)
        found.append(h)
    return torch.stack(found)


def attended(fits: list[Tensor], annotations: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the annotations, weighed; and the weights, 0 for those beyond the sentence."""
    shares = [torch.exp(fit) for fit in fits]
    total = sum(shares)
    attention = [share / total for share in shares]
    context = sum(a * h for a, h in zip(attention, annotations, strict=False))
    beyond = annotations.new_zeros(len(annotations) - len(fits))
    return context, torch.cat([torch.stack(attention), beyond])


def values(
    weights: dict[str, Array],
    source: Numbers,
    given: Numbers,
    target: Numbers,
    kept: dict[str, Array] | None = None,
    multiplicative: bool = False,
) -> dict[str, Array]:
    """See `liuli.oracles`."""
    own = {name: torch.from_numpy(value).requires_grad_() for name, value in weights.items()}
    found: dict[str, Tensor] = {}

    def note(name: str, value: Tensor) -> Tensor:
        found[name] = value
        value.retain_grad()
        return value

    def dropped(name: str, value: Tensor) -> Tensor:
        return note(name, value * torch.from_numpy(kept[name]) / (1 - DROPOUT) if kept else value * 1.0)

    sentences, lengths = range(len(source)), [int((row != 0).sum()) for row in source]
    read = note("source_embedding", own["source_embedding.weight"][torch.from_numpy(source).long()])
    read = dropped("source_dropout", read)
    nothing = torch.zeros_like(own["first.bias"])
    onward = note("forward_reader", torch.stack([states(own, "forward_reader", read[n], nothing) for n in sentences]))
    orders = [[*reversed(range(length)), *range(length, source.shape[1])] for length in lengths]
    turned = torch.stack([states(own, "backward_reader", read[n][orders[n]], nothing) for n in sentences])
    turned = note("backward_reader", turned)
    h = [
        torch.stack([torch.cat([onward[n, j], turned[n, orders[n].index(j)]]) for j in range(source.shape[1])])
        for n in sentences
    ]  # (S, 2M) each
    first = torch.stack([own["first.weight"] @ turned[n, orders[n].index(0)] + own["first.bias"] for n in sentences])
    first = note("first", first)
    said = note("target_embedding", own["target_embedding.weight"][torch.from_numpy(given).long()])
    said = dropped("target_dropout", said)

    rows = []
    for n in sentences:
        s, row = torch.tanh(first[n]), []
        for word in said[n]:
            if multiplicative:
                s = gru(own, "decoder", word, s)
                fits = [s @ (own["decoder.weight_key"] @ h[n][j]) for j in range(lengths[n])]
                context, attention = attended(fits, h[n])
            else:
                query = own["decoder.weight_query"] @ s
                fits = [
                    own["decoder.vector"][0] @ torch.tanh(query + own["decoder.weight_key"] @ h[n][j])
                    for j in range(lengths[n])
                ]
                context, attention = attended(fits, h[n])
                s = gru(own, "decoder", torch.cat([word, context]), s)
            row.append(torch.cat([s, context, attention]))
        rows.append(torch.stack(row))
    written = note("decoder", torch.stack(rows))

    known = 3 * len(nothing)
    read_out = [
        [own["readout.weight"] @ torch.cat([written[n, t, :known], said[n, t]]) + own["readout.bias"] for t in steps]
        for n, steps in ((n, range(given.shape[1])) for n in sentences)
    ]
    pairs = note("readout", torch.stack([torch.stack(row) for row in read_out]))
    largest = dropped("output_dropout", torch.maximum(pairs[..., 0::2], pairs[..., 1::2]))
    scores = note("output", largest @ own["output.weight"].T + own["output.bias"])
    found["forward"] = scores
    logs = scores - scores.exp().sum(2, keepdim=True).log()
    words = [
        (1 - SMOOTHING) * logs[n, t, word] + SMOOTHING * logs[n, t].mean()
        for n, row in enumerate(target[:, 1:])
        for t, word in enumerate(row)
        if word != 0
    ]
    loss = -torch.stack(words).mean()
    loss.backward()

    for table in ("source_embedding.weight", "target_embedding.weight"):
        own[table].grad[0] = 0.0  # padding is never learnt
    arrays = {name: value.detach().numpy() for name, value in found.items()} | {"loss": loss.detach().numpy()}
    return arrays | {f"gradient of {name}": value.grad.numpy() for name, value in (found | own).items()}
