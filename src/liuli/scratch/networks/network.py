"""What every network has: its parameters by name, and a way from pictures to scores."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.scratch.operations import convolution, dense
from liuli.scratch.tape import Array, Tensor


class Network(ABC):
    """Parameters, and the calculation that they are for.

    A layer called `c1` has the parameters `c1.weight` and `c1.bias`: the names and shapes that the PyTorch
    network of the same system has, so that weights travel both ways.

    Attributes:
        parameters: every number that is learnt, by name, float32.
    """

    @abstractmethod
    def __init__(self, rng: np.random.Generator, classes: int = 10) -> None:
        self.parameters: dict[str, Tensor] = {}

    @abstractmethod
    def __call__(self, pictures: Array, training: bool = False) -> Tensor:
        """Scores of each class, before the softmax.

        Args:
            pictures: (B, 1, H, W), in the precision of the parameters.
            training: what learning does and answering does not, such as dropout, is done.

        Returns:
            (B, classes)
        """

    def add_layer(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        """Draw the first weights and biases of a layer, evenly from ±1/√n, n the inputs of one of its neurons.

        A sum of n inputs then has a variance that does not grow with n, so that a wide layer begins no louder than a
        narrow one (LeCun, Bottou, Orr & Müller, Efficient backprop, 1998). And no two neurons begin alike: alike
        they would get the same gradient for ever.

        Shapes: `shape` of the weight: (out, in), or (maps, channels, kh, kw); of the bias: its first length.
        """
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.parameters[f"{name}.weight"] = Tensor(rng.uniform(-bound, bound, shape).astype(np.float32))
        self.parameters[f"{name}.bias"] = Tensor(rng.uniform(-bound, bound, shape[0]).astype(np.float32))

    def dense(self, name: str, x: Tensor) -> Tensor:
        """The dense layer called `name`."""
        return dense(x, self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"])

    def convolution(self, name: str, x: Tensor) -> Tensor:
        """The convolution called `name`."""
        return convolution(x, self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"])

    def weights(self) -> dict[str, Array]:
        """A copy of every parameter's value, by name: what is saved."""
        return {name: parameter.value.copy() for name, parameter in self.parameters.items()}

    def load(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take the values of `weights`, by name.

        Raises:
            ValueError: a name is missing or unknown, or a shape is another.
        """
        shapes = {name: parameter.value.shape for name, parameter in self.parameters.items()}
        given = {name: array.shape for name, array in weights.items()}
        if given != shapes:
            raise ValueError(f"the weights are {given}, expected {shapes}")
        for name, array in weights.items():
            self.parameters[name].value[...] = array
