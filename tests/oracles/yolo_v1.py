"""YOLO in float64: the five-part loss and its gradient in plain loops over cells, boxes and classes, from the paper.

The network below it is computed window by window in NumPy; its gradient by hand, step by step backward on a tape.

Shapes: B batch, S cells along a side, C classes, M boxes of truth; pictures (B, 3, H, W), the output (B, S, S, 10 + C):
twice (x, y, √w, √h, confidence), then the classes. Truth (B, M, 5): class, −1 where there is none, and corners.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COORD, NOOBJ = 5.0, 0.5
BLUE_GREEN_RED = (104.0, 117.0, 123.0)
FIRES = ("fire2", "fire3", "fire4", "fire5", "fire6", "fire7", "fire8", "fire9")
POOLED_BEFORE = ("fire2", "fire4", "fire6")
FROZEN = ("conv1", "fire2", "fire3")


def values(weights: dict[str, Array], inputs: Array, truth: Array, *sizes: Array) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    tape = Tape(weights)
    seen = 255 * inputs[:, ::-1] - np.array(BLUE_GREEN_RED).reshape(1, 3, 1, 1)
    x = tape.rectified(tape.convolution("conv1", seen, stride=2, rim=1))
    for fire in FIRES:
        x = tape.fire(fire, tape.pooled(x) if fire in POOLED_BEFORE else x)
    x = tape.normalised("norm", tape.convolution("head", x, stride=1, rim=1))
    z = tape.convolution("output", tape.rectified(x, leak=0.1), stride=1, rim=0)
    forward = np.moveaxis(z, 1, 3)
    total, slope = loss(forward, truth.astype(np.float64))
    tape.gradients["output"] = np.moveaxis(slope, 3, 1)
    tape.backward()
    found = {**tape.outputs, "forward": forward, "loss": np.array(total), "gradient of forward": slope}
    return found | {f"gradient of {name}": value for name, value in tape.gradients.items()}


def loss(output: Array, truth: Array) -> tuple[float, Array]:
    """Redmon et al., 2016, equation 3, mean over the batch, and its gradient by the output."""
    batch, side = output.shape[:2]
    total, slope = 0.0, np.zeros_like(output)
    for b in range(batch):
        for row in range(side):
            for column in range(side):
                thing: Any = first_in_cell(truth[b], row, column, side)
                cell, d_cell = output[b, row, column], slope[b, row, column]
                overlaps = [0.0, 0.0]
                if thing is not None:
                    overlaps = [iou(box_of(cell[5 * j : 5 * j + 4], row, column, side), thing[1:]) for j in (0, 1)]
                responsible = None if thing is None else int(overlaps[1] > overlaps[0])
                for j in (0, 1):
                    confidence = cell[5 * j + 4]
                    if j != responsible:
                        total += NOOBJ * confidence**2 / batch
                        d_cell[5 * j + 4] += 2 * NOOBJ * confidence / batch
                        continue
                    x1, y1, x2, y2 = thing[1:]
                    wanted = [
                        (x1 + x2) / 2 * side - column,
                        (y1 + y2) / 2 * side - row,
                        np.sqrt(x2 - x1),
                        np.sqrt(y2 - y1),
                    ]
                    for k in range(4):
                        off = cell[5 * j + k] - wanted[k]
                        total += COORD * off**2 / batch
                        d_cell[5 * j + k] += 2 * COORD * off / batch
                    total += (confidence - overlaps[j]) ** 2 / batch
                    d_cell[5 * j + 4] += 2 * (confidence - overlaps[j]) / batch
                if thing is not None:
                    for c in range(output.shape[3] - 10):
                        off = cell[10 + c] - float(c == int(thing[0]))
                        total += off**2 / batch
                        d_cell[10 + c] += 2 * off / batch
    return total, slope


def first_in_cell(things: Array, row: int, column: int, side: int) -> Any:
    """The first thing whose centre is in the cell, or None."""
    for thing in things:
        name, x1, y1, x2, y2 = thing
        at = (min(int((y1 + y2) / 2 * side), side - 1), min(int((x1 + x2) / 2 * side), side - 1))
        if name >= 0 and at == (row, column):
            return thing
    return None


def box_of(numbers: Array, row: int, column: int, side: int) -> tuple[float, float, float, float]:
    """Corners from what a cell says."""
    x, y = (numbers[0] + column) / side, (numbers[1] + row) / side
    w, h = numbers[2] ** 2, numbers[3] ** 2
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def iou(one: Any, other: Any) -> float:
    """Area of the intersection over area of the union."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(both / (sum(areas) - both))


class Tape:
    """Steps forward, each of which leaves behind how to go back; gradients are held by the arrays themselves."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.outputs: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.slopes: dict[int, Array] = {}
        self.steps: list[tuple[Array, Callable[[Array], None]]] = []
        self.names: dict[int, str] = {}

    def step(self, y: Array, back: Callable[[Array], None], name: str = "") -> Array:
        """Note a value that was made, and how its gradient goes on."""
        self.steps.append((y, back))
        if name:
            self.outputs[name] = y
            self.names[id(y)] = name
        return y

    def add(self, x: Array, slope: Array) -> None:
        """A further part of the gradient by x."""
        self.slopes[id(x)] = self.slopes.get(id(x), 0.0) + slope

    def backward(self) -> None:
        """From the gradient by the output to all others."""
        for y, back in reversed(self.steps):
            name = self.names.get(id(y), "")
            slope = self.gradients[name] if name == "output" else self.slopes[id(y)]
            if name:
                self.gradients[name] = slope
            back(slope)

    def convolution(self, name: str, x: Array, stride: int, rim: int) -> Array:
        """y[o,i,j] = b[o] + Σ_c Σ_u Σ_v w[o,c,u,v] x[c, s i + u − rim, s j + v − rim]."""
        w = self.weights[f"{name}.weight"]
        b = self.weights.get(f"{name}.bias")
        padded = np.pad(x, ((0, 0), (0, 0), (rim, rim), (rim, rim)))
        high, wide = ((padded.shape[axis] - w.shape[axis]) // stride + 1 for axis in (2, 3))
        windows = {
            (u, v): np.s_[:, :, u : u + stride * (high - 1) + 1 : stride, v : v + stride * (wide - 1) + 1 : stride]
            for u, v in np.ndindex(w.shape[2:])
        }
        y = (
            np.zeros((len(x), len(w), high, wide))
            if b is None
            else np.tile(b.reshape(-1, 1, 1), (len(x), 1, high, wide))
        )
        for (u, v), window in windows.items():
            y += np.moveaxis(np.tensordot(w[:, :, u, v], padded[window], axes=(1, 1)), 1, 0)

        def back(dy: Array) -> None:
            dw, dx = np.zeros_like(w), np.zeros_like(padded)
            for (u, v), window in windows.items():
                dw[:, :, u, v] = np.tensordot(dy, padded[window], axes=((0, 2, 3), (0, 2, 3)))
                dx[window] += np.moveaxis(np.tensordot(w[:, :, u, v], dy, axes=(0, 1)), 1, 0)
            if not name.startswith(FROZEN):
                self.gradients[f"{name}.weight"] = dw
                if b is not None:
                    self.gradients[f"{name}.bias"] = dy.sum((0, 2, 3))
            self.add(x, dx[:, :, rim : rim + x.shape[2], rim : rim + x.shape[3]])

        return self.step(y, back, name)

    def rectified(self, x: Array, leak: float = 0.0) -> Array:
        """x where it is positive, else `leak` times x."""
        return self.step(np.where(x > 0, x, leak * x), lambda dy: self.add(x, np.where(x > 0, dy, leak * dy)))

    def pooled(self, x: Array) -> Array:
        """The largest of each 3 × 3 window, two apart; a last window that hangs over the rim sees what there is."""
        high, wide = (-(-(side - 3) // 2) + 1 for side in x.shape[2:])
        y, chosen = np.zeros((*x.shape[:2], high, wide)), {}
        for b, c, i, j in np.ndindex(y.shape):
            window = x[b, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            u, v = np.unravel_index(int(np.argmax(window)), window.shape)
            y[b, c, i, j] = window[u, v]
            chosen[b, c, i, j] = (b, c, 2 * i + u, 2 * j + v)

        def back(dy: Array) -> None:
            dx = np.zeros_like(x)
            for place, source in chosen.items():
                dx[source] += dy[place]
            self.add(x, dx)

        return self.step(y, back)

    def fire(self, name: str, x: Array) -> Array:
        """Squeezed through a few maps, then expanded by two kinds of windows side by side."""
        few = self.rectified(self.convolution(f"{name}.squeeze1x1", x, stride=1, rim=0))
        one = self.convolution(f"{name}.expand1x1", few, stride=1, rim=0)
        other = self.convolution(f"{name}.expand3x3", few, stride=1, rim=1)
        parts = one.shape[1]

        def back(dy: Array) -> None:
            self.add(one, dy[:, :parts])
            self.add(other, dy[:, parts:])

        both = self.step(np.concatenate([one, other], axis=1), back)
        y = self.rectified(both)
        self.outputs[name] = y
        self.names[id(y)] = name
        return y

    def normalised(self, name: str, x: Array) -> Array:
        """γ (x − mean) / √(variance + 1e-5) + β, of the means kept while training."""
        mean, variance, scale, shift = (
            self.weights[f"{name}.{part}"].reshape(1, -1, 1, 1)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        even = (x - mean) / np.sqrt(variance + 1e-5)

        def back(dy: Array) -> None:
            self.gradients[f"{name}.weight"] = (dy * even).sum((0, 2, 3))
            self.gradients[f"{name}.bias"] = dy.sum((0, 2, 3))
            self.add(x, dy * scale / np.sqrt(variance + 1e-5))

        return self.step(scale * even + shift, back, name)
