"""Pictures varied while training stay pictures of the same thing, and the same seed varies them the same way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from liuli.tasks import augmentation
from liuli.tasks.image_classification import ImageClassification

VARIED: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = {
    "handwriting": (augmentation.vary_handwriting, (64, 1, 28, 28)),
    "photographs": (augmentation.vary_photographs, (64, 3, 32, 32)),
}
each = pytest.mark.parametrize(("vary", "shape"), VARIED.values(), ids=list(VARIED))


def strokes(shape: tuple[int, ...]) -> Tensor:
    """An L in the middle of dark pictures, uint8."""
    pictures = torch.zeros(shape, dtype=torch.uint8)
    pictures[:, :, 7:21, 10:13] = 255
    pictures[:, :, 18:21, 10:19] = 255
    return pictures


@each
def test_shape_and_range_stay(vary: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    varied = vary(torch.randint(256, shape).byte())
    assert (varied.shape, varied.dtype) == (torch.Size(shape), torch.float32)
    assert varied.min() >= 0
    assert varied.max() <= 255


@each
def test_the_global_seed_decides(vary: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    pictures = strokes(shape)
    torch.manual_seed(3)
    first, second = vary(pictures), vary(pictures)
    torch.manual_seed(3)
    assert torch.equal(vary(pictures), first)
    assert torch.equal(vary(pictures), second)
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1]), "each picture is varied by itself"


def test_no_stroke_is_lost() -> None:
    torch.manual_seed(0)
    pictures = strokes((500, 1, 28, 28))
    before, after = pictures.float().sum((1, 2, 3)), augmentation.vary_handwriting(pictures).sum((1, 2, 3))
    assert (after > 0.3 * before).all()
    assert (after < 2.6 * before).all()
    assert (after < 0.8 * before).any(), "thinner, and smaller"
    assert (after > 1.4 * before).any(), "thicker"


def test_an_unvaried_map_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, still in {"TURN": 0, "SLANT": 0, "SCALE": (1, 1), "ASPECT": 1, "SHIFT": 0, "BEND": 0}.items():
        monkeypatch.setattr(augmentation, name, still)
    monkeypatch.setattr(augmentation, "of_any_thickness", lambda pictures: pictures)
    pictures = strokes((3, 1, 28, 28))
    torch.testing.assert_close(augmentation.vary_handwriting(pictures), pictures.float(), atol=1e-3, rtol=0)


def test_a_turn_of_a_right_angle_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "TURN", 90)
    for name, still in {"SLANT": 0, "SCALE": (1, 1), "ASPECT": 1, "SHIFT": 0}.items():
        monkeypatch.setattr(augmentation, name, still)
    monkeypatch.setattr(torch, "rand", lambda *shape, device: torch.ones(*shape))
    turned = augmentation.random_affine(1, torch.device("cpu"))[0]
    torch.testing.assert_close(turned, torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]), atol=1e-6, rtol=0)


def test_a_photograph_is_moved_whole() -> None:
    torch.manual_seed(0)
    pictures = torch.arange(32.0).view(1, 1, 1, 32).expand(50, 3, 32, 32) * 8
    varied = augmentation.vary_photographs(pictures)
    rows = varied[:, 0, 0]
    steps = (rows[:, 6:26] - rows[:, 5:25]) / 8
    assert set(steps.flatten().tolist()) == {1.0, -1.0}, "neighbours stay neighbours, mirrored or not"
    assert len(set(rows[:, 15].tolist())) > 5, "moved by different amounts"


def test_what_a_photograph_lacks_at_the_border_is_mirrored() -> None:
    torch.manual_seed(0)
    pictures = torch.randint(256, (40, 3, 8, 12)).byte()
    rows, columns = (np.pad(np.arange(size), 4, mode="reflect") for size in (8, 12))
    seen = set()
    for picture, varied in zip(pictures.float(), augmentation.vary_photographs(pictures), strict=True):
        possible = {
            (down, right, mirrored): (picture.flip(-1) if mirrored else picture)[
                :, rows[down : down + 8, None], columns[None, right : right + 12]
            ]
            for down, right, mirrored in np.ndindex(9, 9, 2)
        }
        seen |= {place for place, one in possible.items() if torch.equal(one, varied)}
    assert len(seen) > 25, "each picture is one of the 162, and they are not all alike"
    assert {mirrored for _, _, mirrored in seen} == {0, 1}


def test_the_task_keeps_the_labels() -> None:
    batch = strokes((5, 1, 28, 28)), torch.arange(5)
    pixels, labels = ImageClassification(size=28, channels=1).augment(batch)
    assert pixels.shape == batch[0].shape
    assert labels is batch[1]
