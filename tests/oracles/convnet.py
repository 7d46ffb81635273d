"""The convnet in Keras 3 (`Conv2D`, `MaxPooling2D`, `Flatten`, `Dropout`, `Dense`) on JAX, in float64.

Formulas of Keras 3.15, read in its source: Conv2D is the cross-correlation, padding "valid"; pooling takes
strides of its own size; Flatten ("channels_last" or not) keeps the axes as they come: channels first, as ours;
Dropout silences with probability `rate` and divides what it keeps by 1 − rate. The last draws its own mask,
so with dropout on, that formula is applied to the mask that was drawn for the network under test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.keras_on_jax import Array, as_keras, differentiate, keras

RATE = 0.5
NAMES = ("conv1", "conv2", "dropout", "output", "forward")


def values(
    weights: dict[str, Array], inputs: Array, labels: NDArray[np.int64], kept: dict[str, Array] | None = None
) -> dict[str, Array]:
    """Every layer's output (before the ReLU), the loss, and every gradient; see `liuli.oracles`."""
    layers = {
        "conv1": keras.layers.Conv2D(32, 3, data_format="channels_first", kernel_initializer="zeros"),
        "conv2": keras.layers.Conv2D(64, 3, data_format="channels_first", kernel_initializer="zeros"),
        "output": keras.layers.Dense(10, kernel_initializer="zeros"),
    }
    for name, shape in (("conv1", (None, 1, 28, 28)), ("conv2", (None, 32, 13, 13)), ("output", (None, 64 * 5 * 5))):
        layers[name].build(shape)
        layers[name].set_weights(as_keras(weights, name))
    pool = keras.layers.MaxPooling2D(2, data_format="channels_first")
    dropout = keras.layers.Dropout(RATE)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def run(variables: dict[str, list[Any]], nudges: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        def layer(name: str, x: Any) -> Any:
            return layers[name].stateless_call(variables[name], [], x)[0] + nudges[name]

        conv1 = layer("conv1", inputs)
        conv2 = layer("conv2", pool(keras.activations.relu(conv1)))
        features = keras.layers.Flatten("channels_last")(pool(keras.activations.relu(conv2)))
        off = dropout(features, training=False)
        dropped = (off if kept is None else features * kept["dropout"] / (1 - RATE)) + nudges["dropout"]
        output = layer("output", dropped)
        forward = output + nudges["forward"]
        outputs = {"conv1": conv1, "conv2": conv2, "dropout": dropped, "output": output, "forward": forward}
        return cross_entropy(labels, forward), outputs

    variables = {name: [variable.value for variable in one.trainable_variables] for name, one in layers.items()}
    return differentiate(run, variables, NAMES)
