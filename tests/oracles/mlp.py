"""The multilayer perceptron in Keras 3 (`Dense`, `sigmoid`, `SparseCategoricalCrossentropy`) on JAX, in float64.

Formulas of Keras 3.15, read in its source: Dense is x @ kernel + bias; sigmoid is 1 / (1 + e⁻ˣ), without a
cut-off; the cross-entropy from logits is −log_softmax(z)[label], averaged over the batch, without smoothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.keras_on_jax import Array, as_keras, differentiate, keras

UNITS = {"hidden1": 256, "hidden2": 128, "hidden3": 64, "output": 10}


def values(weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Every layer's output (before the sigmoid), the loss, and every gradient; see `liuli.oracles`."""
    layers = {name: keras.layers.Dense(units, kernel_initializer="zeros") for name, units in UNITS.items()}
    width = 28 * 28
    for name, units in UNITS.items():
        layers[name].build((None, width))
        layers[name].set_weights(as_keras(weights, name))
        width = units
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def run(variables: dict[str, list[Any]], nudges: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        outputs = {}
        z = a = keras.layers.Flatten()(inputs)
        for name, layer in layers.items():
            z = layer.stateless_call(variables[name], [], a)[0] + nudges[name]
            outputs[name] = z
            a = keras.activations.sigmoid(z)
        outputs["forward"] = z + nudges["forward"]
        return cross_entropy(labels, outputs["forward"]), outputs

    variables = {name: [variable.value for variable in layer.trainable_variables] for name, layer in layers.items()}
    return differentiate(run, variables, [*UNITS, "forward"])
