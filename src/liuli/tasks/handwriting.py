"""A person's own digit, brought into the form that MNIST was made in.

MNIST's makers scaled a black-and-white digit to fit a box of 20 × 20 with its aspect kept (the scaling
left grey edges) and set it by its centre of mass into 28 × 28, light on dark (LeCun, Bottou, Bengio &
Haffner, 1998, section III.A). A photograph or a drawing needs two things before: its ink must be found,
whatever the paper and the light (see `paper`), and its strokes must come out as thick as a pen's were
there.

Shapes: H × W pixels; ink is a float32 map (H, W) from 0 (ground) to 1 (ink).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liuli.tasks.maps import (
    Box,
    Map,
    Mask,
    NoInkError,
    bounds,
    components,
    distance_to,
    gap,
    grown,
    longer_side,
    otsu,
    resized,
)
from liuli.tasks.paper import contrast_with_ground, full_contrast, sheet, stroke_thickness, without_ruling

BOX, FRAME = 20, 28
THINNEST, THICKEST = 2.2, 3.4  # of strokes, in pixels of the 28: the middle of MNIST
SEARCHED = 512  # long side of the picture in which ink is looked for
CLOSE = 160  # long side of the digit below which the picture is looked at more closely
FINE = 100  # long side of the digit whose strokes are thinned or thickened


def handwriting(picture: Image.Image) -> NDArray[np.uint8]:
    """The digit in `picture` (RGB or RGBA) as MNIST would hold it: (28, 28), light on dark.

    Raises:
        NoInkError: nothing is drawn in the picture.
    """
    return in_frame(find_ink(picture))


# ------------------------------------------------------------------ finding the ink


def find_ink(picture: Image.Image, depth: int = 0) -> Map:
    """The ink of the digit, cropped to it. Looks closer where the digit is a small part of the picture."""
    step = max(1, max(picture.size) // SEARCHED)
    pixels = on_one_ground(picture.reduce(step) if step > 1 else picture)
    if depth < 3 and (inner := sheet(pixels)):
        try:
            return find_ink(picture.crop(corners(inner, step)), depth + 1)
        except NoInkError:
            pass  # an empty sheet: a thick stroke that looked like one
    contrast = without_ruling(contrast_with_ground(pixels))
    mask, full = inked(contrast)
    digit = parts_of_digit(mask, contrast)
    top, left, bottom, right = box = bounds(digit)
    if depth < 3 and step > 1 and longer_side(box) < CLOSE:
        margin = longer_side(box) // 2 + 4
        height, width = digit.shape
        around = max(0, top - margin), max(0, left - margin), min(height, bottom + margin), min(width, right + margin)
        return find_ink(picture.crop(corners(around, step)), depth + 1)
    soft = ((contrast - 0.2 * full) / (0.55 * full)).clip(0, 1) * grown(digit, 2)
    return soft[top:bottom, left:right].astype(np.float32)


def corners(box: Box, step: int) -> tuple[int, int, int, int]:
    """A box of the picture reduced by `step` as Pillow crops the whole one: left, top, right, bottom."""
    top, left, bottom, right = box
    return left * step, top * step, right * step, bottom * step


def on_one_ground(picture: Image.Image) -> Map:
    """Colours (H, W, 3), 0 to 1, of a picture that may be transparent.

    Strokes on a transparent ground are where the picture is opaque, whatever their colour. A picture that
    only has transparent parts (round corners, a margin) is laid on its own commonest colour.
    """
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    colour: Map
    alpha: Map
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    if pixels.shape[2] == 3 or alpha.min() > 0.99 or alpha.max() == 0:
        return colour
    visible = alpha[..., 0] > 0.5 * alpha.max()
    top, left, bottom, right = bounds(visible)
    ground = np.median(colour[visible], 0)
    one_colour = (np.abs(colour[visible] - ground).max(1) < 0.1).mean() > 0.9
    solid = visible[top:bottom, left:right].mean() > 0.6
    if one_colour or not solid:
        return np.repeat(alpha, 3, axis=2)
    laid: Map = colour * alpha + ground * (1 - alpha)
    return laid


def inked(contrast: Map) -> tuple[Mask, float]:
    """Where there is ink (strong contrast and what is joined to it), and the contrast of full ink.

    Raises:
        NoInkError: nothing stands out from the noise.
    """
    top = full_contrast(contrast)
    noise = float(np.median(contrast[contrast < otsu(contrast)[0]]))
    grain = float(np.median(np.abs(np.diff(contrast, axis=1))))  # from pixel to pixel: 0 on a clean ground
    if top < max(0.04, 4 * noise, 16 * grain):
        raise NoInkError
    full = float(np.percentile(contrast[contrast > 0.45 * top], 60))
    labels, count = components(contrast > 0.35 * full)
    strong = np.zeros(count + 1, bool)
    strong[labels[contrast > 0.6 * full]] = True
    strong[0] = False
    return strong[labels], full


def parts_of_digit(mask: Mask, contrast: Map) -> Mask:
    """The heaviest connected part, and those near it that are more than specks: a digit may be drawn in pieces.

    Raises:
        NoInkError: the heaviest is one of very many alike: the grain of blank paper.
    """
    labels, count = components(mask)
    weight = np.bincount(labels.ravel(), weights=contrast.ravel(), minlength=count + 1)
    weight[0] = 0
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    along = np.bincount(border, minlength=count + 1)
    outside = along**2 > 0.5 * np.bincount(labels.ravel(), minlength=count + 1)  # lies along the border: not the digit
    main = int(np.argmax(weight * np.where(outside, 0.3, 1)))
    if weight[main] <= 0.05 * weight.sum():
        raise NoInkError
    digit: Mask = labels == main
    for part in np.argsort(-weight)[:50]:
        if part == main or weight[part] < 0.03 * weight[main] or (outside[part] and not outside[main]):
            continue
        here = labels == part
        if gap(bounds(digit), bounds(here)) < 0.4 * longer_side(bounds(digit)):
            digit |= here
    return digit


# ------------------------------------------------------------------ into the frame


def in_frame(ink: Map) -> NDArray[np.uint8]:
    """Ink of any size and thickness in MNIST's form: (28, 28), 255 for ink."""
    ink = cropped(ink)
    step = -(-max(ink.shape) // FINE)
    if step > 1:  # the largest of each block: a thin line must not be averaged away
        height, width = ink.shape
        padded = np.pad(ink, ((0, -height % step), (0, -width % step)))
        ink = padded.reshape(len(padded) // step, step, -1, step).max((1, 3))
    longest = max(ink.shape)
    thickness = min(stroke_thickness(ink), 0.9 * longest)
    scale = BOX / longest
    wanted = float(np.clip(thickness * scale, THINNEST, THICKEST))
    if abs(thickness * scale - wanted) > 0.05:
        # Strokes t thick in the box of 20 leave 20 − t for their middle lines, which do not change.
        scale = (BOX - wanted) / max(longest - thickness, 0.5 * longest)
        zoom = FINE / BOX
        ink = rescaled(ink, scale * zoom)
        ink = cropped(rewritten(ink, (wanted - thickness * scale) / 2 * zoom))
    boxed = rescaled(ink, BOX / max(ink.shape))
    return centred(boxed / boxed.max())


def cropped(ink: Map) -> Map:
    """Cut to the rows and columns that hold ink."""
    top, left, bottom, right = bounds(ink > 0.3)
    return ink[top:bottom, left:right]


def rescaled(ink: Map, scale: float) -> Map:
    """Made larger or smaller with its aspect kept."""
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    return resized(ink, height, width)


def rewritten(ink: Map, grow: float) -> Map:
    """As by a pen thicker by 2 · `grow` pixels, or so much thinner that no stroke breaks or vanishes."""
    pieces = components(ink > 0.5)[1]
    while True:
        changed = regrown(ink, grow)
        if grow > -0.5 or components(changed > 0.5)[1] == pieces:
            return changed
        grow *= 0.7


def regrown(ink: Map, grow: float) -> Map:
    """Strokes thicker by `grow` pixels on each side (thinner when negative), their edges one pixel soft."""
    reach = int(np.ceil(abs(grow))) + 1
    inside = np.pad(ink, reach) > 0.5
    if grow > 0:
        outline = np.where(inside, np.float32(-0.5), distance_to(inside, reach) - np.float32(0.5))
    else:
        outline = np.where(inside, np.float32(0.5) - distance_to(~inside, reach), np.float32(0.5))
    edge: Map = (grow + 0.5 - outline).clip(0, 1)  # the outline is 0 where the ink ends, negative inside
    return edge.astype(np.float32)


def centred(boxed: Map) -> NDArray[np.uint8]:
    """Set into 28 × 28 so that the centre of mass falls on pixel (14, 14), to the nearest pixel, as in MNIST."""
    height, width = boxed.shape
    mass = boxed.sum()
    row, column = boxed.sum(1) @ np.arange(height) / mass, boxed.sum(0) @ np.arange(width) / mass
    top = int(np.clip(round(FRAME / 2 - row), 0, FRAME - height))
    left = int(np.clip(round(FRAME / 2 - column), 0, FRAME - width))
    frame = np.zeros((FRAME, FRAME), np.uint8)
    frame[top : top + height, left : left + width] = np.rint(boxed * 255)
    return frame
