"""What an epoch of `liuli train lstm` costs on the SMS Spam Collection, beside what one would write instead.

    pip install 'liuli[benchmarks,language]'
    LIULI_DATA=FOLDER python benchmarks/sentences.py [--quick] [--json FILE]

The same network (words → 20 features → LSTM of 15 units → one output), words, batch, optimizer, messages and
validation for all; whole epochs, for liuli with everything that its loop does. How the turns are timed: `rounds`.

Messages differ in length, and every peer leaves the padding out of its answer: Keras carries the state over it
(`mask_zero=True`), as its users do, and computes all 162 steps of every message; PyTorch takes the state after the last
word. "PyTorch, padded" computes all 162 steps too. "PyTorch by length" sorts the messages, cuts every batch at its
longest and shuffles the batches: what a user would write who knows what liuli does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from peers import keras_on, train, waiting
from rounds import Bar, Gate, Peer, main, measure, report

OURS = "liuli"
BARS = {"Keras on JAX": Bar(0.3)}
NAME, BATCH, RATE, WIDTH, UNITS = "lstm", 32, 5e-3, 20, 15


@dataclass(frozen=True)
class Work:
    """The recipe of the catalogue in words that every peer understands."""

    name: str = NAME

    @cache  # noqa: B019 (one for each process)
    def data(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], int]:
        """(words, labels) to train and to validate, int32 (N, 162) and int64 (N,), and how many words there are."""
        from dataclasses import replace

        from liuli import catalog
        from liuli.data import order, store

        task, loaded = catalog.find(self.name).task, store.load("sms-spam")
        train, held = order.hold_out(loaded.train, 0.1, 0)
        facts = replace(loaded.facts, learnt=task.learn(train, loaded.facts))
        parts = []
        for part in (train, held):
            words, labels = (tensor.numpy() for tensor in task.tensors(part, facts))
            parts.append((np.pad(words, ((0, 0), (0, task.length - words.shape[1]))), labels))  # type: ignore[attr-defined]
        return parts[0], parts[1], int(task.options(facts)["vocabulary"]) + 1  # type: ignore[call-overload]


def liuli(work: Work, gate: Gate) -> None:
    """The recipe, but with the validation that all have."""
    train(work.name, gate, lr=RATE, batch_size=BATCH, validation=0.1, warmup=0.0, augment="false")


def keras(work: Work, gate: Gate, backend: str) -> None:
    """`model.fit`, told to be silent."""
    keras = keras_on(backend)
    layers = keras.layers

    (words, labels), held, count = work.data()
    network = [
        keras.Input((words.shape[1],), dtype="int32"),
        layers.Embedding(count, WIDTH, mask_zero=True),
        layers.LSTM(UNITS),
        layers.Dense(1),
    ]
    model = keras.Sequential(network)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
    model.compile(keras.optimizers.Adam(RATE), loss, metrics=[accuracy])
    pause = waiting(gate, "val_accuracy")
    gate(0.0)
    while True:
        model.fit(words, labels, validation_data=held, batch_size=BATCH, verbose=0, callbacks=[pause])


def torch_user(work: Work, gate: Gate, how: str) -> None:
    """PyTorch as one writes it who knows it: data in one tensor, fused Adam, no waiting."""
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    (words, labels), held, count = work.data()
    train, truth = torch.from_numpy(words), torch.from_numpy(labels).float()
    held_words, held_labels = map(torch.from_numpy, held)
    lengths, held_lengths = ((part != 0).sum(1) for part in (train, held_words))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(count, WIDTH, padding_idx=0)
            self.lstm = nn.LSTM(WIDTH, UNITS, batch_first=True)
            self.output = nn.Linear(UNITS, 1)

        def forward(self, words: Any, lengths: Any) -> Any:
            states, _ = self.lstm(self.embedding(words))
            return self.output(states[torch.arange(len(words)), lengths - 1]).squeeze(1)

    model = Network()
    optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)

    def batches() -> list[Any]:
        order = torch.randperm(len(truth))
        if how == "padded":
            return list(order.split(BATCH))
        sorted_batches = order[lengths[order].argsort(stable=True)].split(BATCH)
        return [sorted_batches[place] for place in torch.randperm(len(sorted_batches)).tolist()]

    def cut(words: Any, lengths: Any) -> Any:
        return words if how == "padded" else words[:, : int(lengths.max())]

    gate(0.0)
    while True:
        for rows in batches():
            size = lengths[rows]
            loss = binary_cross_entropy_with_logits(model(cut(train[rows], size), size), truth[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        right = 0
        with torch.no_grad():
            for rows in held_lengths.argsort().split(BATCH):
                size = held_lengths[rows]
                right += int(((model(cut(held_words[rows], size), size) > 0) == held_labels[rows]).sum())
        gate(right / len(held_labels))


PEERS = (
    Peer(OURS, liuli),
    Peer("PyTorch by length", torch_user, ("by length",)),
    Peer("PyTorch, padded", torch_user, ("padded",)),
    Peer("Keras on JAX", keras, ("jax",), ("keras", "jax")),
    Peer("Keras on TensorFlow", keras, ("tensorflow",), ("keras", "tensorflow")),
)


def lstm(rounds: int) -> dict[str, dict[str, Any]]:
    measured = measure(PEERS, Work(), rounds)
    title = f"lstm, batch {BATCH}: one epoch of 3,995 messages and 444 held out"
    return report(title, measured, OURS, BARS)


if __name__ == "__main__":
    main(__doc__, {NAME: lstm})
