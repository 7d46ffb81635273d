"""Records for the tests of the page, made on the spot: `python fixtures.py FILE`."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liuli.explaining.explain import bench
from liuli.lab.instances import explained
from liuli.lab.manifest import Subject, manifest
from liuli.lab.packing import Pack
from liuli.tracing import Record, trace


class Of(nn.Module):
    """A module of a function, with the layers that it uses."""

    def __init__(self, function: Callable[..., Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(self, *inputs)


def pictures(m: Of, x: Tensor) -> Tensor:
    x = F.max_pool2d(m.first(x).relu(), 3, stride=2, padding=1)
    x = F.avg_pool2d(m.second(x), 2, stride=1, padding=1)
    x = m.norm(x) + F.adaptive_avg_pool2d(x, x.shape[-1])
    x = m.up(x).sigmoid().mean((2, 3))
    return m.dense(x).log_softmax(-1)


def language(m: Of, words: Tensor) -> Tensor:
    x = m.words(words)
    x = x + m.places(torch.arange(words.shape[1]))
    q, k, v = (part.view(2, -1, 2, 4).transpose(1, 2) for part in m.attend(m.norm(x)).chunk(3, -1))
    scores = q @ k.mT / 2
    scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), float("-inf"))
    x = x + (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
    x = torch.cat([x[:, 1:], F.gelu(x[:, :1])], dim=1)
    return m.output(F.layer_norm(x, (8,)).tanh())


def moved(m: Of, x: Tensor) -> Tensor:
    a, b = x.split(3, -1)
    x = torch.stack([a * 2, b, a - b]).flip(0)[:, ::2]
    return torch.einsum("kij,lj->kil", x, a) + F.silu(x.amax(0)).sum(-1).prod() + F.pad(b, (1, 1), value=0.5).std()


class Third(torch.autograd.Function):
    """Has a backward pass of its own, which is not the derivative."""

    @staticmethod
    def forward(ctx: object, x: Tensor, w: Tensor) -> Tensor:
        return x * w

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return slope / 3, slope / 3


def running(m: Of, x: Tensor) -> Tensor:
    return x.cumsum(0) * x + x.cumprod(0)


def cases() -> Iterator[tuple[str, nn.Module, tuple[Tensor, ...]]]:
    torch.manual_seed(0)
    layers: dict[str, nn.Module] = {
        "first": nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
        "second": nn.Conv2d(4, 6, (1, 3), dilation=(1, 2), padding="same", bias=False),
        "norm": nn.BatchNorm2d(6).train(),
        "up": nn.ConvTranspose2d(6, 3, 3, stride=2, padding=1),
        "dense": nn.Linear(3, 4),
    }
    yield "pictures", Of(pictures, **layers), (torch.randn(2, 2, 9, 9),)
    layers = {
        "words": nn.Embedding(7, 8, padding_idx=0),
        "places": nn.Embedding(5, 8),
        "norm": nn.LayerNorm(8),
        "attend": nn.Linear(8, 24),
        "output": nn.Linear(8, 7),
    }
    yield "language", Of(language, **layers), (torch.tensor([[1, 2, 0, 3, 1], [4, 5, 6, 0, 0]]),)
    yield "moved", Of(moved), (torch.randn(4, 6),)
    yield "running", Of(running), (torch.randn(3, 2),)
    yield "handwritten", Of(lambda m, x, w: Third.apply(x * 2, w) + w.sin()), (torch.randn(2, 3), torch.randn(2, 3))


def packed(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, object]:
    pack = Pack()
    record = trace(module.double(), *inputs, loss=lambda output: (output * output.detach().cos()).sum())
    found = manifest(record, Subject("test"), pack)
    return {"manifest": found, "arrays": pack.blobs, "told": list(told(record))}


def told(record: Record) -> Iterator[dict[str, object]]:
    """What a notebook is told of the first and the last number of every value, both ways."""
    for value in record.values():
        for place in {0, math.prod(value.shape) - 1}:
            for direction in ("forward", "backward"):
                answer = explained(bench(record), value.address, place, direction)
                if answer["captured"] is not None and answer["parts"] and value is not record.loss:
                    yield {"address": value.address, "index": place, "direction": direction, **answer}


if __name__ == "__main__":
    made = {
        name: packed(module, tuple(x.double() if x.is_floating_point() else x for x in xs))
        for name, module, xs in cases()
    }
    Path(sys.argv[1]).write_text(json.dumps(made), encoding="utf-8")
