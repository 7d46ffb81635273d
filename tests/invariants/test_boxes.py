"""Boxes: how they are written, where a grid keeps them, which of them are left, and how they move with a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from liuli.explaining import coverage
from liuli.layers.boxes import centred, corners, from_grid, iou, to_grid
from liuli.layers.suppression import DECAYS, rescored, survivors
from liuli.models.detection.nms import Suppressing
from liuli.oracles.nms import iou as plain_iou
from liuli.oracles.nms import suppressed
from liuli.tasks import box_augmentation
from liuli.tasks.box_augmentation import moved, moved_boxes
from liuli.tasks.suppression import Suppression
from liuli.tracing import trace
from tests.truth import truth


def drawn(count: int, seed: int = 0, least: float = 5, most: float = 40) -> Tensor:
    """Boxes by their corners, somewhere in 100 × 100."""
    generator = torch.Generator().manual_seed(seed)
    middle, sides = torch.rand(2, count, 2, generator=generator, dtype=torch.float64)
    return corners(torch.cat([100 * middle, least + (most - least) * sides], -1))


def test_corners_and_centred_are_inverse() -> None:
    boxes = drawn(50)
    assert torch.allclose(corners(centred(boxes)), boxes, rtol=0, atol=1e-12)


def test_iou_is_what_loops_say() -> None:
    boxes = drawn(30)
    found = iou(boxes.unsqueeze(1), boxes.unsqueeze(0))
    expected = [[plain_iou(one, other) for other in boxes.numpy()] for one in boxes.numpy()]
    assert np.allclose(found, expected, rtol=0, atol=1e-14)
    assert torch.equal(found, found.T)
    assert torch.allclose(found.diag(), torch.ones(30, dtype=torch.float64))
    assert float(iou(torch.zeros(4), torch.zeros(4))) == 0, "not NaN"


@pytest.mark.parametrize("side", [1, 7, 14])
def test_a_grid_gives_back_what_it_was_given(side: int) -> None:
    boxes = drawn(200) / 100
    number, seen = to_grid(boxes, side)
    assert ((seen[:, :2] >= 0) & (seen[:, :2] <= 1)).all()
    grid = torch.zeros(200, side, side, 4, dtype=torch.float64)
    grid[torch.arange(200), number // side, number % side] = seen
    found = from_grid(grid)[torch.arange(200), number // side, number % side]
    assert torch.allclose(found, boxes, rtol=0, atol=1e-12)


def test_a_centre_on_the_rim_is_in_the_last_cell() -> None:
    number, seen = to_grid(torch.tensor([[0.9, 0.9, 1.1, 1.1]]), 7)
    assert int(number) == 48
    assert seen[0, :2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 300])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_what_survives_is_what_loops_keep(count: int, threshold: float) -> None:
    boxes = drawn(count, seed=count)
    scores = torch.rand(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    classes = torch.randint(3, (count,), generator=torch.Generator().manual_seed(2))
    kept = survivors(boxes, scores, classes, threshold)
    expected = suppressed(boxes.numpy(), scores.numpy(), classes.numpy(), threshold) > 0
    assert kept.tolist() == expected.tolist()


@pytest.mark.parametrize("decay", DECAYS)
def test_scores_that_are_left_are_those_of_loops(decay: str) -> None:
    boxes = drawn(2 * 40).view(2, 40, 4)
    scores = torch.rand(2, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    classes = torch.randint(-1, 2, (2, 40), generator=torch.Generator().manual_seed(2))
    scores[classes < 0] = 0
    found = rescored(boxes, scores, classes, torch.tensor(0.3, dtype=torch.float64), decay)
    pictures = zip(boxes.numpy(), scores.numpy(), classes.numpy(), strict=True)
    assert np.allclose(found, [suppressed(*one, 0.3, decay) for one in pictures], rtol=1e-13)


@pytest.mark.parametrize("decay", DECAYS)
def test_every_rule_explains_itself(decay: str) -> None:
    """Forward and, with soft rules, back to the corners."""
    task = Suppression()
    record = trace(Suppressing(decay), *task.inputs(task.draw(1)), loss=task.doubt)
    found = truth(record, 5)
    assert coverage(record).missing == ()
    assert found.faults == []
    assert found.backward.total() > 0


def test_boxes_of_one_place_leave_the_first_and_other_classes_alone() -> None:
    boxes, scores = torch.tensor([[0.0, 0.0, 9.0, 9.0]]).repeat(4, 1), torch.tensor([0.5, 0.9, 0.9, 0.1])
    assert survivors(boxes, scores, torch.tensor([0, 0, 0, 1]), 0.5).tolist() == [False, True, False, True]


def test_the_threshold_that_is_learnt_tells_doubles_from_neighbours() -> None:
    task = Suppression()
    network = Suppressing()
    batch = task.draw(40, seed=3)
    network.learn(batch, 1.0)
    chosen, best = float(network.threshold), float(task.outcome(network, batch).loss)
    for threshold in np.linspace(0.05, 0.95, 19):
        network.threshold.fill_(threshold)
        assert best <= float(task.outcome(network, batch).loss)
    network.threshold.fill_(chosen)
    metrics = task.metrics(task.respond(network, task.draw(100, seed=4)), task.draw(100, seed=4), task.drawn_facts())
    assert metrics["f1"] > 0.9


@pytest.mark.parametrize("mirror", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_box_follows_its_rectangle(mirror: tuple[int, int]) -> None:
    """A painted rectangle is looked up again in the moved picture: its box is where it is, to half a pixel."""
    height, width = 120, 160
    pixels = torch.zeros(1, 3, height, width)
    pixels[:, :, 30:54, 40:96] = 255
    box = torch.tensor([[[1, 40 / width, 30 / height, 96 / width, 54 / height]]])
    factor, shift = torch.tensor([mirror]) * 1.2, torch.tensor([[0.05, -0.1]])
    shown, boxes = moved(pixels, factor, shift), moved_boxes(box, factor, shift)
    lit = shown[0, 0] > 127
    rows, columns = lit.any(1).nonzero().flatten(), lit.any(0).nonzero().flatten()
    found = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
    expected = boxes[0, 0, 1:] * torch.tensor([width, height, width, height])
    assert int(boxes[0, 0, 0]) == 1
    assert np.abs(np.array(found) - expected.numpy()).max() <= 1


def test_a_box_whose_centre_is_gone_is_left_out_and_others_are_cut() -> None:
    boxes = torch.tensor([[[0, 0.0, 0.4, 0.2, 0.6], [1, 0.1, 0.4, 0.5, 0.6], [-1, 0, 0, 0, 0]]])
    found = moved_boxes(boxes, torch.tensor([[1.0, 1.0]]), torch.tensor([[-0.2, 0.0]]))
    assert found[0, :, 0].tolist() == [-1, 1, -1]
    assert torch.allclose(found[0, 1, 1:], torch.tensor([0.0, 0.4, 0.3, 0.6]))


def test_augmentation_keeps_form_and_follows_the_global_generator() -> None:
    pixels = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    boxes = torch.rand(4, 5, 5).sort(-1).values
    torch.manual_seed(0)
    one = box_augmentation.vary(pixels, boxes)
    torch.manual_seed(0)
    other = box_augmentation.vary(pixels, boxes)
    assert all(map(torch.equal, one, other))
    assert one[0].shape == pixels.shape
    assert one[1].shape == boxes.shape
    assert 0 <= float(one[0].min()) <= float(one[0].max()) <= 255
    assert ((one[1][..., 1:] >= 0) & (one[1][..., 1:] <= 1)).all()
    assert (one[1][..., 3:] >= one[1][..., 1:3]).all()
