"""Greedy suppression in plain loops over boxes, in float64 (Bodla et al., 2017, algorithm 1), and its gradient.

Shapes: B pictures, M boxes of a picture; boxes (B, M, 4) by their corners, scores and classes (B, M).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def values(weights: dict[str, Array], boxes: Array, scores: Array, classes: Array, wanted: Array) -> dict[str, Array]:
    """The scores that are left by the hard rule, the loss, and the gradient by them; see `liuli.oracles`."""
    threshold = float(weights["threshold"])
    left = np.array([suppressed(*picture, threshold) for picture in zip(boxes, scores, classes, strict=True)])
    loss, slope = 0.0, np.zeros_like(left)
    for b in range(len(left)):
        real = [m for m in range(left.shape[1]) if classes[b, m] >= 0]
        for m in real:
            off = left[b, m] - (scores[b, m] if wanted[b, m] else 0.0)
            loss += off**2 / len(real) / len(left)
            slope[b, m] = 2 * off / len(real) / len(left)
    return {"forward": left, "loss": np.array(loss), "gradient of forward": slope}


def suppressed(
    boxes: Array, scores: Array, classes: Array, threshold: float, rule: str = "hard"
) -> NDArray[np.float64]:
    """The scores that are left of one picture's boxes."""
    left = [float(score) for score in scores]
    waiting = [m for m in range(len(left)) if classes[m] >= 0]
    while waiting:
        taken = max(waiting, key=lambda m: (left[m], -m))
        waiting.remove(taken)
        for m in waiting:
            overlap = iou(boxes[taken], boxes[m])
            if classes[m] != classes[taken]:
                continue
            if rule == "gaussian":
                left[m] *= float(np.exp(-(overlap**2) / threshold))
            elif overlap > threshold:
                left[m] *= 1 - overlap if rule == "linear" else 0.0
    return np.array(left)


def iou(one: Array, other: Array) -> float:
    """Area of the intersection over area of the union."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(both / max(sum(areas) - both, 1e-12))
