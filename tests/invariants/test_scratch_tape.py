"""What must hold of the tape whatever is computed on it."""

import weakref
from typing import Any

import numpy as np
import pytest

from liuli.scratch.losses import softmax, softmax_cross_entropy
from liuli.scratch.operations import dense, exp, relu, sigmoid, sum, tanh
from liuli.scratch.optimizers import SGD
from liuli.scratch.tape import Tensor, sum_to_shape


def draw(*shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(0).standard_normal(shape)


def test_the_example_of_the_tapes_docstring() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    loss = exp(x * x)[0] + x[0] / x[2]
    loss.backward()
    np.testing.assert_allclose(x.gradient, [2 * np.e + 1 / 3, 0, -1 / 9], rtol=1e-14)


def test_a_tape_walked_twice_adds_each_time() -> None:
    x = Tensor(draw(3, 4))
    loss = sum(exp(x) * x)
    loss.backward()
    assert x.gradient is not None
    once = x.gradient.copy()
    loss.backward()
    np.testing.assert_allclose(x.gradient, 2 * once, rtol=1e-15)


def test_gradients_of_two_losses_add_up() -> None:
    x, together = Tensor(draw(5)), Tensor(draw(5))
    sum(tanh(x)).backward()
    sum(x * x).backward()
    (sum(tanh(together)) + sum(together * together)).backward()
    np.testing.assert_allclose(x.gradient, together.gradient, rtol=1e-14)


def test_gradients_add_up_in_an_optimizers_buffer() -> None:
    weight, bias = draw(2, 3), draw(2)
    alone = {"weight": Tensor(weight.copy()), "bias": Tensor(bias.copy())}
    lent = {"weight": Tensor(weight.copy()), "bias": Tensor(bias.copy())}
    optimizer = SGD(lent, 0.1)
    for parameters in (alone, lent):
        for inputs in (draw(4, 3), draw(7, 3)):
            sum(sigmoid(dense(Tensor(inputs), parameters["weight"], parameters["bias"]))).backward()
    row = np.concatenate([tensor.gradient.ravel() for tensor in alone.values() if tensor.gradient is not None])
    np.testing.assert_allclose(optimizer.gradients, row, rtol=1e-14)


def test_a_weight_used_twice_gets_both_shares() -> None:
    square, bias = Tensor(draw(3, 3)), Tensor(np.zeros(3))
    optimizer = SGD({"square": square}, 0.1)  # both uses want to write into its buffer
    x = Tensor(draw(2, 3), constant=True)
    sum(dense(dense(x, square, bias), square, bias)).backward()
    first, second = Tensor(draw(3, 3)), Tensor(draw(3, 3))
    sum(dense(dense(x, first, bias), second, bias)).backward()
    assert first.gradient is not None
    assert second.gradient is not None
    np.testing.assert_allclose(optimizer.gradients.reshape(3, 3), first.gradient + second.gradient, rtol=1e-14)


def test_constants_get_no_gradient_and_leave_no_tape() -> None:
    x, y = Tensor(draw(3), constant=True), Tensor(draw(3))
    loss = sum(exp(x) * y)
    loss.backward()
    assert x.gradient is None
    assert y.gradient is not None
    assert exp(x).constant
    assert exp(x).inputs == ()


def test_what_was_given_first_stands_first_on_the_tape() -> None:
    x = Tensor(draw(3))
    y = exp(x)
    loss = sum(y * x + y)
    assert [one.operation for one in loss.tape()] == ["", "exp", "multiply", "add", "sum"]


def test_a_long_tape_needs_no_deep_stack() -> None:
    x = Tensor(np.ones(2))
    y = x
    for _ in range(20_000):
        y = y + 1.0
    sum(y).backward()
    np.testing.assert_array_equal(x.gradient, [1, 1])


def test_the_tape_is_forgotten_with_its_result() -> None:
    class Watched(Tensor):
        __slots__ = ("__weakref__",)

    x = Watched(draw(3))
    gone = weakref.ref(x)
    loss = sum(exp(x))
    loss.backward()
    del x, loss
    assert gone() is None  # at once: there is no cycle for the garbage collector to find


def test_backward_starts_from_one_number() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        exp(Tensor(draw(3))).backward()


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (4, 1), (2, 1, 3), (1, 4, 1), (2, 4, 3)])
def test_broadcasting_backward_is_the_transpose_of_broadcasting_forward(shape: tuple[int, ...]) -> None:
    small, large = np.asarray(draw(*shape)), draw(2, 4, 3) + 1
    stretched = np.broadcast_to(small, large.shape)
    np.testing.assert_allclose(np.vdot(stretched, large), np.vdot(small, sum_to_shape(large, shape)), rtol=1e-12)
    assert sum_to_shape(large, shape).shape == shape


def test_precision_follows_the_input() -> None:
    weight, bias = Tensor(draw(2, 3).astype(np.float32)), Tensor(np.zeros(2, np.float32))
    x = Tensor(draw(4, 3).astype(np.float32))
    y = relu(2 * dense(x, weight, bias) + np.ones(2)) / 3.0 - 1
    loss = softmax_cross_entropy(y, np.array([0, 1, 0, 1]))
    loss.backward()
    assert {one.value.dtype for one in loss.tape()} == {np.dtype(np.float32)}
    assert {one.gradient.dtype for one in loss.tape() if one.gradient is not None} == {np.dtype(np.float32)}


def test_softmax_rows_sum_to_one_and_only_differences_count() -> None:
    scores = draw(5, 7)
    y = softmax(Tensor(scores)).value
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(Tensor(scores + 100.0)).value, y, rtol=1e-12)
    order = np.random.default_rng(1).permutation(7)
    np.testing.assert_allclose(softmax(Tensor(scores[:, order])).value, y[:, order], rtol=1e-15)


def test_the_gradient_of_cross_entropy_is_prediction_minus_truth() -> None:
    scores, labels = Tensor(draw(6, 4)), np.array([0, 1, 2, 3, 0, 1])
    softmax_cross_entropy(scores, labels).backward()
    truth = np.eye(4)[labels]
    np.testing.assert_allclose(scores.gradient, (softmax(scores).value - truth) / 6, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_nothing_overflows_at_ten_thousand(precision: type[np.floating]) -> None:
    scores = Tensor(np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], precision))
    loss = softmax_cross_entropy(scores, np.array([1, 1]))
    loss.backward()
    np.testing.assert_allclose(loss.value, (2e4 + np.log(2)) / 2, rtol=1e-6)
    np.testing.assert_allclose(scores.gradient, [[0.5, -0.5, 0], [0, -0.25, 0.25]], rtol=1e-6)
    np.testing.assert_allclose(softmax(scores).value, [[1, 0, 0], [0, 0.5, 0.5]], rtol=1e-6)

    x = Tensor(np.array([-1e4, 0, 1e4], precision))
    for activation, expected, slope in [
        (sigmoid, [0, 0.5, 1], [0, 0.25, 0]),
        (tanh, [-1, 0, 1], [0, 1, 0]),
        (relu, [0, 0, 1e4], [0, 0, 1]),
    ]:
        y = activation(x)
        np.testing.assert_array_equal(y.value, np.array(expected, precision))
        x.gradient = None
        sum(y).backward()
        np.testing.assert_array_equal(x.gradient, slope)
