"""FCN-8s on SqueezeNet, forward and backward by hand in float64 NumPy and SciPy.

A transposed convolution is written as its other name says: zeros are put between the places of a map, and a kernel is
convolved with it, by Fourier transforms.

Shapes: B batch, K classes; pictures (B, 3, H, W), scores (B, K, H, W), labels (B, H, W), where K is no label. A
gradient by a value is called d_ and the value's name; values under a convolution's name are before its ReLU, those
under a fire module's name after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import logsumexp

from liuli.oracles.convolutions import Pass, places, relu, rimmed
from liuli.oracles.loops import Array


class FirePass(Pass):
    """One pass through the network."""

    def fire(self, name: str, x: Array) -> Array:
        """Few maps, then two kinds of windows beside one another."""
        few = relu(self.convolution(f"{name}.squeeze1x1", x))
        both = [self.convolution(f"{name}.expand{window}", few) for window in ("1x1", "3x3")]
        return self.keep(name, relu(np.concatenate(both, axis=1)))

    def back_through_fire(self, name: str, dy: Array) -> Array:
        """The gradient by the module's input, from that by its output."""
        self.keep(f"gradient of {name}", dy)
        halves = np.split(dy * (self.values[name] > 0), 2, axis=1)
        d_few = sum(
            self.back_through_convolution(f"{name}.expand{window}", half)
            for window, half in zip(("1x1", "3x3"), halves, strict=True)
        )
        squeezed = f"{name}.squeeze1x1"
        return self.back_through_convolution(squeezed, d_few * (self.values[squeezed] > 0))

    def pool(self, name: str, x: Array) -> Array:
        """The largest of 3 × 3 places about every second one, those beyond the rim left out."""
        padded = rimmed(x, 3, -np.inf)
        stacked = np.stack([padded[:, :, rows, columns] for _, _, rows, columns in places(x, 3, 2)])
        self.seen[name], self.seen[f"{name} chosen"] = x, stacked.argmax(0)
        return stacked.max(0)

    def back_through_pool(self, name: str, dy: Array) -> Array:
        """To the place that was the largest, the first of equals."""
        x, chosen = self.seen[name], self.seen[f"{name} chosen"]
        d_padded = np.zeros_like(rimmed(x, 3))
        for place, (_, _, rows, columns) in enumerate(places(x, 3, 2)):
            d_padded[:, :, rows, columns] += dy * (chosen == place)
        return d_padded[:, :, 1:-1, 1:-1]

    def up(self, name: str, x: Array, like: Array) -> Array:
        """Every place s pixels from the next, zeros between, under a kernel of 2s − 1; so large as `like`."""
        weight = self.weights[f"{name}.weight"]
        times = (weight.shape[2] + 1) // 2
        further = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)), mode="edge")
        sparse = np.zeros((*x.shape[:2], times * x.shape[2] + 1, times * x.shape[3] + 1))
        sparse[:, :, ::times, ::times] = further
        self.seen[name] = sparse
        whole = fftconvolve(sparse[:, :, None], weight[None], axes=(-2, -1)).sum(1)  # (B, K, …)
        first, (height, width) = times - 1, like.shape[2:]
        return self.keep(name, whole[:, :, first : first + height, first : first + width])

    def back_through_up(self, name: str, dy: Array) -> Array:
        """The gradient by x, from that by y."""
        weight, sparse = self.weights[f"{name}.weight"], self.seen[name]
        times = (weight.shape[2] + 1) // 2
        size = (a + b - 1 for a, b in zip(sparse.shape[2:], weight.shape[2:], strict=True))
        d_whole = np.zeros((*dy.shape[:2], *size))
        d_whole[:, :, times - 1 : times - 1 + dy.shape[2], times - 1 : times - 1 + dy.shape[3]] = dy
        d_sparse = correlated(d_whole[:, None], weight[None]).sum(2)
        self.keep(f"gradient of {name}", dy)
        self.keep(f"gradient of {name}.weight", correlated(d_whole[:, None], sparse[:, :, None]).sum(0))
        dx = d_sparse[:, :, ::times, ::times].copy()
        dx[:, :, -2] += dx[:, :, -1]
        dx[:, :, :, -2] += dx[:, :, :, -1]
        return dx[:, :, :-1, :-1]


def values(weights: dict[str, Array], pictures: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    run = FirePass(weights)
    bytes_ = 255 * pictures[:, ::-1] - weights["mean"]
    pool1 = run.pool("pool1", relu(run.convolution("conv1", bytes_, 2)))
    pool3 = run.pool("pool3", run.fire("fire3", run.fire("fire2", pool1)))
    fire5 = run.fire("fire5", run.fire("fire4", pool3))
    x = run.pool("pool5", fire5)
    for number in (6, 7, 8, 9):
        x = run.fire(f"fire{number}", x)
    top = relu(run.convolution("top", run.pool("pool9", x)))

    coarse = run.convolution("score32", top)
    middle = run.up("up16", coarse, x) + run.convolution("score16", x)
    fine = run.up("up8", middle, fire5) + run.convolution("score8", fire5)
    scores = run.keep("forward", run.up("up", fine, pictures))
    loss, d_scores = mean_cross_entropy(scores, labels)
    run.keep("loss", loss)

    run.keep("gradient of forward", d_scores)
    d_fine = run.back_through_up("up", d_scores)
    d_fire5 = run.back_through_convolution("score8", d_fine)
    d_middle = run.back_through_up("up8", d_fine)
    dx = run.back_through_convolution("score16", d_middle)
    d_top = run.back_through_convolution("score32", run.back_through_up("up16", d_middle))
    dx = dx + run.back_through_pool("pool9", run.back_through_convolution("top", d_top * (top > 0)))
    for number in (9, 8, 7, 6):
        dx = run.back_through_fire(f"fire{number}", dx)
    dx = run.back_through_fire("fire5", d_fire5 + run.back_through_pool("pool5", dx))
    dx = run.back_through_pool("pool3", run.back_through_fire("fire4", dx))
    dx = run.back_through_fire("fire2", run.back_through_fire("fire3", dx))
    d_conv1 = run.back_through_pool("pool1", dx) * (run.values["conv1"] > 0)
    run.back_through_convolution("conv1", d_conv1, 2)
    return run.values


def mean_cross_entropy(scores: Array, labels: NDArray[np.int64]) -> tuple[Array, Array]:
    """Mean over the labelled pixels of −ln softmax(scores)[label], and its gradient (B, K, H, W)."""
    logarithms = scores - logsumexp(scores, axis=1, keepdims=True)
    probabilities = np.exp(logarithms)
    known = list(zip(*np.nonzero(labels < scores.shape[1]), strict=True))
    loss, gradient = 0.0, np.zeros_like(scores)
    for n, i, j in known:
        label = labels[n, i, j]
        loss -= logarithms[n, label, i, j] / len(known)
        gradient[n, :, i, j] = probabilities[n, :, i, j] / len(known)
        gradient[n, label, i, j] -= 1 / len(known)
    return np.array(loss), gradient


def correlated(x: Array, y: Array) -> Array:
    """Σ over the places of y of x under it, where all of y is inside x."""
    return fftconvolve(x, y[..., ::-1, ::-1], mode="valid", axes=(-2, -1))
