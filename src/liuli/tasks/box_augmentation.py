"""Pictures with boxes varied at random while training: what moves the picture moves its boxes.

Mirrored left to right and top to bottom, scaled and moved, as Redmon et al. (2016, section 2.2) do by up to a fifth; in
brighter or darker light. What comes in over the rim has the picture's mean colour. A box is cut at the rim, and is left
out where its centre has gone beyond.

Everything is drawn from torch's global generator, for a whole batch at once and on the batch's device.

Shapes:
    B  batch, H × W pixels, M boxes of a picture
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SCALE = 1.25  # by this factor either way
SHIFT = 0.2  # of the picture, either way
LIGHT = 1.25  # by this factor either way


def vary(pixels: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """One draw for each picture.

    Args:
        pixels: (B, 3, H, W), 0 to 255.
        boxes: (B, M, 5): class, −1 where there is none, and corners from 0 to 1.

    Returns:
        Pixels float (B, 3, H, W), and boxes as they then lie.
    """
    batch, device = len(pixels), pixels.device
    sign = 1 - 2 * torch.randint(2, (batch, 2), device=device).float()  # −1 mirrors
    scale, across, down, light = torch.rand(4, batch, device=device).mul(2).sub(1)  # each in [−1, 1]
    factor = sign * (SCALE**scale).unsqueeze(1)  # (B, 2)
    shift = SHIFT * torch.stack([across, down], 1)  # (B, 2)
    shown = moved(pixels.float(), factor, shift) * (LIGHT**light).view(-1, 1, 1, 1)
    return shown.clamp(0, 255), moved_boxes(boxes, factor, shift)


def moved(pixels: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
    """Pictures scaled about their middle, then shifted by a share of themselves; factor and shift (B, 2), x and y."""
    back = torch.zeros(len(pixels), 2, 3, device=pixels.device)  # from the new picture to the old, each from −1 to 1
    back[:, 0, 0], back[:, 1, 1] = 1 / factor[:, 0], 1 / factor[:, 1]
    back[:, :, 2] = -2 * shift / factor
    mean = pixels.mean((2, 3), keepdim=True)  # (B, 3, 1, 1)
    grid = affine_grid(back, list(pixels.shape), align_corners=False)  # (B, H, W, 2)
    return grid_sample(pixels - mean, grid, align_corners=False) + mean


def moved_boxes(boxes: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
    """The boxes of pictures that were `moved`."""
    factor, shift = factor.unsqueeze(1), shift.unsqueeze(1)  # (B, 1, 2)
    one, other = (0.5 + (corner - 0.5) * factor + shift for corner in (boxes[..., 1:3], boxes[..., 3:]))  # (B, M, 2)
    middle = (one + other) / 2
    inside = ((middle > 0) & (middle < 1)).all(2, keepdim=True)  # (B, M, 1)
    classes = torch.where(inside, boxes[..., :1], -1.0)
    return torch.cat([classes, torch.minimum(one, other).clamp(0, 1), torch.maximum(one, other).clamp(0, 1)], 2)
