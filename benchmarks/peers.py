"""What several benchmarks let compete: `liuli train` itself, and Keras on one of its backends; see `rounds`."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from rounds import Gate


class Lines:
    """A file that waits at the gate when it is given the line of an epoch."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def write(self, text: str) -> int:
        epoch = re.search(r"epoch +\d+/.*accuracy (\d\.\d+)", text)
        if epoch:
            self.gate(float(epoch.group(1)))
        return len(text)

    def flush(self) -> None:
        pass


def train(name: str, gate: Gate, engine: str = "torch", **settings: object) -> None:
    """`liuli train` with these settings, whose line at the end of each epoch opens the gate."""
    from rich.console import Console

    from liuli.training import fit

    console = Console(file=Lines(gate), width=200)  # type: ignore[arg-type]
    settings["patience"] = "none"
    gate(0.0)
    with tempfile.TemporaryDirectory() as folder:
        fit.train(name, epochs=1000, engine=engine, settings=settings, out=Path(folder) / "run", console=console)


def keras_on(backend: str) -> Any:
    """Keras, told to be silent; once for a process."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    return keras


def waiting(gate: Gate, accuracy: str) -> Any:
    """A callback of Keras that opens the gate after an epoch and counts from the beginning of the next.

    Args:
        accuracy: the key of the figure among Keras's logs.
    """
    import keras

    class Wait(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: object) -> None:
            gate.begun = gate.clock()

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            gate(logs[accuracy])

    return Wait()
