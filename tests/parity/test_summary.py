"""The counts of `liuli show` against the papers, arithmetic by hand, and PyTorch's own counter."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import conv_transpose2d, scaled_dot_product_attention
from torch.utils.flop_counter import FlopCounterMode

from liuli import catalog
from liuli.summary import MultiplyAdds, Summary, summarise


def summary_of(name: str, **options: object) -> Summary:
    system = catalog.find(name)
    return summarise(system.build(**options), system.task)


def test_lenet_has_the_counts_of_every_textbook() -> None:
    summary = summary_of("lenet")
    assert [(one.path, one.shape[1:], one.parameters, one.multiply_adds) for one in summary.layers] == [
        ("c1", (6, 28, 28), 156, 6 * 28 * 28 * 25),
        ("c3", (16, 10, 10), 2_416, 16 * 10 * 10 * 6 * 25),
        ("c5", (120,), 48_120, 120 * 400),
        ("f6", (84,), 10_164, 84 * 120),
        ("output", (10,), 850, 10 * 84),
    ]
    assert (summary.input, summary.parameters, summary.multiply_adds) == ((1, 1, 32, 32), 61_706, 416_520)


def test_lenet_1998_has_the_parameters_that_the_paper_prints() -> None:
    summary = summary_of("lenet-1998")
    counts = {one.path: one.parameters for one in summary.layers}
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert summary.trainable == summary.parameters == 60_000


def test_mlp_and_convnet_add_up() -> None:
    assert summary_of("mlp").parameters == 785 * 256 + 257 * 128 + 129 * 64 + 65 * 10 == 242_762
    convnet = summary_of("convnet")
    assert convnet.parameters == 320 + 18_496 + 16_010
    assert [one.path for one in convnet.layers] == ["conv1", "conv2", "dropout", "output"]


def test_options_change_the_network() -> None:
    assert summary_of("lenet", classes=26).layers[-1].parameters == 85 * 26


def attention(x: Tensor) -> Tensor:
    heads = x.reshape(2, 4, 5, 6)
    return scaled_dot_product_attention(heads, heads[:, :, :3], heads[:, :, :3])


@pytest.mark.parametrize(
    "work",
    [
        nn.Conv1d(6, 4, 3, stride=2, groups=2),
        nn.ConvTranspose1d(6, 4, 3, stride=2, groups=2),
        nn.Linear(20, 7),
        lambda x: x @ x.mT,
        lambda x: torch.matmul(x, torch.ones(20, 3)),
        lambda x: x[0].mm(x[1].T),
        lambda x: torch.bmm(x, x.mT),
        lambda x: torch.addmm(torch.zeros(6, 6), x[0], x[1].T),
        lambda x: torch.baddbmm(torch.zeros(2, 6, 6), x, x.mT),
        lambda x: torch.einsum("b i t, b j t -> b i j", x, x),
        lambda x: conv_transpose2d(x[None], torch.ones(2, 3, 4, 5)),
        attention,
        lambda x: x.softmax(-1) * x + x.sum(),
    ],
)
def test_multiply_adds_are_half_of_what_torch_counts_as_operations(work: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(2, 6, 20)
    ours, theirs = MultiplyAdds(), FlopCounterMode(display=False)
    ours.enter("")
    with torch.no_grad(), ours:
        work(x)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), theirs:  # it does not know the kernels of the CPU
        work(x)
    assert 2 * sum(ours.counts.values()) == theirs.get_total_flops()


def test_counts_go_to_the_module_that_did_the_work() -> None:
    class Tied(nn.Module):
        """A linear layer used twice, and a product of its own."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(784, 784, bias=False), nn.ReLU())
            self.again = self.inner[0]

        def forward(self, x: Tensor) -> Tensor:
            x = self.again(self.inner(x.flatten(1)))
            return x @ x.T

    summary = summarise(Tied(), catalog.find("mlp").task)
    assert {one.path: one.multiply_adds for one in summary.layers} == {"": 784, "inner.0": 2 * 784**2, "inner.1": 0}
    assert summary.parameters == 784**2
