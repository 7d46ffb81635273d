"""Boxes: two ways to write them, how far two of them agree, and where a grid keeps them.

    corners:   (x₁, y₁, x₂, y₂), left, top, right and bottom
    centred:   (x, y, w, h), x = (x₁ + x₂) / 2, w = x₂ − x₁
    IoU(a, b): area of the intersection of a and b / area of their union (Jaccard, 1901)

Shapes:
    … any, the same or broadcast; B batch, M boxes of a picture (those that only fill the place have the class −1),
    S cells along a side of a grid
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12  # below any area of a box: two boxes without one have an IoU of 0


def corners(centred: Tensor) -> Tensor:
    """(x, y, w, h) to (x₁, y₁, x₂, y₂): (…, 4)."""
    middle, half = centred[..., :2], centred[..., 2:] / 2  # (…, 2)
    return torch.cat([middle - half, middle + half], -1)


def centred(corners: Tensor) -> Tensor:
    """(x₁, y₁, x₂, y₂) to (x, y, w, h): (…, 4)."""
    first, last = corners[..., :2], corners[..., 2:]  # (…, 2)
    return torch.cat([(first + last) / 2, last - first], -1)


def area(corners: Tensor) -> Tensor:
    """w h of each box: (…, 4) to (…)."""
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])


def iou(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of boxes by their corners, pair by pair: (…, 4) and (…, 4) to (…), from 0 to 1."""
    first = torch.maximum(one[..., :2], other[..., :2])  # (…, 2)
    last = torch.minimum(one[..., 2:], other[..., 2:])  # (…, 2)
    sides = (last - first).clamp(min=0)  # (…, 2), 0 where they do not meet
    both = sides[..., 0] * sides[..., 1]  # (…)
    return both / (area(one) + area(other) - both).clamp(min=TINY)


def to_grid(boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Which cell of a grid over the picture a box's centre falls into, and the box as the cell sees it.

    Args:
        boxes: corners from 0 to 1, (…, 4).
        side: S.

    Returns:
        The number of the cell, row by row, int64 (…); and (x, y, √w, √h) (…, 4): the centre from the cell's own
        corner, in cells, 0 to 1; the root of the size, in pictures.
    """
    whole = centred(boxes)  # (…, 4)
    place = whole[..., :2] * side  # (…, 2)
    cell = place.floor().clamp(0, side - 1)  # (…, 2): a centre on the rim is the last cell's
    number = (cell[..., 1] * side + cell[..., 0]).long()  # (…)
    return number, torch.cat([place - cell, whole[..., 2:].clamp(min=0).sqrt()], -1)


def from_grid(seen: Tensor) -> Tensor:
    """The inverse: boxes (B, S, S, …, 4) as their cells see them, to corners from 0 to 1."""
    side = seen.size(1)
    steps = torch.arange(side, dtype=seen.dtype, device=seen.device)
    between = [1] * (seen.dim() - 4)
    columns = steps.view(1, 1, side, *between).expand(seen.shape[:-1])  # (B, S, S, …)
    rows = steps.view(1, side, 1, *between).expand(seen.shape[:-1])  # (B, S, S, …)
    middle = (seen[..., :2] + torch.stack([columns, rows], -1)) / side  # (B, S, S, …, 2)
    return corners(torch.cat([middle, seen[..., 2:].square()], -1))
