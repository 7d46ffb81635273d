"""Fully convolutional networks: a classifier slides over the whole picture, and every pixel gets a class.

A network that names one thing in a picture has no need of dense layers: as convolutions they give a map of scores, one
place of it for every 32 × 32 pixels. Upsampling brings the map back to the size of the picture, by a transposed
convolution that begins as bilinear interpolation and learns. What is coarse knows what there is but not just where;
earlier maps, twice and four times as fine, know where. Their scores are added on the way up: FCN-32s, FCN-16s, FCN-8s.

    upsampling:  y[o,i] = Σ_c Σ_u w[c,o,u] · x[c, (i + s − 1 − u) / s],  where that is whole
    at first:    w[c,c,u] = 1 − |u − s + 1| / s,  and 0 between one class and another
    skips:       z16 = up16(score32(top)) + score16(fire9),   z8 = up8(z16) + score8(fire5)

Paper: Long, Shelhamer & Darrell, Fully convolutional networks for semantic segmentation, Proceedings of the IEEE
Conference on Computer Vision and Pattern Recognition, 2015, sections 3.3 and 4.2.

Shapes:
    B  batch, K classes, pictures (B, 3, H, W), red, green and blue from 0 to 1; any H and W
    H/2, H/4, …, H/32: each half of the one before, rounded up

Departures:
    SqueezeNet 1.1 (Iandola et al., 2016) as it learnt ImageNet instead of VGG-16: conv1 and three poolings reach fire9
    at stride 16, a fourth pooling and one convolution of 256 maps, which is new and without dropout, stand for fc6 and
    fc7. Windows of 3 × 3 have a rim of 1, so that place i of a map stands over pixel s·i: a kernel of odd size, 2s − 1,
    then interpolates exactly and nothing need be padded by 100 and cropped; below and to the right of the last place
    its own scores go on. The last upsampling learns too, and all skips from the beginning: the paper keeps the one
    fixed and starts each net from the coarser one. Scores begin near 0, not at it. Adam on batches of eight; pictures
    mirrored and zoomed into. The paper's figures are of PASCAL VOC.

Look at:
    up.weight: does a class still rise as a tent from place to place, and what does it take from its neighbours?
    score32, up16, score16, up8 and score8 of one picture, one after another: which of them finds the lamp posts?
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, max_pool2d, pad

from liuli.layers.fire import Fire
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.segmentation import Segmentation

MEAN = (104.0, 117.0, 123.0)  # of blue, green and red, as SqueezeNet was trained
STRIDES = (32, 16, 8)


class Upsampling(nn.Module):
    """Maps s times as large, by a transposed convolution that begins as bilinear interpolation.

    It is told the height and width to give, at most s times those that it gets.
    """

    def __init__(self, maps: int, times: int) -> None:
        super().__init__()
        self.times = times
        self.weight = nn.Parameter(bilinear(maps, times))

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        rimmed = pad(x, (0, 1, 0, 1), mode="replicate")  # (B, K, h+1, w+1)
        large = conv_transpose2d(rimmed, self.weight, stride=self.times, padding=self.times - 1)  # (B, K, s·h+1, s·w+1)
        return large[:, :, :height, :width]


def bilinear(maps: int, times: int) -> Tensor:
    """A tent over 2s − 1 pixels in both directions, from each map to itself: (K, K, 2s−1, 2s−1)."""
    tent = 1 - torch.arange(1 - times, times).abs() / times  # (2s−1,)
    return torch.eye(maps)[:, :, None, None] * torch.outer(tent, tent)


class FCN(nn.Module):
    """FCN-32s, FCN-16s or FCN-8s; returns the scores (logits) of every pixel, (B, K, H, W).

    Args:
        classes: K.
        stride: 32, 16 or 8: of the finest scores, in pixels.
    """

    mean: Tensor

    def __init__(self, classes: int = 11, stride: int = 8) -> None:
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"stride is {stride}, expected 32, 16 or 8")
        self.stride = stride
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=2, padding=1)
        self.fire2, self.fire3 = Fire(64, 16, 64), Fire(128, 16, 64)
        self.fire4, self.fire5 = Fire(128, 32, 128), Fire(256, 32, 128)
        self.fire6, self.fire7 = Fire(256, 48, 192), Fire(384, 48, 192)
        self.fire8, self.fire9 = Fire(384, 64, 256), Fire(512, 64, 256)
        self.top = nn.Conv2d(512, 256, kernel_size=3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        self.score32 = scoring(256, classes)
        if stride < 32:
            self.up16, self.score16 = Upsampling(classes, 2), scoring(512, classes)
        if stride < 16:
            self.up8, self.score8 = Upsampling(classes, 2), scoring(256, classes)
        self.up = Upsampling(classes, stride)

    def forward(self, pictures: Tensor) -> Tensor:
        conv1 = self.conv1(255 * pictures.flip(1) - self.mean).relu()  # (B, 64, H/2, W/2)
        fire3 = self.fire3(self.fire2(halved(conv1)))  # (B, 128, H/4, W/4)
        fire5 = self.fire5(self.fire4(halved(fire3)))  # (B, 256, H/8, W/8)
        fire7 = self.fire7(self.fire6(halved(fire5)))  # (B, 384, H/16, W/16)
        fire9 = self.fire9(self.fire8(fire7))  # (B, 512, H/16, W/16)
        top = self.top(halved(fire9)).relu()  # (B, 256, H/32, W/32)

        scores = self.score32(top)  # (B, K, H/32, W/32)
        if self.stride < 32:
            scores = self.up16(scores, *fire9.shape[2:]) + self.score16(fire9)  # (B, K, H/16, W/16)
        if self.stride < 16:
            scores = self.up8(scores, *fire5.shape[2:]) + self.score8(fire5)  # (B, K, H/8, W/8)
        return self.up(scores, *pictures.shape[2:])  # (B, K, H, W)


def halved(x: Tensor) -> Tensor:
    """The largest of the 3 × 3 places about every second one: (B, C, H/2, W/2)."""
    return max_pool2d(x, 3, stride=2, padding=1)


def scoring(maps: int, classes: int) -> nn.Conv2d:
    """A convolution of 1 × 1 that scores every place; it begins so small that no class is preferred."""
    layer = nn.Conv2d(maps, classes, kernel_size=1)
    nn.init.normal_(layer.weight, std=1e-3)
    return layer


SYSTEM = System(
    name="fcn",
    year=2015,
    paper="Long, Shelhamer & Darrell, Fully convolutional networks for semantic segmentation",
    after=("convnet",),
    model=FCN,
    task=Segmentation(),
    data="camvid",
    recipe=Recipe(
        epochs=40,
        batch_size=8,
        optimizer=Adam(lr=5e-4),
        schedule=Cosine(),
        augment=True,
    ),
    target=Target("mean_iou", at_least=0.45),
)
