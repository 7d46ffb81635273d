"""What training steps of ResNet-20 cost, beside what one would write instead.

    pip install 'liuli[benchmarks]'
    python benchmarks/resnet.py [--quick] [--json FILE]

The same network, batches of the same drawn pictures, and SGD with momentum for all; one turn is 20 steps of 64 pictures
of 32 × 32, in float32. liuli's are those of its loop, with varied pictures (`augment`); the peers are given the
pictures as they are. What Keras does around an epoch is not counted. See `rounds` for how they are timed. The
backends divide work among threads each in its own way: `taskset -c 0` before the command holds all to one core.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from peers import keras_on, waiting
from rounds import Gate, Peer, main, measure, report

OURS = "liuli"


@dataclass(frozen=True)
class Work:
    """What every peer does in one turn."""

    name: str = "resnet"
    steps: int = 20
    batch_size: int = 64
    rate: float = 0.01
    momentum: float = 0.9

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Pictures uint8 (N, 32, 32, 3), which their labels int64 (N,) can be read from."""
        random = np.random.default_rng(0)
        labels = random.integers(10, size=self.steps * self.batch_size)
        pictures = random.integers(180, size=(len(labels), 32, 32, 3)) + 7 * labels[:, None, None, None]
        return pictures.astype(np.uint8), labels.astype(np.int64)


def liuli(work: Work, gate: Gate) -> None:
    """The engine, order and variation that `liuli train resnet` has."""
    import torch

    from liuli.catalog import find
    from liuli.data.order import Batches
    from liuli.training import memory
    from liuli.training.engine import build

    system = find("resnet")
    recipe = system.recipe.with_settings({"batch_size": str(work.batch_size), "lr": str(work.rate)})
    pictures, labels = work.data()
    tensors = (torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels))
    batches = Batches(tensors, work.batch_size, seed=0)
    with memory.kept():
        batch = system.task.augment(next(batches.epoch(0)))
        engine, _ = build("torch", "auto", system, system.build(), {}, recipe, None, batch)
        gate(0.0)
        for epoch in range(1000):
            right = [
                engine.train_step(system.task.augment(batch), work.rate)["accuracy"] for batch in batches.epoch(epoch)
            ]
            gate(sum(right).item() / len(labels))  # type: ignore[union-attr]


def in_memory(work: Work, gate: Gate) -> None:
    """PyTorch as one writes it who knows it: data in one tensor, fused SGD, no waiting."""
    import torch
    from torch.nn.functional import cross_entropy

    from liuli.models.vision.resnet import ResNet

    pixels, labels = map(torch.from_numpy, work.data())
    pictures = (pixels.permute(0, 3, 1, 2) / 255).contiguous()
    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), work.rate, work.momentum, nesterov=True, fused=True)
    gate(0.0)
    while True:
        right = torch.zeros((), dtype=torch.int64)
        for rows in torch.randperm(len(labels)).split(work.batch_size):
            scores = model(pictures[rows])
            loss = cross_entropy(scores, labels[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            right += (scores.argmax(1) == labels[rows]).sum()
        gate(right.item() / len(labels))


def keras(work: Work, gate: Gate, backend: str) -> None:
    """`model.fit`, told to be silent; the network written with Keras's layers, channels last as it likes them."""
    keras = keras_on(backend)
    layers = keras.layers

    def normed(x: Any, maps: int, stride: int = 1) -> Any:
        x = layers.ZeroPadding2D(1)(x) if stride > 1 else x
        border = "valid" if stride > 1 else "same"
        return layers.BatchNormalization()(layers.Conv2D(maps, 3, stride, border, use_bias=False)(x))

    given = keras.Input((32, 32, 3))
    x = layers.ReLU()(normed(layers.Rescaling(1 / 255)(given), 16))
    for maps in (16, 32, 64):
        for block in range(3):
            stride = 2 if maps > 16 and block == 0 else 1
            residual = normed(layers.ReLU()(normed(x, maps, stride)), maps)
            if stride > 1:
                seen = layers.AveragePooling2D(1, 2)(x)
                x = layers.Concatenate()([seen, keras.ops.zeros_like(seen)])
            x = layers.ReLU()(layers.Add()([residual, x]))
    model = keras.Model(given, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(work.rate, work.momentum, nesterov=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    pictures, labels = work.data()
    assert model.count_params() - sum(one.shape[0] for one in model.non_trainable_variables) == 269_722
    pause = waiting(gate, "accuracy")
    gate(0.0)
    while True:  # each round its own call: TensorFlow's pipeline would sleep after the long wait within one
        model.fit(pictures.astype(np.float32), labels, batch_size=work.batch_size, verbose=0, callbacks=[pause])


PEERS = (
    Peer(OURS, liuli),
    Peer("PyTorch in memory", in_memory),
    Peer("Keras on JAX", keras, ("jax",), ("keras", "jax")),
    Peer("Keras on TensorFlow", keras, ("tensorflow",), ("keras", "tensorflow")),
    Peer("Keras on PyTorch", keras, ("torch",), ("keras",)),
)


def compared(work: Work, rounds: int) -> dict[str, dict[str, Any]]:
    title = f"{work.name}, batch {work.batch_size}: {work.steps} steps"
    return report(title, measure(PEERS, work, rounds), OURS, bars={})


if __name__ == "__main__":
    main(__doc__, {"resnet": partial(compared, Work())})
