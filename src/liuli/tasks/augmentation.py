"""Pictures varied at random while training, so that a network reads hands, and scenes, that it has not seen.

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
WINDOW = (0.5, 1.0)  # share of a scene's height and width that is seen
WINDOW_ASPECT = 1.1


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


def vary_scenes(pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the pictures mirrored, each cut to a window of itself and enlarged to the old size, labels alike.

    Args:
        pixels: uint8 (B, C, H, W).
        labels: uint8 (B, H, W).

    Returns:
        float (B, C, H, W), 0 to 255, between pixels by bilinear interpolation; uint8 (B, H, W), of the nearest pixel.
    """
    batch, _, height, width = pixels.shape
    low, high = WINDOW
    mirror, share, aspect, *centre = torch.rand(5, batch, device=pixels.device)
    share = low * (high / low) ** share
    aspect = WINDOW_ASPECT ** (2 * aspect - 1)
    sides = torch.stack([share * aspect, share / aspect]).clamp(max=1)  # (2, B): of width, of height
    middle = (2 * torch.stack(centre) - 1) * (1 - sides)  # from −1 to 1, so that the window stays inside
    across = torch.where(mirror < 0.5, -sides[0], sides[0])
    none = torch.zeros_like(share)
    rows = [torch.stack([across, none, middle[0]], 1), torch.stack([none, sides[1], middle[1]], 1)]
    grid = affine_grid(torch.stack(rows, 1), [batch, 1, height, width], align_corners=False)
    seen = grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    named = grid_sample(labels[:, None].float(), grid, "nearest", padding_mode="border", align_corners=False)
    return seen, named[:, 0].byte()
