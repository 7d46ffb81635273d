"""Each hand-written operation gives PyTorch's numbers in float64, and each of its rules PyTorch's gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as some

from liuli.scratch import operations as by_hand
from liuli.scratch.tape import Tensor
from tests.scratch_cases import CASES, Case, relative_error

lengths = some.tuples(*[some.integers(1, 5)] * 4)
seeds = some.integers(0, 2**32 - 1)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@settings(max_examples=15, deadline=None, derandomize=True)
@given(lengths=lengths, seed=seeds)
def test_value_and_gradients_equal_pytorch(case: Case, lengths: tuple[int, int, int, int], seed: int) -> None:
    arrays = case.arguments(lengths, seed)
    ours = [Tensor(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    result, expected = case.ours(*ours), case.theirs(*theirs)
    assert result.value.dtype == np.float64
    assert relative_error(result.value, expected.detach().numpy()) < 1e-12

    upstream = np.random.default_rng(seed).uniform(0.5, 1.5, result.value.shape)
    by_hand.sum(result * upstream).backward()
    expected.backward(torch.from_numpy(upstream))
    for our, their in zip(ours, theirs, strict=True):
        assert our.gradient is not None
        assert their.grad is not None
        assert relative_error(our.gradient, their.grad.numpy()) < 1e-10


@settings(max_examples=30, deadline=None, derandomize=True)
@given(lengths=lengths, seed=seeds)
def test_convolution_equals_its_loops(lengths: tuple[int, int, int, int], seed: int) -> None:
    arrays = CASES["convolution"].arguments(lengths, seed)
    fast, slow = [Tensor(array) for array in arrays], [Tensor(array) for array in arrays]
    y, y_slow = by_hand.convolution(*fast), by_hand.convolution_loops(*slow)
    assert relative_error(y.value, y_slow.value) < 1e-12
    by_hand.sum(y * y).backward()
    by_hand.sum(y_slow * y_slow).backward()
    for one, other in zip(fast, slow, strict=True):
        assert one.gradient is not None
        assert other.gradient is not None
        assert relative_error(one.gradient, other.gradient) < 1e-12


@pytest.mark.parametrize("size", [2, 3])
def test_of_equal_numbers_in_a_window_the_first_gets_the_gradient(size: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 3, (3, 2, 6, 7)).astype(np.float64)  # many are equal
    ours, theirs = Tensor(pixels), torch.tensor(pixels, requires_grad=True)
    y = by_hand.max_pool(ours, size)
    upstream = np.random.default_rng(1).standard_normal(y.value.shape)
    by_hand.sum(y * upstream).backward()
    F.max_pool2d(theirs, size).backward(torch.from_numpy(upstream))
    assert theirs.grad is not None
    np.testing.assert_array_equal(ours.gradient, theirs.grad.numpy())


def test_dropout_is_pytorchs_with_the_same_mask() -> None:
    array = np.random.default_rng(0).standard_normal((50, 40))
    x = Tensor(array)
    y = by_hand.dropout(x, 0.3, np.random.default_rng(1))
    by_hand.sum(y * y).backward()
    mask = torch.from_numpy((y.value != 0).astype(np.float64))
    theirs = torch.tensor(array, requires_grad=True)
    expected = theirs * mask / 0.7
    (expected * expected).sum().backward()
    assert theirs.grad is not None
    assert abs(mask.mean().item() - 0.7) < 0.03  # 2,000 draws: three standard deviations
    np.testing.assert_allclose(y.value, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(x.gradient, theirs.grad.numpy(), rtol=1e-12)
