"""Style transfer: a picture with the content of one and the manner of another, found by changing its pixels.

Nothing is learnt but the picture itself. A network that was trained to name things, and stays as it is, looks at three
pictures: the one that is being painted, the content and the style. What a map shows at each place says what is there;
how strongly two maps agree over all places, whatever the place, says how it is painted. The painting begins as the
content and goes down the slope of both differences, and of its own roughness.

    Gram matrix:  G_l[i,j] = Σ_m F_l[i,m] F_l[j,m] / (C_l M_l)
    content:      mean of (F_3 − P_3)²,   F of the painting, P of the content
    style:        Σ_l Σ_ij (G_l − A_l)² / 4,   G of the painting, A of the style
    roughness:    mean of (x[u+1,v] − x[u,v])² + mean of (x[u,v+1] − x[u,v])²   (total variation)
    loss:         content + w_style · style + w_rough · roughness

Paper: Gatys, Ecker & Bethge, Image style transfer using convolutional neural networks, Proceedings of the IEEE
Conference on Computer Vision and Pattern Recognition, 2016, equations 1 to 7.

Shapes:
    B  pairs of pictures (B, 3, S, S), red, green and blue from 0 to 1; one painting (3, S, S)
    C  maps of a layer, M places of a map, R = 1 + 2 B pictures that are looked at

Departures:
    SqueezeNet 1.1 (Iandola et al., 2016), nine convolutions deep, instead of VGG-19: the content is compared at
    fire3 and the style at conv1, fire3, fire4 and fire5. The first picture is the content, which the paper allows
    (section 3.3), not noise, of which the few layers leave too much. Adam instead of L-BFGS. The content's loss is a
    mean, not half a sum; the roughness, which the paper has not, is Mahendran & Vedaldi's (2015), squared. There is
    nothing to hold out: what is reported is the loss of the finished painting beside that of the content itself.

Look at:
    figures/epochs: which comes first, the colours or the strokes, and what becomes of the houses?
    The Gram matrix of conv1, and how one of its entries moves a single pixel of the painting.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d

from liuli.layers.fire import Fire
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.painting import Painting

MEAN = (104.0, 117.0, 123.0)  # of blue, green and red, as SqueezeNet was trained


class Frozen(nn.Module):
    """A convolution that does not learn: its weights are buffers, random until they are given."""

    weight: Tensor
    bias: Tensor

    def __init__(self, enter: int, leave: int, window: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.register_buffer("weight", nn.init.kaiming_normal_(torch.empty(leave, enter, window, window)))
        self.register_buffer("bias", torch.randn(leave))
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)


class StyleTransfer(nn.Module):
    """The painting, and SqueezeNet to look at it; returns its three weighted losses for each pair, (B, 3).

    Args:
        size: S, height and width of all pictures.
        style_weight: w_style, against the content's 1.
        roughness_weight: w_rough.
    """

    mean: Tensor

    def __init__(self, size: int = 31, style_weight: float = 0.05, roughness_weight: float = 30_000.0) -> None:
        super().__init__()
        self.style_weight, self.roughness_weight = style_weight, roughness_weight
        self.painting = nn.Parameter(torch.rand(3, size, size))
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.conv1 = Frozen(3, 64, window=3, stride=2)
        self.fire2 = Fire(64, 16, 64, Frozen)
        self.fire3 = Fire(128, 16, 64, Frozen)
        self.fire4 = Fire(128, 32, 128, Frozen)
        self.fire5 = Fire(256, 32, 128, Frozen)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        pictures = torch.cat([self.painting[None], content, style])  # (R, 3, S, S)
        conv1 = self.conv1(255 * pictures.flip(1) - self.mean).relu()  # (R, 64, H, W)
        fire3 = self.fire3(self.fire2(max_pool2d(conv1, 3, 2, ceil_mode=True)))  # (R, 128, H/2, W/2)
        fire4 = self.fire4(max_pool2d(fire3, 3, 2, ceil_mode=True))  # (R, 256, H/4, W/4)
        fire5 = self.fire5(fire4)  # (R, 256, H/4, W/4)

        count = len(content)
        contents = (fire3[:1] - fire3[1 : 1 + count]).square().mean((1, 2, 3))  # (B,)
        styles = torch.stack([style_losses(maps, count) for maps in (conv1, fire3, fire4, fire5)]).sum(0)  # (B,)
        roughness = self.painting.diff(dim=1).square().mean() + self.painting.diff(dim=2).square().mean()
        parts = (contents, self.style_weight * styles, self.roughness_weight * roughness.expand(count))
        return torch.stack(parts, 1)  # (B, 3)


def style_losses(maps: Tensor, count: int) -> Tensor:
    """Squared differences of the painting's Gram matrix from those of `count` styles, the last of R: (B,)."""
    flat = maps.flatten(2)  # (R, C, M)
    grams = flat @ flat.mT / (flat.size(1) * flat.size(2))  # (R, C, C)
    return (grams[:1] - grams[1 + count :]).square().sum((1, 2)) / 4


SYSTEM = System(
    name="style-transfer",
    year=2016,
    paper="Gatys, Ecker & Bethge, Image style transfer using convolutional neural networks",
    model=StyleTransfer,
    task=Painting(),
    data="photos",
    recipe=Recipe(
        epochs=12,
        batch_size=1,
        optimizer=Adam(lr=0.03),
        schedule=Cosine(warmup=0.0),
        validation=0.0,
    ),
    target=Target("fall", at_least=20),
)
