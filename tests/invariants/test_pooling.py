"""Large values are drawn from means of neighbours: what the server makes of them, beside a loop over the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.lab.desk import Desk
from liuli.lab.limits import MOST_NUMBERS
from liuli.lab.pooling import Pooling
from liuli.lab.server import laboratory
from liuli.lab.subjects import of_module
from tests.visitor import Visitor

SCALE = (-2.0, 3.0)


def covered(pixel: int, numbers: int, pixels: int) -> tuple[int, int]:
    """The first of the numbers of a side that a pixel covers, and the first that it does not, in whole numbers."""
    return pixel * numbers // pixels, -(-(pixel + 1) * numbers // pixels)


def by_loop(numbers: np.ndarray, pooling: Pooling) -> list[float]:
    """The place in the scale, 0 to 255, of the mean of each pixel that numbers come to."""
    found = []
    for plane in range(pooling.planes):
        for row_of_pixels in range(pooling.rows):
            top, bottom = covered(row_of_pixels, pooling.height, pooling.rows)
            for column_of_pixels in range(pooling.columns):
                left, right = covered(column_of_pixels, pooling.width, pooling.columns)
                places = [
                    (plane * pooling.height + row) * pooling.width + column
                    for row in range(top, bottom)
                    for column in range(left, right)
                ]
                held = [numbers[pooling.start + place] for place in places if pooling.start + place < len(numbers)]
                if held:
                    share = (np.mean(held) - pooling.low) / (pooling.high - pooling.low)
                    found.append(255 * min(max(share, 0.0), 1.0))
    return found


@pytest.mark.parametrize(
    ("shape", "pooling"),
    [
        ((12, 20), Pooling(0, 1, 12, 20, 4, 10, *SCALE)),
        ((7, 11), Pooling(0, 1, 7, 11, 5, 4, *SCALE)),  # neither side is a multiple
        ((2, 5, 6, 7), Pooling(42, 4, 6, 7, 4, 7, *SCALE)),  # some of the planes
        ((53,), Pooling(0, 1, 8, 7, 3, 5, *SCALE)),  # a vector in rows, the last of which is short
        ((50,), Pooling(0, 1, 8, 7, 8, 6, *SCALE)),  # and one that leaves pixels without any
        ((3, 4), Pooling(0, 1, 3, 4, 1, 1, *SCALE)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.complex64])
def test_each_pixel_has_the_mean_of_its_numbers(shape: tuple[int, ...], pooling: Pooling, dtype: torch.dtype) -> None:
    tensor = (torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 2).to(dtype)
    shown = tensor.abs() if dtype.is_complex else tensor
    steps = pooling.of(tensor)
    assert steps is not None
    expected = by_loop(shown.double().reshape(-1).numpy(), pooling)
    assert len(steps) == len(expected)
    assert np.abs(steps - np.array(expected)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_has_no_colour(number: float) -> None:
    tensor = torch.zeros(4, 4)
    tensor[2, 3] = number
    assert Pooling(0, 1, 4, 4, 2, 2, -1.0, 1.0).of(tensor) is None


@pytest.mark.parametrize(
    ("pooling", "sentence"),
    [
        (Pooling(0, 1, 5, 4, 2, 2, -1.0, 1.0), "expected some of 16"),
        (Pooling(1, 2, 2, 4, 2, 2, -1.0, 1.0), "expected some of 16"),
        (Pooling(-4, 1, 4, 4, 2, 2, -1.0, 1.0), "expected some of 16"),
        (Pooling(0, 1, 4, 4, 0, 2, -1.0, 1.0), "expected some of 16"),
        (Pooling(0, 10**30, 10**30, 4, 2, 2, -1.0, 1.0), "expected some of 16"),
        (Pooling(0, 1, 4, 4, 2, 5, -1.0, 1.0), "no more pixels"),
        (Pooling(0, 1, 4, 4, 2, 2, 1.0, -1.0), "the lower one first"),
        (Pooling(0, 1, 4, 4, 2, 2, -1.0, float("inf")), "the lower one first"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(pooling: Pooling, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        pooling.of(torch.ones(4, 4))


def test_a_picture_of_more_numbers_than_one_answer_may_hold_is_refused() -> None:
    numbers = torch.zeros(1).expand(MOST_NUMBERS + 1)  # which takes no memory
    with pytest.raises(UserError, match="4,194,304 at most"):
        Pooling(0, 1, 1, MOST_NUMBERS + 1, 1, 9, -1.0, 1.0).of(numbers)
    assert Pooling(1, 1, 1, MOST_NUMBERS, 1, 9, -1.0, 1.0).of(numbers) is not None


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2


def test_a_page_is_sent_the_means_of_a_value_and_of_its_gradient() -> None:
    x = torch.arange(24.0).reshape(4, 6)
    desk = Desk()
    name = desk.show(*of_module(Doubled(), x, loss=lambda output: (output**2).sum() / 50))
    visitor = Visitor(laboratory("secret", desk))
    asked = {"start": 0, "planes": 1, "height": 4, "width": 6, "rows": 2, "columns": 2, "low": 0, "high": 51}
    (output,) = desk.get(name).record.outputs
    place = f"/api/records/{name}/pictures"
    found = visitor.ask("GET", place, params={"address": output.address, **asked})
    means = (2 * x).reshape(2, 2, 2, 3).mean(dim=(1, 3)).reshape(-1)
    assert list(found.content) == [round(5 * float(mean)) for mean in means]
    slopes = output.grad
    assert slopes is not None
    found = visitor.ask("GET", place, params={"address": output.address, "gradient": True, **asked, "high": 10})
    means = slopes.reshape(2, 2, 2, 3).mean(dim=(1, 3)).reshape(-1)
    assert list(found.content) == [round(25.5 * float(mean)) for mean in means]
    refused = visitor.ask("GET", place, params={"address": output.address, **asked, "height": 5})
    assert (refused.status_code, "expected some of 24" in refused.text) == (422, True)
    assert visitor.ask("GET", place, params={"address": output.address}).status_code == 422
