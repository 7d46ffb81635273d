"""A hundred steps of every hand-written optimizer end where PyTorch's end; and a saved state goes on bit for bit."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from liuli.scratch import optimizers
from liuli.scratch.optimizers import Optimizer, clip_gradients
from liuli.scratch.tape import Tensor
from tests.scratch_cases import relative_error

RATE = 0.01
SHAPES = {"weight": (300, 301), "bias": (300,), "scale": ()}  # more numbers than one block, and a single one

Ours = Callable[[Mapping[str, Tensor]], Optimizer]
Theirs = Callable[[Iterable[torch.Tensor]], torch.optim.Optimizer]
PAIRS: dict[str, tuple[Ours, Theirs]] = {
    "gradient descent": (
        lambda p: optimizers.SGD(p, RATE),
        lambda p: torch.optim.SGD(p, RATE),
    ),
    "momentum": (
        lambda p: optimizers.SGD(p, RATE, momentum=0.9),
        lambda p: torch.optim.SGD(p, RATE, momentum=0.9),
    ),
    "nesterov": (
        lambda p: optimizers.SGD(p, RATE, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True),
    ),
    "nesterov with weight decay": (
        lambda p: optimizers.SGD(p, RATE, momentum=0.8, nesterov=True, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, RATE, momentum=0.8, nesterov=True, weight_decay=0.1),
    ),
    "weight decay": (
        lambda p: optimizers.SGD(p, RATE, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, RATE, weight_decay=0.1),
    ),
    "AdaGrad": (
        lambda p: optimizers.AdaGrad(p, RATE),
        lambda p: torch.optim.Adagrad(p, RATE),
    ),
    "RMSProp": (
        lambda p: optimizers.RMSProp(p, RATE, alpha=0.95),
        lambda p: torch.optim.RMSprop(p, RATE, alpha=0.95),
    ),
    "Adam": (
        lambda p: optimizers.Adam(p, RATE),
        lambda p: torch.optim.Adam(p, RATE),
    ),
    "Adam with a large epsilon": (
        lambda p: optimizers.Adam(p, RATE, 0.8, 0.99, 0.1),
        lambda p: torch.optim.Adam(p, RATE, (0.8, 0.99), 0.1),
    ),
    "Adam with weight decay": (
        lambda p: optimizers.Adam(p, RATE, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, RATE, weight_decay=0.1),
    ),
    "AdamW": (
        lambda p: optimizers.AdamW(p, RATE, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, RATE, weight_decay=0.1),
    ),
}
every_pair = pytest.mark.parametrize(("make", "make_theirs"), PAIRS.values(), ids=PAIRS.keys())
every_optimizer = pytest.mark.parametrize("make", [ours for ours, _ in PAIRS.values()], ids=PAIRS.keys())


def begin(seed: int = 0, precision: type[np.floating] = np.float64) -> dict[str, Tensor]:
    rng = np.random.default_rng(seed)
    return {name: Tensor(rng.standard_normal(shape).astype(precision)) for name, shape in SHAPES.items()}


def give_gradients(parameters: Mapping[str, Tensor], step: int) -> dict[str, NDArray[Any]]:
    """Gradients that depend on where the parameter is, as a loss's would, with a different noise at each step."""
    rng = np.random.default_rng(step)
    gradients = {}
    for name, parameter in parameters.items():
        noise = rng.standard_normal(parameter.value.shape)
        gradients[name] = (parameter.value + 0.5 * noise).astype(parameter.value.dtype)
        parameter.gradient = None
        parameter.receive(gradients[name])
    return gradients


def take_steps(optimizer: Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        give_gradients(optimizer.parameters, step)
        optimizer.learning_rate = RATE / (1 + step / 50)
        optimizer.step()


@every_pair
def test_a_hundred_steps_equal_pytorch(make: Ours, make_theirs: Theirs) -> None:
    ours = begin()
    theirs = {name: torch.tensor(tensor.value.copy(), requires_grad=True) for name, tensor in ours.items()}
    optimizer, reference = make(ours), make_theirs(theirs.values())
    for step in range(100):
        for name, gradient in give_gradients(ours, step).items():
            theirs[name].grad = torch.tensor(gradient)
        optimizer.learning_rate = reference.param_groups[0]["lr"] = RATE / (1 + step / 50)
        optimizer.step()
        reference.step()
    for name, tensor in ours.items():
        assert relative_error(tensor.value, theirs[name].detach().numpy()) < 1e-10


@every_optimizer
def test_a_restored_state_goes_on_with_the_same_bits(make: Ours) -> None:
    straight = make(begin(precision=np.float32))
    take_steps(straight, 0, 9)

    first = make(begin(precision=np.float32))
    take_steps(first, 0, 4)
    saved = {name: array.copy() for name, array in first.state.items()}
    weights = first.weights.copy()
    take_steps(first, 4, 6)  # what was saved must not move with it

    second = make(begin(seed=1, precision=np.float32))
    second.weights[...] = weights
    second.restore(saved)
    take_steps(second, 4, 9)
    assert second.weights.tobytes() == straight.weights.tobytes()
    assert all(array.tobytes() == straight.state[name].tobytes() for name, array in second.state.items())


@every_optimizer
def test_precision_and_places_are_kept(make: Ours) -> None:
    parameters = begin(precision=np.float32)
    optimizer = make(parameters)
    values = [parameter.value for parameter in parameters.values()]
    take_steps(optimizer, 0, 2)
    assert optimizer.weights.dtype == np.float32
    assert all(array.dtype == np.float32 for name, array in optimizer.state.items() if name != "steps")
    assert all(parameter.value is value for parameter, value in zip(parameters.values(), values, strict=True))
    assert all(np.shares_memory(value, optimizer.weights) for value in values)


def test_a_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="squares"):
        optimizers.Adam(begin(), RATE).restore(optimizers.SGD(begin(), RATE).state)


def test_a_parameter_that_the_loss_did_not_reach_has_gradient_zero() -> None:
    parameters = begin()
    optimizer = optimizers.SGD(parameters, RATE)
    take_steps(optimizer, 0, 1)
    before = optimizer.weights.copy()
    optimizer.clear_gradients()
    assert clip_gradients(optimizer, 1.0) == 0
    optimizer.clear_gradients()
    optimizer.step()
    np.testing.assert_array_equal(optimizer.weights, before)


@pytest.mark.parametrize("largest", [1.0, 1e6])
def test_clipping_equals_pytorch(largest: float) -> None:
    parameters = begin()
    optimizer = optimizers.SGD(parameters, RATE)
    gradients = give_gradients(parameters, 0)
    theirs = [torch.zeros(array.shape, dtype=torch.float64, requires_grad=True) for array in gradients.values()]
    for tensor, array in zip(theirs, gradients.values(), strict=True):
        tensor.grad = torch.tensor(array)
    expected = torch.nn.utils.clip_grad_norm_(theirs, largest)
    assert clip_gradients(optimizer, largest) == pytest.approx(expected.item(), rel=1e-12)
    row = torch.cat([tensor.grad.ravel() for tensor in theirs if tensor.grad is not None])
    assert relative_error(optimizer.gradients, row.numpy()) < 1e-6  # PyTorch divides by the length + 10⁻⁶
