"""Keras 3 in float64 on JAX: other layers, other arithmetic and another way to differentiate than PyTorch's.

(Keras on its PyTorch backend would run the same convolutions and the same autograd as what it judges.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import keras
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Outputs = dict[str, Any]

if keras.backend.backend() != "jax":
    raise RuntimeError(f"Keras already runs on {keras.backend.backend()} in this process; the oracle needs JAX")
jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")


def as_keras(weights: Mapping[str, Array], name: str) -> list[Array]:
    """Weight and bias of a dense layer or convolution in Keras's order: (in, out) and (height, width, in, out)."""
    weight = weights[f"{name}.weight"]
    return [weight.T if weight.ndim == 2 else weight.transpose(2, 3, 1, 0), weights[f"{name}.bias"]]


def as_torch(weight: Array) -> Array:
    """The way back."""
    return weight.T if weight.ndim == 2 else weight.transpose(3, 2, 0, 1)


def differentiate(
    run: Callable[[dict[str, list[Any]], dict[str, Any]], tuple[Any, Outputs]],
    variables: dict[str, list[Any]],
    names: Iterable[str],
) -> dict[str, Array]:
    """Everything that `run(variables, nudges) -> (loss, outputs)` computes, and all its gradients.

    `run` adds nudges[name] to the output of each layer: they are zero, and the gradient by a nudge is
    the gradient by the output.
    """
    _, shapes = jax.eval_shape(run, variables, dict.fromkeys(names, 0.0))
    nudges = {name: np.zeros(shapes[name].shape) for name in names}
    gradients = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))
    (loss, outputs), (by_variable, by_output) = gradients(variables, nudges)
    result = {**outputs, "loss": loss}
    result |= {f"gradient of {name}": gradient for name, gradient in by_output.items()}
    for name, (weight, bias) in by_variable.items():
        result |= {f"gradient of {name}.weight": as_torch(weight), f"gradient of {name}.bias": bias}
    return {name: np.asarray(value, dtype=np.float64) for name, value in result.items()}
