"""A hand-written network with PyTorch's weights gives PyTorch's scores and gradients; weights travel both ways."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from liuli import catalog
from liuli.scratch.losses import softmax_cross_entropy
from liuli.scratch.networks import NETWORKS
from tests.scratch_cases import relative_error

SIDES = {"mlp": 28, "lenet": 32}
every_network = pytest.mark.parametrize("name", NETWORKS)


@every_network
def test_scores_and_gradients_equal_pytorch(name: str) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    theirs: nn.Module = catalog.find(name).model(classes=7).double()
    ours = NETWORKS[name](rng=rng, classes=7)
    for parameter in ours.parameters.values():
        parameter.value = parameter.value.astype(np.float64)
    ours.load({key: value.numpy() for key, value in theirs.state_dict().items()})

    pictures, labels = rng.random((5, 1, SIDES[name], SIDES[name])), rng.integers(0, 7, 5)
    scores = ours(pictures, training=True)
    expected = theirs(torch.from_numpy(pictures))
    assert relative_error(scores.value, expected.detach().numpy()) < 1e-12

    softmax_cross_entropy(scores, labels).backward()
    F.cross_entropy(expected, torch.from_numpy(labels)).backward()
    for key, parameter in theirs.named_parameters():
        gradient = ours.parameters[key].gradient
        assert gradient is not None
        assert parameter.grad is not None
        assert relative_error(gradient, parameter.grad.numpy()) < 1e-10, key


@every_network
def test_weights_travel_back(name: str) -> None:
    ours = NETWORKS[name](rng=np.random.default_rng(0), classes=10)
    theirs = catalog.find(name).model(classes=10)
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in ours.weights().items()}, strict=True)
    pictures = np.random.default_rng(1).random((3, 1, SIDES[name], SIDES[name]), np.float32)
    expected = theirs(torch.from_numpy(pictures)).detach().numpy()
    assert relative_error(ours(pictures).value, expected) < 1e-5


@every_network
def test_first_weights_are_drawn_as_pytorch_draws_them(name: str) -> None:
    """Even over the same bounds: the same largest value, and a variance of a third of the bound's square."""
    ours = NETWORKS[name](rng=np.random.default_rng(0), classes=10)
    torch.manual_seed(0)
    for key, theirs in catalog.find(name).model(classes=10).state_dict().items():
        found, expected = ours.parameters[key].value, theirs.numpy()
        shape = ours.parameters[key.replace("bias", "weight")].value.shape
        bound = np.sqrt(6 / sum(shape)) if name == "mlp" else 1 / np.sqrt(np.prod(shape[1:]))
        if name == "mlp" and key.endswith("bias"):
            bound = 0
        for drawn in (found, expected):
            assert np.abs(drawn).max() <= bound * (1 + 1e-6)
            if drawn.size > 500:
                assert np.abs(drawn).max() > 0.98 * bound
                assert drawn.var() * 3 == pytest.approx(bound**2, rel=0.15)
        assert found.dtype == expected.dtype


@every_network
def test_the_same_seed_draws_the_same_network(name: str) -> None:
    one, same, other = (NETWORKS[name](rng=np.random.default_rng(seed), classes=10).weights() for seed in (0, 0, 1))
    assert all(one[key].tobytes() == same[key].tobytes() for key in one)
    assert all(one[key].tobytes() != other[key].tobytes() for key in one if one[key].any())


def test_weights_of_another_network_are_refused() -> None:
    ours = NETWORKS["mlp"](rng=np.random.default_rng(0), classes=10)
    weights = ours.weights()
    with pytest.raises(ValueError, match=r"hidden1\.weight"):
        ours.load({key: value for key, value in weights.items() if key != "hidden1.weight"})
    with pytest.raises(ValueError, match="expected"):
        ours.load(weights | {"output.bias": np.zeros(9, np.float32)})
