"""ResNet: blocks that add to their input what they have found, so that a hundred layers can be trained.

A plain net that is made deeper ends up worse even on its training pictures, though the added layers need only hand on
what they are given. Here handing on is what a block does by itself: its layers learn the difference, the residual,
and the gradient of the sum reaches every block unweakened.

    block:  y = ReLU(F(x) + x),   F(x) = BN(W₂ ∗ ReLU(BN(W₁ ∗ x)))
    BN:     x̂ = γ (x − μ) / √(σ² + ε) + β,   μ and σ² over the batch in training, kept averages after it

Paper: He, Zhang, Ren & Sun, Deep residual learning for image recognition, 2015 (CVPR 2016): sections 3.3 and 4.1
(depths 18 to 152) and 4.2 (20 to 110, for pictures of 32 × 32).

Shapes:
    B  batch, K classes, pictures (B, 3, H, W); depths 20 to 110: stages of 16, 32 and 64 maps at H, H/2 and H/4;
    depths 18 to 152: a stem at H/4, stages of 64, 128, 256 and 512 maps (four times as many in the bottlenecks
    of 50 and more) at H/4 to H/32

Departures:
    The per-pixel mean is not subtracted: the first batch norm does as much. The border of a moved picture is mirrored,
    not black. Bottlenecks halve the picture in their 3 × 3 convolution (the paper: in the first 1 × 1), as every
    published set of weights does. The recipe is for a fifth of the data: batches of 32, not 128,
    Nesterov's momentum, a rate that falls along a cosine, not in two steps.

Look at:
    One channel at the end of each block of a stage: which block changes it, and which hands it on?
    The gradient at the first convolution, with `--set shortcuts=no` and without, at depth 56.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from liuli.errors import UserError
from liuli.layers.residual import BasicBlock, Bottleneck, Padded, Projection, Widening
from liuli.system import SGD, Cosine, Recipe, System, Target
from liuli.tasks.image_classification import ImageClassification

SMALL = {depth: (BasicBlock, (16, 32, 64), ((depth - 2) // 6,) * 3) for depth in (20, 32, 56, 110)}
"""By depth: the kind of block, and maps and blocks of each stage, for pictures of 32 × 32."""

MAPS = (64, 128, 256, 512)
LARGE: dict[int, tuple[type[BasicBlock | Bottleneck], tuple[int, ...], tuple[int, ...]]] = {
    18: (BasicBlock, MAPS, (2, 2, 2, 2)),
    34: (BasicBlock, MAPS, (3, 4, 6, 3)),
    50: (Bottleneck, MAPS, (3, 4, 6, 3)),
    101: (Bottleneck, MAPS, (3, 4, 23, 3)),
    152: (Bottleneck, MAPS, (3, 8, 36, 3)),
}
"""The same for pictures of 224 × 224 (the paper's table 1)."""


class ResNet(nn.Module):
    """A stem, stages of blocks, the mean over the picture, a dense output; returns scores (logits).

    Args:
        classes: K.
        depth: layers with weights: 20, 32, 56 or 110 for small pictures; 18, 34, 50, 101 or 152 for large ones.
        shortcuts: without them it is the plain net that the paper compares with.

    Raises:
        ValueError: the paper has no net of this depth.
    """

    def __init__(self, classes: int = 10, depth: int = 20, shortcuts: bool = True) -> None:
        super().__init__()
        if depth not in SMALL | LARGE:
            raise ValueError(f"expected a depth of {', '.join(map(str, sorted(SMALL | LARGE)))}")
        block, maps, blocks = (SMALL | LARGE)[depth]
        self.large = depth in LARGE
        enter = maps[0]
        if self.large:
            self.conv1 = nn.Conv2d(3, enter, kernel_size=7, stride=2, padding=3, bias=False)
        else:
            self.conv1 = nn.Conv2d(3, enter, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(enter)
        widening: Widening | None = (Projection if self.large else Padded) if shortcuts else None
        self.stages = tuple(f"layer{number}" for number in range(1, len(blocks) + 1))
        for name, width, count in zip(self.stages, maps, blocks, strict=True):
            stage = nn.Sequential()
            for index in range(count):
                stride = 2 if index == 0 and name != "layer1" else 1
                stage.append(block(enter, width, stride, widening))
                enter = width * block.expansion
            self.add_module(name, stage)
        self.fc = nn.Linear(enter, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # He et al., 2015: variances stay equal from layer to layer
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.bn1(self.conv1(pictures)).relu()  # (B, 16, H, W), or (B, 64, H/2, W/2) of a large picture
        if self.large:
            x = max_pool2d(x, kernel_size=3, stride=2, padding=1)  # (B, 64, H/4, W/4)
        for name in self.stages:
            x = self.get_submodule(name)(x)  # maps double, H and W halve, from the second stage on
        features = x.mean((2, 3))  # (B, D)
        return self.fc(features)  # (B, K)


Naming = Callable[[str], str]
"""What a publisher calls the weight that we call so."""


def torchvision(name: str) -> str:
    """`layer2.0.shortcut.1.bias` is `layer2.0.downsample.1.bias` in torchvision, whose other names are ours."""
    return name.replace(".shortcut.", ".downsample.")


def hugging_face(name: str) -> str:
    """The same in `transformers.ResNetForImageClassification`: `resnet.encoder.stages.1.layers.0.shortcut. …`."""
    *place, module, kind = name.split(".")
    if module == "fc":
        return f"classifier.1.{kind}"
    part, number = ("convolution", "normalization"), int(module[-1])
    if not place:  # conv1 and bn1
        return f"resnet.embedder.embedder.{part[module == 'bn1']}.{kind}"
    layer = f"resnet.encoder.stages.{int(place[0][-1]) - 1}.layers.{place[1]}"
    if place[-1] == "shortcut":
        return f"{layer}.shortcut.{part[number]}.{kind}"
    return f"{layer}.layer.{number - 1}.{part[module.startswith('bn')]}.{kind}"


def published(network: ResNet, naming: Naming) -> dict[str, Tensor]:
    """All weights and averages of `network` under a publisher's names."""
    return {naming(name): value for name, value in network.state_dict().items()}


def load_published(network: ResNet, weights: Mapping[str, Tensor], naming: Naming) -> None:
    """Take over weights that stand under a publisher's names.

    Batch norm's count of batches may be absent (older files lack it): nothing is computed from it.

    Raises:
        UserError: a tensor is missing, is of another shape, or is one too many; nothing is changed.
    """
    ours = network.state_dict()
    theirs = {name: naming(name) for name in ours}
    for name, called in theirs.items():
        if called not in weights and not name.endswith("num_batches_tracked"):
            raise UserError(f"{called}: is not among the weights; give those of a net of the same kind and depth")
        found, expected = tuple(weights.get(called, ours[name]).shape), tuple(ours[name].shape)
        if found != expected:
            raise UserError(f"{called}: has shape {found}, expected {expected}; build the net with that many classes")
    for called in weights.keys() - theirs.values():
        raise UserError(f"{called}: has no place in this net; give the weights of one of the same kind and depth")
    network.load_state_dict({name: weights.get(called, ours[name]) for name, called in theirs.items()})


SYSTEM = System(
    name="resnet",
    year=2015,
    paper="He, Zhang, Ren & Sun, Deep residual learning for image recognition",
    after=("convnet",),
    model=ResNet,
    task=ImageClassification(size=32, channels=3),
    data="cifar10",
    recipe=Recipe(
        epochs=60,
        batch_size=32,
        optimizer=SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        schedule=Cosine(),
        validation=0.05,
        augment=True,
    ),
    target=Target("accuracy", at_least=0.78, published=0.9125),
)
