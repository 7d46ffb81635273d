"""The numeric gradient, which knows nothing of rules, agrees with every rule; and would not with a wrong one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from liuli.scratch import operations as by_hand
from liuli.scratch.gradient_check import check_gradients, numeric_gradient
from liuli.scratch.tape import Tensor, record
from tests.scratch_cases import CASES, Case


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@settings(max_examples=5, deadline=None, derandomize=True)
@given(lengths=some.tuples(*[some.integers(1, 3)] * 4), seed=some.integers(0, 2**32 - 1))
def test_every_rule_agrees(case: Case, lengths: tuple[int, int, int, int], seed: int) -> None:
    check_gradients(case.ours, *case.arguments(lengths, seed))


def test_dropout_agrees() -> None:
    check_gradients(
        lambda x: by_hand.dropout(x, 0.5, np.random.default_rng(3)), np.random.default_rng(0).random((4, 5))
    )


def test_a_wrong_rule_is_found() -> None:
    def cube(x: Tensor) -> Tensor:
        return record("cube", x.value**3, (x, lambda upstream: upstream * 3 * x.value))

    with pytest.raises(AssertionError, match="argument 0"):
        check_gradients(cube, np.array([0.5, 2.0]))


def test_a_forgotten_input_is_found() -> None:
    def product(x: Tensor, y: Tensor) -> Tensor:
        return record("product", x.value * y.value, (x, lambda upstream: upstream * y.value))

    with pytest.raises(AssertionError, match="argument 1"):
        check_gradients(product, np.array([0.5, 2.0]), np.array([1.0, 3.0]))


def test_the_numeric_gradient_of_a_cubic() -> None:
    x = np.array([[-1.0, 0.5], [2.0, 3.0]])
    before = x.copy()
    np.testing.assert_allclose(numeric_gradient(lambda x: float((x**3).sum()), x), 3 * x**2, rtol=1e-9)
    np.testing.assert_array_equal(x, before)
