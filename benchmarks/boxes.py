"""What suppressing the doubles among 10,000 boxes costs, beside torchvision and the textbook's loop in NumPy.

    python benchmarks/boxes.py [--quick] [--json FILE] [detector|classes|scattered]

IoU threshold 0.5, float32, one thread; in every round each peer suppresses 10 times. Three kinds of boxes in 640 × 480:
as a detector gives them, many around each of 50 things of 20 classes; anywhere, of 80 classes; anywhere, all of one
class, where the most are left and the most pairs must be looked at. What stands for an accuracy is the share of boxes
that are left, which must be the same for all. Bar: 50 ms for 10,000 boxes (`MOST`).
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from rounds import Gate, Peer, main, measure, report

OURS = "liuli"
BOXES, TIMES, THRESHOLD = 10_000, 10, 0.5
MOST = 0.050  # seconds for 10,000 boxes
KINDS = {
    "detector": "around 50 things of 20 classes",
    "classes": "anywhere, of 80 classes",
    "scattered": "anywhere, of one class",
}


@dataclass(frozen=True)
class Work:
    """The boxes that every peer is given."""

    name: str

    def boxes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Corners float32 (10000, 4), scores float32 (10000,), classes int64 (10000,)."""
        random = np.random.default_rng(0)
        if self.name == "detector":
            thing = random.integers(0, 50, BOXES)
            middle, sides = random.uniform((0, 0), (640, 480), (50, 2))[thing], random.uniform(30, 130, (50, 2))[thing]
            middle = middle + random.normal(0, 0.1, (BOXES, 2)) * sides
            sides, classes = sides * np.exp(random.normal(0, 0.1, (BOXES, 2))), thing % 20
        else:
            middle, sides = random.uniform((0, 0), (640, 480), (BOXES, 2)), random.uniform(20, 200, (BOXES, 2))
            classes = random.integers(0, 80 if self.name == "classes" else 1, BOXES)
        corners = np.concatenate([middle - sides / 2, middle + sides / 2], 1)
        return corners.astype(np.float32), random.random(BOXES, dtype=np.float32), classes


def ours(work: Work, gate: Gate) -> None:
    """Suppress, ten times a turn."""
    import torch

    from liuli.layers.suppression import survivors

    torch.set_num_threads(1)
    boxes, scores, classes = map(torch.from_numpy, work.boxes())
    turns(gate, lambda: float(survivors(boxes, scores, classes, THRESHOLD).float().mean()))


def torchvision(work: Work, gate: Gate) -> None:
    """The same in C++."""
    import torch
    from torchvision.ops import batched_nms

    torch.set_num_threads(1)
    boxes, scores, classes = map(torch.from_numpy, work.boxes())
    turns(gate, lambda: len(batched_nms(boxes, scores, classes, THRESHOLD)) / BOXES)


def loop(work: Work, gate: Gate) -> None:
    """The same as it is taught: take the surest, compare it with all that are left, go on."""
    boxes, scores, classes = work.boxes()

    def suppressed() -> float:
        kept = 0
        for label in np.unique(classes):
            mine = boxes[classes == label]
            left = mine[np.argsort(-scores[classes == label], kind="stable")]
            while len(left):
                kept += 1
                best, left = left[0], left[1:]
                sides = np.minimum(best[2:], left[:, 2:]) - np.maximum(best[:2], left[:, :2])
                both = np.prod(sides.clip(0), 1)
                union = np.prod(best[2:] - best[:2]) + np.prod(left[:, 2:] - left[:, :2], 1) - both
                left = left[both <= THRESHOLD * union]
        return kept / BOXES

    turns(gate, suppressed)


def turns(gate: Gate, suppress: Any) -> None:
    """Turn by turn."""
    gate(0.0)
    while True:
        gate(statistics.fmean(suppress() for _ in range(TIMES)))


PEERS = (Peer(OURS, ours), Peer("torchvision", torchvision, needs=("torchvision",)), Peer("NumPy, box by box", loop))


def compared(kind: str, rounds: int) -> dict[str, dict[str, Any]]:
    """One kind of boxes."""
    rows = report(f"{BOXES:,} boxes {KINDS[kind]}, {TIMES} times", measure(PEERS, Work(kind), rounds), OURS, {})
    once = statistics.median(rows[OURS]["seconds"]) / TIMES
    print(f"  once: {1000 * once:.0f} ms, ≤ {1000 * MOST:.0f} ms {'met' if once <= MOST else 'MISSED'}")
    return rows


if __name__ == "__main__":
    main(__doc__, {kind: partial(compared, kind) for kind in KINDS})
