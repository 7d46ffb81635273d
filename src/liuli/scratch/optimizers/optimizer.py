"""What every optimizer has in common.

A parameter w knows its gradient g = ∂L/∂w: which way the loss grows, and how fast. An optimizer takes a step the
other way. How long a step, and what it remembers of earlier ones, is what sets one apart from another.

Each parameter has a shape of its own, but the step is the same for every number. So all parameters are
laid in a row, in one long array, of which each parameter's value is then a view; and so are the gradients. A
step is a few lines of arithmetic over whole arrays, taken block by block, so that a block is still in
the processor's cache when the next line comes to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.scratch.tape import Array, Tensor

BLOCK = 2**15
"""Numbers in a block: 128 KiB in float32."""


class Optimizer(ABC):
    """Changes parameters by their gradients.

    Attributes:
        learning_rate: the length of a step; may be set anew before any step.
        parameters: what it changes, by name.
        weights: all of their values in a row (N). Each parameter's `value` is a view into it.
        gradients: all of their gradients in a row (N).
        blocks: (weights, gradients, memories …, room to calculate in), piece by piece.
        state: all that is remembered from step to step. Saved, and given to `restore` of an
            optimizer of the same kind over the same parameters, it goes on with the same bits.
    """

    memories: tuple[str, ...] = ()
    """Arrays like `weights` that the optimizer keeps in its state, zero at first."""

    def __init__(self, parameters: Mapping[str, Tensor], learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.parameters = dict(parameters)
        self.weights, self.gradients = lay_in_a_row(self.parameters)
        memories = {name: np.zeros_like(self.weights) for name in self.memories}
        self.blocks = cut_into_blocks(self.weights, self.gradients, *memories.values(), np.empty_like(self.weights))
        self.state: dict[str, NDArray[Any]] = {"steps": np.zeros((), np.int64), **memories}

    def step(self) -> None:
        """Change every parameter by its gradient."""
        self.fill_gradients()
        self.state["steps"] += 1
        for block in self.blocks:
            self.update(block, int(self.state["steps"]))

    @abstractmethod
    def update(self, block: tuple[Array, ...], steps: int) -> None:
        """The formula for one of the `blocks`, in place; `steps` counts from 1, this one included."""

    def fill_gradients(self) -> None:
        """A parameter that the loss did not reach has gradient zero."""
        for parameter in self.parameters.values():
            if parameter.gradient is None:
                parameter.receive(np.zeros_like(parameter.value))

    def clear_gradients(self) -> None:
        """Forget the gradients, which else add up over several `backward`."""
        for parameter in self.parameters.values():
            parameter.gradient = None

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a saved `state`.

        Raises:
            ValueError: it is of another kind of optimizer, or of other parameters.
        """
        shapes = {name: array.shape for name, array in self.state.items()}
        given = {name: array.shape for name, array in state.items()}
        if given != shapes:
            raise ValueError(f"the saved state holds {given}, expected {shapes}")
        for name, array in state.items():
            self.state[name][...] = array


def lay_in_a_row(parameters: Mapping[str, Tensor]) -> tuple[Array, Array]:
    """One array for all values (N) and one for all gradients (N); those of each parameter become views into them."""
    weights = np.concatenate([parameter.value.ravel() for parameter in parameters.values()])  # (N)
    gradients = np.zeros_like(weights)  # (N)
    start = 0
    for parameter in parameters.values():
        shape, stop = parameter.value.shape, start + parameter.value.size
        parameter.value = weights[start:stop].reshape(shape)
        parameter.buffer = gradients[start:stop].reshape(shape)
        parameter.gradient = None
        start = stop
    return weights, gradients


def cut_into_blocks(*arrays: Array) -> list[tuple[Array, ...]]:
    """The same piece of every array, for one piece after the other; each a view of at most `BLOCK` numbers."""
    starts = range(0, len(arrays[0]), BLOCK)
    return [tuple(array[start : start + BLOCK] for array in arrays) for start in starts]


def clip_gradients(optimizer: Optimizer, largest: float) -> float:
    """Shorten the whole gradient to the length `largest` where it is longer; returns the length that it had.

    The direction stays. Where the loss is steep as a cliff, one step does not throw all away that was learnt.
    (Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, 2013)
    """
    optimizer.fill_gradients()
    length = float(np.linalg.norm(optimizer.gradients))
    if length > largest:
        optimizer.gradients *= largest / length
    return length
