"""What an epoch of `liuli train` costs, beside what one would write instead.

    pip install 'liuli[benchmarks]'
    LIULI_DATA=FOLDER python benchmarks/handwriting.py [--quick] [--json FILE] [mlp|lenet …]

The same network, batch, optimizer, examples and validation for all; whole epochs, for liuli with everything that its
loop does: validation, metrics, checkpoint, TensorBoard. What Keras does around an epoch is not counted. Each peer does
one epoch a round (see `rounds`). Bars: `BARS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from peers import keras_on, train, waiting
from rounds import Bar, Gate, Peer, main, measure, report

OURS, SCRATCH = "liuli", "liuli, scratch engine"
BARS = {
    "mlp": {"Keras on TensorFlow": Bar(0.30), "Keras on JAX": Bar(1.0), SCRATCH: Bar(1.2, inverse=True)},
    "lenet": {"Keras on TensorFlow": Bar(0.5), "Keras on JAX": Bar(0.6)},
}
"""Ratio of liuli's torch engine to the peer; of its scratch engine to its torch engine."""


@dataclass(frozen=True)
class Work:
    """A recipe of the catalogue in words that every peer understands."""

    name: str
    batch_size: int
    rate: float
    size: int

    def data(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """(pictures, labels) to train and to validate: float32 in [0, 1] (N, size, size), and int64 (N,)."""
        from liuli.data import store

        train = store.load("mnist").train
        rim = (self.size - 28) // 2
        pictures = np.pad(train.inputs[..., 0], ((0, 0), (rim, rim), (rim, rim))).astype(np.float32) / 255
        labels = train.targets.astype(np.int64)
        return (pictures[:54000], labels[:54000]), (pictures[54000:], labels[54000:])


WORKS = {"mlp": Work("mlp", 54, 1e-3, 28), "lenet": Work("lenet", 64, 2e-3, 32)}


def liuli(work: Work, gate: Gate, engine: str) -> None:
    """One of liuli's engines."""
    train(work.name, gate, engine, lr=work.rate, batch_size=work.batch_size)


def keras(work: Work, gate: Gate, backend: str) -> None:
    """`model.fit`, told to be silent."""
    keras = keras_on(backend)
    layers = keras.layers

    dense = layers.Dense
    if work.name == "mlp":
        hidden = [dense(width, activation="sigmoid") for width in (256, 128, 64)]
        network = [keras.Input((28, 28)), layers.Flatten(), *hidden]
    else:
        maps = [(layers.Conv2D(count, 5, activation="relu"), layers.MaxPooling2D()) for count in (6, 16)]
        hidden = [dense(width, activation="relu") for width in (120, 84)]
        network = [keras.Input((32, 32, 1)), *maps[0], *maps[1], layers.Flatten(), *hidden]
    model = keras.Sequential([*network, dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(work.rate), loss, metrics=["accuracy"])
    (pictures, labels), held = work.data()
    if work.name == "lenet":
        pictures, held = pictures[..., None], (held[0][..., None], held[1])
    gate(0.0)
    fit = {"batch_size": work.batch_size, "verbose": 0, "callbacks": [waiting(gate, "val_accuracy")]}
    while True:  # each round its own call: TensorFlow's pipeline would sleep after the long wait within one
        model.fit(pictures, labels, validation_data=held, **fit)


def network(work: Work) -> Any:
    """The network as a PyTorch user writes it."""
    from torch import nn

    if work.name == "mlp":
        layers = [
            nn.Linear(784, 256),
            nn.Sigmoid(),
            nn.Linear(256, 128),
            nn.Sigmoid(),
            nn.Linear(128, 64),
            nn.Sigmoid(),
        ]
        return nn.Sequential(nn.Flatten(), *layers, nn.Linear(64, 10))
    maps = [nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    dense = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*maps, nn.Flatten(), *dense)


def tutorial(work: Work, gate: Gate) -> None:
    """PyTorch as its tutorials have it: DataLoader, `loss.item()` in every step."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader, TensorDataset

    train, held = (TensorDataset(torch.from_numpy(x)[:, None], torch.from_numpy(y)) for x, y in work.data())
    loader = DataLoader(train, work.batch_size, shuffle=True)
    validation = DataLoader(held, work.batch_size)
    model = network(work)
    optimizer = torch.optim.Adam(model.parameters(), work.rate)
    gate(0.0)
    while True:
        total = 0.0
        model.train()
        for pictures, labels in loader:
            loss = cross_entropy(model(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        right = 0
        with torch.no_grad():
            for pictures, labels in validation:
                right += (model(pictures).argmax(1) == labels).sum().item()
        gate(right / len(held))


def in_memory(work: Work, gate: Gate) -> None:
    """PyTorch as one writes it who knows it: data in one tensor, fused Adam, no waiting."""
    import torch
    from torch.nn.functional import cross_entropy

    train, held = (tuple(map(torch.from_numpy, part)) for part in work.data())
    pictures, labels = train[0][:, None], train[1]
    model = network(work)
    optimizer = torch.optim.Adam(model.parameters(), work.rate, fused=True)
    gate(0.0)
    while True:
        for rows in torch.randperm(len(labels)).split(work.batch_size):
            loss = cross_entropy(model(pictures[rows]), labels[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = (model(held[0][:, None]).argmax(1) == held[1]).sum()
        gate(right.item() / len(held[1]))


PEERS = (
    Peer(OURS, liuli, ("torch",)),
    Peer(SCRATCH, liuli, ("scratch",)),
    Peer("PyTorch in memory", in_memory),
    Peer("PyTorch tutorial", tutorial),
    Peer("Keras on JAX", keras, ("jax",), ("keras", "jax")),
    Peer("Keras on TensorFlow", keras, ("tensorflow",), ("keras", "tensorflow")),
    Peer("Keras on PyTorch", keras, ("torch",), ("keras",)),
)


def compared(work: Work, rounds: int) -> dict[str, dict[str, Any]]:
    title = f"{work.name}, batch {work.batch_size}: one epoch of 54,000 examples and 6,000 held out"
    return report(title, measure(PEERS, work, rounds), OURS, BARS[work.name])


if __name__ == "__main__":
    main(__doc__, {name: partial(compared, work) for name, work in WORKS.items()})
