"""Style transfer in float64 on JAX: Gram matrices by einsum, slopes by JAX's own differentiation.

Shapes: R pictures (the painting, B contents, B styles), C maps of H × W. Values under a convolution's name are before
its ReLU, those under a fire module's name after. The weights of the losses are those of the recipe.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
from jax import lax

Array = NDArray[np.float64]

BLUE_GREEN_RED = jnp.array([104.0, 117.0, 123.0])
STYLE, ROUGHNESS = 0.05, 30_000.0  # against the content's 1
WINDOWS = {"squeeze1x1": 0, "expand1x1": 0, "expand3x3": 1}  # and their padding


def values(weights: dict[str, Array], content: Array, style: Array, *batch: Array) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    with jax.enable_x64(True):
        return in_float64(weights, jnp.asarray(content), jnp.asarray(style))


def in_float64(weights: dict[str, Array], content: Any, style: Any) -> dict[str, Array]:
    """The same, where JAX computes in float64."""
    fires = [f"fire{number}" for number in (2, 3, 4, 5)]
    names = ["conv1", *fires, *(f"{fire}.{window}" for fire in fires for window in WINDOWS), "forward"]

    def run(painting: Any, nudges: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        outputs = {}

        def out(name: str, value: Any) -> Any:
            outputs[name] = value + nudges[name]  # zeros: the slope by a nudge is the slope by the output
            return outputs[name]

        def convolution(name: str, x: Any, stride: int, padding: int) -> Any:
            z = lax.conv_general_dilated(x, weights[f"{name}.weight"], (stride, stride), [(padding, padding)] * 2)
            return out(name, z + weights[f"{name}.bias"].reshape(1, -1, 1, 1))

        def fire(name: str, x: Any) -> Any:
            few = jnp.maximum(convolution(f"{name}.squeeze1x1", x, 1, 0), 0)
            both = [convolution(f"{name}.{window}", few, 1, WINDOWS[window]) for window in ("expand1x1", "expand3x3")]
            return out(name, jnp.maximum(jnp.concatenate(both, axis=1), 0))

        pictures = jnp.concatenate([painting[None], content, style])
        seen = jnp.stack([255 * pictures[:, 2 - colour] - BLUE_GREEN_RED[colour] for colour in range(3)], axis=1)
        first = jnp.maximum(convolution("conv1", seen, 2, 0), 0)
        third = fire("fire3", fire("fire2", pooled(first)))
        fourth = fire("fire4", pooled(third))
        fifth = fire("fire5", fourth)

        count = len(content)
        parts = []
        for n in range(count):
            of_content = jnp.mean((third[0] - third[1 + n]) ** 2)
            of_style = STYLE * sum(style_loss(maps[0], maps[1 + count + n]) for maps in (first, third, fourth, fifth))
            down, across = painting[:, 1:] - painting[:, :-1], painting[:, :, 1:] - painting[:, :, :-1]
            of_roughness = ROUGHNESS * (jnp.mean(down**2) + jnp.mean(across**2))
            parts.append(jnp.stack([of_content, of_style, of_roughness]))
        answer = out("forward", jnp.stack(parts))
        return jnp.sum(answer) / count, outputs

    painting = jnp.asarray(weights["painting"])
    _, shapes = jax.eval_shape(run, painting, dict.fromkeys(names, 0.0))
    nudges = {name: jnp.zeros(shapes[name].shape) for name in names}
    (loss, outputs), (slope, slopes) = jax.value_and_grad(run, argnums=(0, 1), has_aux=True)(painting, nudges)
    found = {**outputs, "loss": loss, "gradient of painting": slope}
    found |= {f"gradient of {name}": value for name, value in slopes.items()}
    return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}


def pooled(x: Any) -> Any:
    """The largest of each 3 × 3 window, two apart; a last window that hangs over the rim sees what there is."""
    over = [(0, (length - 3) % 2) for length in x.shape[2:]]
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 3, 3), (1, 1, 2, 2), [(0, 0), (0, 0), *over])


def style_loss(one: Any, other: Any) -> Any:
    """Equation 4: Σ_ij (G_ij − A_ij)² / (4 N² M²), G_ij = Σ_k F_ik F_jk over the M places of N maps."""
    n, m = one.shape[0], one.shape[1] * one.shape[2]
    gram, target = (jnp.einsum("ihw,jhw->ij", maps, maps) for maps in (one, other))
    return jnp.sum((gram - target) ** 2) / (4 * n**2 * m**2)
