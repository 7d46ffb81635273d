"""FCN and its task against other libraries: interpolation, measures, the loss; a planted fault is found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, jaccard_score, precision_score
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, cross_entropy, interpolate

from liuli import catalog, checking
from liuli.models.vision.fcn import Upsampling
from tests.planted import first_wrong

SYSTEM = catalog.find("fcn")
TASK = SYSTEM.task


@pytest.mark.parametrize("times", [2, 8, 16, 32])
def test_upsampling_begins_as_bilinear_interpolation(times: int) -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    inner = (3 * times + 1, 4 * times + 1)
    layer = Upsampling(3, times).double()
    expected = interpolate(x, inner, mode="bilinear", align_corners=True)
    torch.testing.assert_close(layer(x, *inner), expected, rtol=0, atol=1e-14)


def test_beyond_the_last_place_its_scores_go_on() -> None:
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    large = Upsampling(2, 8).double()(x, 24, 24)
    assert torch.allclose(large[:, :, 16:, 16:], x[:, :, -1:, -1:].expand(-1, -1, 8, 8), atol=1e-14)


@pytest.fixture
def answered() -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Answers of which half are right, to labels of eleven classes, one of them rare, and of pixels without a label."""
    dice = torch.Generator().manual_seed(0)
    labels = torch.randint(12, (5, 7, 9), generator=dice)
    labels[labels == 3] = 4
    labels[0, 0, 0] = 3
    guessed = torch.randint(11, labels.shape, generator=dice)
    answers = torch.where(torch.rand(labels.shape, generator=dice) < 0.5, labels.clamp(max=10), guessed)
    return answers.byte(), (torch.zeros(5, 3, 7, 9).byte(), labels.byte())


def test_measures_are_those_of_scikit_learn(answered: tuple[Tensor, tuple[Tensor, Tensor]]) -> None:
    answers, batch = answered
    found = TASK.metrics(answers, batch, TASK.drawn_facts())
    known = batch[1] < 11
    truth, said = batch[1][known].numpy(), answers[known].numpy()
    overlaps = jaccard_score(truth, said, average=None, labels=range(11))
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert found["mean_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said))
    assert found["mean_iou"] == pytest.approx(overlaps.mean())
    assert found["weighted_iou"] == pytest.approx(jaccard_score(truth, said, average="weighted"))
    assert [row["iou"] for row in found["classes"]] == pytest.approx(overlaps.tolist())
    precision = precision_score(truth, said, average=None, labels=range(11), zero_division=0)
    assert [row["precision"] for row in found["classes"]] == pytest.approx(precision.tolist())
    assert [row["pixels"] for row in found["classes"]] == np.bincount(truth, minlength=11).tolist()


def test_a_class_that_is_nowhere_counts_in_no_mean() -> None:
    labels = torch.tensor([[[0, 0, 1, 11]]], dtype=torch.uint8)
    found = TASK.metrics(torch.tensor([[[0, 1, 1, 5]]], dtype=torch.uint8), (labels, labels), TASK.drawn_facts())
    assert found["mean_iou"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert found["classes"][5]["iou"] is None, "called so only where nobody knows"


def test_loss_is_the_mean_over_the_labelled_pixels() -> None:
    batch = TASK.draw(3)
    scores = torch.randn(3, 11, *batch[1].shape[1:], dtype=torch.float64, requires_grad=True)
    loss = TASK.outcome(lambda pictures: scores, batch).loss
    known = batch[1] < 11
    expected = cross_entropy(scores.permute(0, 2, 3, 1)[known], batch[1][known].long())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    slope = torch.autograd.grad(loss, scores)[0].abs().sum(1)
    assert not slope[~known].any()
    assert slope[known].all()


def test_pictures_without_any_label_teach_nothing() -> None:
    pixels, labels = TASK.draw(1)
    scores = torch.randn(1, 11, *labels.shape[1:], requires_grad=True)
    outcome = TASK.outcome(lambda pictures: scores, (pixels, torch.full_like(labels, 11)))
    assert outcome.loss.item() == 0
    assert TASK.tally(outcome.output, (pixels, torch.full_like(labels, 11)))["accuracy"] == 0


def forgotten_rim(model: nn.Module) -> None:
    def without(x: Tensor, height: int, width: int) -> Tensor:
        weight = model.up16.weight
        return conv_transpose2d(x, weight, stride=2, padding=1, output_padding=1)[:, :, :height, :width]

    model.up16.forward = without


def turned_kernel(model: nn.Module) -> None:
    layer, weight = model.up, model.up.weight

    def turned(x: Tensor, height: int, width: int) -> Tensor:
        layer.weight = nn.Parameter(weight.flip(-1))
        large = Upsampling.forward(layer, x, height, width)
        layer.weight = weight
        return large

    layer.forward = turned


def red_first(model: nn.Module) -> None:
    model.conv1.register_forward_pre_hook(lambda layer, given: (given[0].flip(1),))


@pytest.mark.parametrize(("plant", "first"), [(red_first, "conv1"), (forgotten_rim, "up16"), (turned_kernel, "up")])
def test_a_fault_is_found_where_it_is(plant: Callable[[nn.Module], None], first: str) -> None:
    assert first_wrong("fcn", plant) == first


def test_counting_what_has_no_label_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(TASK), "outcome", counting_all)
    assert next(one.name for one in checking.check("fcn") if one.verdict != "OK") == "loss"


def counting_all(task: object, model: nn.Module, batch: tuple[Tensor, ...]) -> object:
    from liuli.tasks.examples import Outcome

    scores = model(*TASK.inputs(batch))
    labels = batch[1].long().clamp(max=10)
    return Outcome(cross_entropy(scores, labels), scores)
