"""Of boxes that mean the same thing the surest is kept: non-maximum suppression, readable and fast.

    take the box with the highest score that has not been taken; every other of its class loses by its IoU with it:
    hard:      s ← 0 where IoU > t
    linear:    s ← s (1 − IoU) where IoU > t
    gaussian:  s ← s exp(−IoU² / t)

Soft suppression (Bodla, Singh, Chellappa & Davis, 2017, equations 1 to 3; their σ is called t here) lets a true
neighbour live that hard suppression takes for a double.

Shapes:
    B  pictures, M boxes of a picture, N boxes; classes are counted from 0, −1 marks what only fills the place
"""

from __future__ import annotations

import torch
from torch import Tensor

from liuli.layers.boxes import iou

DECAYS = ("hard", "linear", "gaussian")
BLOCK = 64  # boxes that are taken at once: fewer cost more calls, more are compared in vain


def rescored(boxes: Tensor, scores: Tensor, classes: Tensor, threshold: Tensor, decay: str = "hard") -> Tensor:
    """The scores that are left, box by box as the formula says: (B, M).

    Args:
        boxes: corners (B, M, 4).
        scores: (B, M), 0 or more.
        classes: (B, M).
        threshold: t, one number.
        decay: one of `DECAYS`.
    """
    count = scores.size(1)
    overlaps = iou(boxes.unsqueeze(2), boxes.unsqueeze(1))  # (B, M, M)
    rivals = classes.unsqueeze(2) == classes.unsqueeze(1)  # (B, M, M)
    places = torch.arange(count, device=boxes.device)
    waiting = classes >= 0  # (B, M)
    for _ in range(count):
        taken = scores.masked_fill(~waiting, -1).argmax(1, keepdim=True)  # (B, 1): of equals the first
        waiting = waiting & (places != taken)
        row = taken.unsqueeze(2).expand(-1, -1, count)  # (B, 1, M)
        overlap = overlaps.gather(1, row).squeeze(1)  # (B, M)
        losing = waiting & rivals.gather(1, row).squeeze(1)  # (B, M)
        if decay == "gaussian":
            left = scores * torch.exp(-overlap.square() / threshold)
        else:
            losing = losing & (overlap > threshold)
            left = scores * (1 - overlap if decay == "linear" else torch.zeros_like(overlap))
        scores = torch.where(losing, left, scores)
    return scores


def survivors(boxes: Tensor, scores: Tensor, classes: Tensor, threshold: float) -> Tensor:
    """Which boxes hard suppression keeps: bool (N,). Equal to `rescored`, but for IoUs that equal t to the last digit.

    Args:
        boxes: corners (N, 4).
        scores: (N,).
        classes: (N,).
        threshold: t.
    """
    boxes = boxes.detach()  # which boxes live has no slope
    order = scores.argsort(descending=True, stable=True)
    order = order[classes[order].argsort(stable=True)]  # class by class, in each the surest first
    counts = torch.unique_consecutive(classes[order], return_counts=True)[1]
    kept = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    for rows in torch.split(order, counts.tolist()):
        kept[rows] = survivors_in_order(boxes[rows], threshold)
    return kept


def survivors_of_pictures(boxes: Tensor, scores: Tensor, classes: Tensor, threshold: float) -> Tensor:
    """The same for several pictures, (B, M, 4), (B, M) and (B, M); what only fills the place is kept: (B, M)."""
    each = zip(boxes, scores, classes, strict=True)
    return torch.stack([(label < 0) | survivors(box, score, label, threshold) for box, score, label in each])


def survivors_in_order(boxes: Tensor, threshold: float) -> Tensor:
    """The same for boxes (N, 4) of one class, the surest first.

    Blocks of boxes are taken at once: first it is settled which of a block live, then what they strike out of the rest.
    """
    kept = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    left = torch.arange(len(boxes), device=boxes.device)
    columns = boxes.T.contiguous()  # (4, N)
    shares = (columns[2] - columns[0]) * (columns[3] - columns[1]) * (threshold / (1 + threshold))  # (N,)
    memory = torch.empty(3, BLOCK * len(boxes), dtype=boxes.dtype, device=boxes.device)
    while len(left):
        block, share = columns[:, :BLOCK], shares[:BLOCK]
        living = settled(conflicts(block, block, share, share, memory).triu(1))
        kept[left[:BLOCK][living]] = True
        left, columns, shares = left[BLOCK:], columns[:, BLOCK:], shares[BLOCK:]
        free = ~conflicts(block[:, living], columns, share[living], shares, memory).any(0)
        left, columns, shares = left[free], columns[:, free], shares[free]
    return kept


def settled(strikes: Tensor) -> Tensor:
    """Who lives, where i strikes j if i itself lives (N, N), j after i: the first is settled, then the second, …

    Every round settles at least one more than the round before, and mostly all that are left.
    """
    living = torch.ones(len(strikes), dtype=torch.bool, device=strikes.device)
    while not torch.equal(after := ~(strikes & living.unsqueeze(1)).any(0), living):
        living = after
    return living


def conflicts(one: Tensor, other: Tensor, share: Tensor, shares: Tensor, memory: Tensor) -> Tensor:
    """Whether IoU > t for every pair of (4, I) and (4, N): (I, N).

    With I the intersection and a, b the areas, I / (a + b − I) > t says the same as I > (a + b) t / (1 + t), without a
    division. `share` and `shares` are areas times t / (1 + t); `memory` (3, I N or more) is written over.
    """
    shape = (one.size(1), other.size(1))
    width, height, third = (part[: shape[0] * shape[1]].view(shape) for part in memory)
    torch.minimum(one[2].unsqueeze(1), other[2], out=width)
    torch.maximum(one[0].unsqueeze(1), other[0], out=third)
    width.sub_(third).clamp_(min=0)
    torch.minimum(one[3].unsqueeze(1), other[3], out=height)
    torch.maximum(one[1].unsqueeze(1), other[1], out=third)
    height.sub_(third)  # where it is negative so is the product, which no sum of areas is below
    torch.add(share.unsqueeze(1), shares, out=third)
    return width.mul_(height) > third
