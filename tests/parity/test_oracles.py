"""Every system agrees with its independent implementation, and a fault in ours is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy

from liuli import catalog, checking
from liuli.checking import Comparison
from liuli.models.vision.lenet_1998 import TABLE_1
from liuli.tasks.examples import Batch, Outcome
from liuli.tasks.image_classification import ImageClassification
from tests.planted import compared

CHECKED = [name for name in catalog.listings() if checking.has_oracle(name)]


@pytest.mark.parametrize("name", CHECKED)
def test_agrees_in_every_layer_and_gradient(name: str) -> None:
    comparisons = checking.check(name)
    assert wrong(comparisons) == []

    model = catalog.find(name).build()
    holders = (nn.ModuleList, nn.ModuleDict)  # they compute nothing
    layers = {path for path, one in model.named_modules() if path and not isinstance(one, holders)} | {"forward"}
    parameters = {path for path, one in model.named_parameters() if one.requires_grad}
    compared = {"loss"} | layers | {f"gradient of {one}" for one in layers | parameters}
    assert {one.name for one in comparisons} == compared
    twice = any(isinstance(module, nn.Dropout) for module in model.modules())
    assert len(comparisons) == (2 if twice else 1) * len(compared)


def wrong(comparisons: list[Comparison]) -> list[str]:
    return [one.name for one in comparisons if one.verdict != "OK"]


class Reversed(torch.autograd.Function):
    """The value as it is, its gradient with the sign turned round."""

    @staticmethod
    def forward(context: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        return -gradient


def drop_bias(model: nn.Module) -> None:
    model.c1.forward = lambda x: conv2d(x, model.c1.weight)


def move_window(model: nn.Module) -> None:
    model.c3.forward = lambda x: conv2d(x.roll(1, -1), model.c3.weight, model.c3.bias)


def turn_gradient_round(model: nn.Module) -> None:
    model.c5.register_forward_hook(lambda module, arguments, output: Reversed.apply(output))


def flip_kernels(model: nn.Module) -> None:
    model.c1.forward = lambda x: conv2d(x, model.c1.weight.flip(-1, -2), model.c1.bias)


def swap_two_maps(model: nn.Module) -> None:
    first, second = model.c3.incoming[:2].clone()
    model.c3.incoming[0], model.c3.incoming[1] = second, first


def average_instead_of_sum(model: nn.Module) -> None:
    model.s2.forward = lambda x: model.s2.coefficient * nn.functional.avg_pool2d(x, 2) + model.s2.bias


def flatten_early(model: nn.Module) -> None:
    model.c5.register_forward_hook(lambda module, arguments, output: output.flatten(1))


def forget_bias_in_the_middle(model: nn.Module) -> None:
    model.hidden2.forward = lambda x: x @ model.hidden2.weight.T


def see_the_future(model: nn.Module) -> None:
    layer = model.decoder[1].attention
    layer.forward = lambda x, memory=None, allowed=None: layer.attend(x, layer.offers(x))


def keep_more(model: nn.Module) -> None:
    model.dropout.p = 0.4


@pytest.mark.parametrize(
    ("name", "plant", "first", "verdict"),
    [
        ("lenet", drop_bias, "c1", "DIFF"),
        ("lenet", flip_kernels, "c1", "DIFF"),
        ("lenet", move_window, "c3", "DIFF"),
        ("lenet", turn_gradient_round, "gradient of c3", "DIFF"),
        ("lenet-1998", swap_two_maps, "c3", "DIFF"),
        ("lenet-1998", average_instead_of_sum, "s2", "DIFF"),
        ("lenet-1998", flatten_early, "c5", "SHAPE"),
        ("mlp", forget_bias_in_the_middle, "hidden2", "DIFF"),
        ("transformer", see_the_future, "decoder.1.attention.output", "DIFF"),
        ("convnet", keep_more, "dropout", "DIFF"),
    ],
)
def test_a_fault_is_found_where_it_is(name: str, plant: Callable[[nn.Module], None], first: str, verdict: str) -> None:
    comparisons = compared(name, plant)
    found = next(one for one in comparisons if one.verdict != "OK")
    assert (found.name, found.verdict) == (first, verdict)
    assert found.dropout == (plant is keep_more), "with dropout off its rate changes nothing"


def test_a_wrong_loss_is_found() -> None:
    class Summed(ImageClassification):
        def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
            scores = model(*self.inputs(batch))
            return Outcome(cross_entropy(scores, batch[1], reduction="sum"), scores)

    system = replace(catalog.find("lenet"), task=Summed(size=32, channels=1))
    assert wrong(checking.compare(system, checking.oracle("lenet")))[0] == "loss"


def test_a_layer_that_only_one_side_has_is_found() -> None:
    def without_f6(*arguments: object) -> dict[str, checking.Array]:
        return {name: value for name, value in checking.oracle("lenet")(*arguments).items() if name != "f6"}

    assert wrong(checking.compare(catalog.find("lenet"), without_f6)) == ["f6"]


def test_table_1_reads_the_same_from_two_hands() -> None:
    from liuli.oracles.lenet_1998 import CONNECTED

    assert tuple(tuple(column.nonzero()[0]) for column in CONNECTED.T) == TABLE_1
    assert CONNECTED.sum() == 60
