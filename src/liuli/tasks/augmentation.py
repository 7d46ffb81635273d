"""Pictures varied at random while training, so that a network reads hands that it has not seen.

Everything is drawn from torch's global generator, for a whole batch at once and on the batch's device.

Shapes:
    B  batch, C channels, H × W pixels
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate, max_pool2d, pad

TURN = 12.0  # degrees
SLANT = 0.25  # sideways, per height
SCALE = (0.8, 1.12)
ASPECT = 1.15  # width to height, by this factor either way
SHIFT = 2.5  # pixels of 28
BEND = 1.0  # pixels of 28: typical displacement of a slow, smooth warp
THIN, THICK = 0.5, 0.9  # share of the way to strokes one pixel thinner or thicker on each side
FLIP_SHIFT = 4  # pixels that a photograph is moved


def vary_handwriting(pixels: Tensor) -> Tensor:
    """Strokes turned, slanted, stretched, shifted, bent (Simard, Steinkraus & Platt, 2003), thinned or thickened.

    Args:
        pixels: (B, C, H, W), 0 to 255, light strokes on dark.

    Returns:
        float (B, C, H, W), 0 to 255.
    """
    batch, _, height, width = pixels.shape
    pictures = of_any_thickness(pixels.float())
    grid = affine_grid(random_affine(batch, pixels.device), [batch, 1, height, width], align_corners=False)
    bend = torch.randn(batch, 2, 4, 4, device=pixels.device) * (2 * BEND / 28)
    bend = interpolate(bend, (height, width), mode="bicubic", align_corners=True)  # (B, 2, H, W)
    return grid_sample(pictures, grid + bend.permute(0, 2, 3, 1), align_corners=False)


def random_affine(batch: int, device: torch.device) -> Tensor:
    """One map (B, 2, 3) a picture: turn · slant · scale, and a shift; coordinates from −1 to 1, output to input."""
    turn, slant, scale, aspect, right, down = torch.rand(6, batch, device=device).mul(2).sub(1)  # each in [−1, 1]
    turn = turn * TURN * torch.pi / 180
    low, high = SCALE
    scale = low + (high - low) * (scale + 1) / 2
    stretch = ASPECT**aspect
    across, along = 1 / (scale * stretch), stretch / scale
    cosine, sine, slant = turn.cos(), turn.sin(), slant * SLANT
    shift = 2 * SHIFT / 28
    rows = [
        torch.stack([cosine * across, (slant * cosine - sine) * along, right * shift], 1),
        torch.stack([sine * across, (slant * sine + cosine) * along, down * shift], 1),
    ]
    return torch.stack(rows, 1)


def of_any_thickness(pictures: Tensor) -> Tensor:
    """Each picture blended towards the largest (thicker) or the smallest (thinner) of each pixel's neighbours."""
    amount = torch.empty(len(pictures), 1, 1, 1, device=pictures.device).uniform_(-THIN, THICK)
    thicker = max_pool2d(pictures, 3, stride=1, padding=1)
    thinner = -max_pool2d(-pictures, 3, stride=1, padding=1)
    return pictures + amount.clamp(min=0) * (thicker - pictures) + amount.clamp(max=0) * (pictures - thinner)


def vary_photographs(pixels: Tensor) -> Tensor:
    """Half of the pictures mirrored, each moved by up to 4 pixels, the border mirrored (He et al., 2016, sec. 4.2).

    Args:
        pixels: (B, C, H, W), 0 to 255.

    Returns:
        float (B, C, H, W), 0 to 255.
    """
    batch, _, height, width = pixels.shape
    device = pixels.device
    mirrored = torch.rand(batch, 1, 1, 1, device=device) < 0.5
    pictures = torch.where(mirrored, pixels.flip(-1), pixels).float()
    padded = pad(pictures, (FLIP_SHIFT,) * 4, mode="reflect")
    corner = torch.randint(0, 2 * FLIP_SHIFT + 1, (2, batch, 1), device=device)
    rows = corner[0] + torch.arange(height, device=device)  # (B, H)
    columns = corner[1] + torch.arange(width, device=device)  # (B, W)
    each = torch.arange(batch, device=device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
