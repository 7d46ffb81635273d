"""ResNet beside what is published: parameter counts, names of weights, and the numbers of `transformers`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from liuli import checking
from liuli.errors import UserError
from liuli.models.vision.resnet import (
    LARGE,
    SMALL,
    SYSTEM,
    ResNet,
    hugging_face,
    load_published,
    published,
    torchvision,
)

MILLIONS = {20: 0.27, 32: 0.46, 56: 0.85, 110: 1.7}
"""He et al., 2016, table 6."""
COUNTS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}
"""Of torchvision's nets with 1,000 classes (`num_params` of its weights)."""


def parameters(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


@pytest.mark.parametrize("depth", SMALL)
def test_small_nets_have_the_papers_millions_of_parameters(depth: int) -> None:
    count, printed = parameters(ResNet(10, depth)) / 1e6, MILLIONS[depth]
    assert round(count, 1 if depth == 110 else 2) == printed


@pytest.mark.parametrize("depth", LARGE)
def test_large_nets_have_as_many_parameters_as_torchvisions(depth: int) -> None:
    with torch.device("meta"):
        assert parameters(ResNet(1000, depth)) == COUNTS[depth]


@pytest.mark.parametrize("depth", [*SMALL, *LARGE])
def test_depth_counts_the_layers_with_weights(depth: int) -> None:
    with torch.device("meta"):
        network = ResNet(10, depth)
    layers = [path for path, one in network.named_modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    assert sum("shortcut" not in path for path in layers) == depth


def test_option_a_and_the_identity_add_no_parameters() -> None:
    assert parameters(ResNet(10, 56, shortcuts=True)) == parameters(ResNet(10, 56, shortcuts=False))


def test_a_plain_block_has_no_way_round() -> None:
    network = ResNet(10, 20, shortcuts=False).eval()
    with torch.no_grad():
        network.layer2[1].bn2.weight.zero_()  # F(x) = 0: nothing of x comes through
    assert not network.layer2[1](torch.rand(2, 32, 8, 8)).any()
    with_shortcut = ResNet(10, 20).eval()
    with torch.no_grad():
        with_shortcut.layer2[1].bn2.weight.zero_()
    x = torch.rand(2, 32, 8, 8)
    assert torch.equal(with_shortcut.layer2[1](x), x)


def names_in_torchvision(blocks: tuple[int, ...], convolutions: int) -> set[str]:
    """The keys of torchvision's state dicts, as its file models/resnet.py makes them."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = {"conv1.weight", "fc.weight", "fc.bias"} | {f"bn1.{kind}" for kind in norm}
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            prefix = f"layer{stage}.{block}"
            for number in range(1, convolutions + 1):
                names |= {f"{prefix}.conv{number}.weight"} | {f"{prefix}.bn{number}.{kind}" for kind in norm}
        if stage > 1 or convolutions == 3:
            prefix = f"layer{stage}.0.downsample"
            names |= {f"{prefix}.0.weight"} | {f"{prefix}.1.{kind}" for kind in norm}
    return names


@pytest.mark.parametrize(
    ("depth", "blocks", "convolutions"),
    [
        (18, (2, 2, 2, 2), 2),
        (34, (3, 4, 6, 3), 2),
        (50, (3, 4, 6, 3), 3),
        (101, (3, 4, 23, 3), 3),
        (152, (3, 8, 36, 3), 3),
    ],
)
def test_weights_go_out_under_torchvisions_names(depth: int, blocks: tuple[int, ...], convolutions: int) -> None:
    with torch.device("meta"):
        network = ResNet(1000, depth)
    assert published(network, torchvision).keys() == names_in_torchvision(blocks, convolutions)


def theirs(depth: int, classes: int) -> Any:
    """The net of that depth in `transformers`, with drawn weights and averages, in float64."""
    bottleneck = depth >= 50
    config = transformers.ResNetConfig(
        depths=LARGE[depth][2],
        layer_type="bottleneck" if bottleneck else "basic",
        hidden_sizes=[256, 512, 1024, 2048] if bottleneck else [64, 128, 256, 512],
        num_labels=classes,
    )
    torch.manual_seed(0)
    model = transformers.ResNetForImageClassification(config).double()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith(("running_mean", "normalization.bias")):
                value.normal_(std=0.1)
            elif name.endswith(("running_var", "normalization.weight")):
                value.uniform_(0.5, 1.5)
    return model


def outputs(network: nn.Module, run: Any) -> dict[str, Tensor]:
    """What every module gives when `run` calls the network."""
    found: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found[path] = output.detach().clone()

        return hook

    for path, module in network.named_modules():
        module.register_forward_hook(keep(path))
    run()
    return found


@pytest.mark.parametrize("training", [False, True], ids=["evaluated", "trained"])
@pytest.mark.parametrize("depth", [18, 50])
def test_numbers_are_those_of_transformers_in_every_layer(depth: int, training: bool) -> None:
    reference = theirs(depth, classes=7).train(training)
    ours = ResNet(7, depth).double().train(training)
    load_published(ours, reference.state_dict(), hugging_face)
    torch.manual_seed(1)
    pictures, labels = torch.rand(2, 3, 64, 64, dtype=torch.float64), torch.tensor([2, 5])
    logits: list[Tensor] = []
    expected = outputs(reference, lambda: logits.append(reference(pictures).logits))
    found = outputs(ours, lambda: logits.append(ours(pictures)))

    layers = [path for path, one in ours.named_modules() if isinstance(one, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
    for path in layers:
        there = expected[hugging_face(f"{path}.weight").removesuffix(".weight")]
        assert (found[path] - there).abs().max() < 1e-10 * there.abs().max(), path

    for scores in logits:
        torch.autograd.backward(nn.functional.cross_entropy(scores, labels))
    slopes = {name: one.grad for name, one in reference.named_parameters()}
    for name, one in ours.named_parameters():
        slope = slopes[hugging_face(name)]
        assert (one.grad - slope).abs().max() < 1e-10 * slope.abs().max(), name
    for name, value in published(ours, hugging_face).items():  # in training the averages have moved alike
        assert torch.allclose(value, reference.state_dict()[name], rtol=1e-12, atol=1e-12), name


def test_weights_go_out_under_hugging_faces_names() -> None:
    with torch.device("meta"):
        ours = ResNet(1000, 50)
        reference = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000))
    expected = {name: value.shape for name, value in reference.state_dict().items()}
    assert {name: value.shape for name, value in published(ours, hugging_face).items()} == expected


@pytest.mark.parametrize("naming", [torchvision, hugging_face])
def test_weights_that_went_out_come_back_the_same_bits(naming: Any) -> None:
    torch.manual_seed(0)
    one, other = ResNet(10, 18), ResNet(10, 18)
    load_published(other, published(one, naming), naming)
    assert all(torch.equal(*pair) for pair in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_older_files_without_counts_of_batches_are_taken() -> None:
    weights, other = published(ResNet(10, 18), torchvision), ResNet(10, 18)
    load_published(other, {k: v for k, v in weights.items() if "num_batches" not in k}, torchvision)
    assert all(torch.equal(value, weights[name]) for name, value in published(other, torchvision).items())


def test_weights_that_do_not_fit_are_refused_in_one_sentence() -> None:
    network, weights = ResNet(10, 18), published(ResNet(10, 18), torchvision)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fc = {"fc.weight": torch.zeros(1000, 512)}
    with pytest.raises(UserError, match=r"^fc.weight: has shape \(1000, 512\), expected \(10, 512\)"):
        load_published(network, weights | fc, torchvision)
    with pytest.raises(UserError, match=r"^layer1.0.conv1.weight: is not among the weights"):
        load_published(network, {k: v for k, v in weights.items() if k != "layer1.0.conv1.weight"}, torchvision)
    with pytest.raises(UserError, match=r"^layer5.0.conv1.weight: has no place in this net"):
        load_published(network, weights | {"layer5.0.conv1.weight": torch.zeros(1)}, torchvision)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_depth_that_the_paper_has_not_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^resnet: .* depth=21 \(expected a depth of 18, 20, "):
        SYSTEM.build(classes=10, depth=21)


def arrays(network: nn.Module) -> dict[str, Any]:
    return {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("training", [False, True], ids=["evaluated", "trained"])
def test_kept_averages_and_those_of_the_batch_agree_with_the_oracle(training: bool) -> None:
    torch.manual_seed(0)
    network = checking.perturbed(ResNet()).double().train(training)
    for name, value in network.named_buffers():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if name.endswith("var") else value.normal_(std=0.1)
    weights = arrays(network)
    batch = SYSTEM.task.draw(2)
    inputs, ours = checking.observe(network, SYSTEM.task, batch)
    oracle = checking.oracle("resnet")(weights, *inputs, batch[1].numpy(), training=training)
    assert ours.keys() == oracle.keys()
    for name, value in ours.items():
        assert np.abs(value - oracle[name]).max() <= 1e-10 * np.abs(oracle[name]).max(), name


def drop_a_shortcut(network: nn.Module) -> None:
    network.layer2[1].shortcut = None


def shift_the_padding(network: nn.Module) -> None:
    network.layer2[0].shortcut.forward = lambda x: nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 16))


def forget_epsilon(network: nn.Module) -> None:
    network.layer1[0].bn1.eps = 0.0


@pytest.mark.parametrize(
    ("plant", "where"),
    [(drop_a_shortcut, "layer2.1"), (shift_the_padding, "layer2.0.shortcut"), (forget_epsilon, "layer1.0.bn1")],
)
def test_a_fault_is_found_where_it_is(plant: Any, where: str) -> None:
    torch.manual_seed(0)
    network = checking.perturbed(ResNet()).double().eval()
    plant(network)
    found = checking.compare_pass(network, SYSTEM.task, SYSTEM.task.draw(2), checking.oracle("resnet"))
    wrong = [one.name for one in found if one.verdict != "OK" and one.ours is not None]
    assert wrong[0] == where
