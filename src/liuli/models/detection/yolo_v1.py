"""YOLO: all boxes at one look, each cell of a grid answering for the thing whose centre is in it.

Earlier detectors ask a classifier about thousands of windows. Here one network sees the whole picture once and says
everything at the same time: the picture is divided into S × S cells, and each cell gives B boxes, each with a
confidence, and the shares of C classes, which its boxes have in common.

    output of a cell: B · (x, y, √w, √h, confidence) and C shares of classes:  S × S × (5 B + C) numbers
    paper:            7 × 7 × (5 · 2 + 20) = 7 × 7 × 30      here: 14 × 14 × (5 · 2 + 3) = 14 × 14 × 13
    loss:             centre + size + object + empty + class, the five parts (see the task), summed over cells

Paper: Redmon, Divvala, Girshick & Farhadi, You only look once: unified, real-time object detection, Proceedings of the
IEEE Conference on Computer Vision and Pattern Recognition, 2016, sections 2 and 2.2.

Shapes:
    B  batch, S cells along a side, C classes; pictures (B, 3, 224, 224), output (B, S, S, 10 + C)
    H, W  of made-up pictures 64, of which 4 × 4 cells are made

Departures:
    SqueezeNet 1.1 (Iandola et al., 2016), which learnt ImageNet, instead of the paper's own 20 convolutions, which did
    so too; its first three blocks stay as they are. 224 × 224 pixels instead of 448 × 448. Convolutions make the
    output, so that every cell is asked the same; the paper has dense layers, which learn each cell by itself and need
    more than 205 pictures. 14 × 14 cells instead of 7 × 7: of two things in one cell only the first is taught, and of
    the 2,804 of the training part that leaves out 14 instead of 87 (`--set cells=7` is the paper's grid). Adam instead
    of SGD. The network gives √w and √h, as the authors' code has it.

Look at:
    The output's last numbers, cell by cell: where are the white cells, before any box is drawn?
    The five parts of the loss: which falls first, and which is largest at the end? Of an empty cell only one is left.
    Two red cells that touch: two boxes, or one around both?
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, max_pool2d

from liuli.layers.fire import Fire
from liuli.models.generative.style_transfer import MEAN, Frozen
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.detection import Detection

BOXES = 2  # B
WIDTH = 128  # maps of the head


class YOLOv1(nn.Module):
    """SqueezeNet without its classifier, and a head that gives every cell its numbers. Layers carry Caffe's names.

    Args:
        classes: C.
        cells: S, of pictures of 224 × 224: 14 or 7.
    """

    mean: Tensor

    def __init__(self, classes: int = 3, cells: int = 14) -> None:
        super().__init__()
        if cells not in (7, 14):
            raise ValueError(f"cells is {cells}, expected 7 or 14")
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.conv1 = Frozen(3, 64, window=3, stride=2, padding=1)
        self.fire2 = Fire(64, 16, 64, Frozen)
        self.fire3 = Fire(128, 16, 64, Frozen)
        self.fire4 = Fire(128, 32, 128)
        self.fire5 = Fire(256, 32, 128)
        self.fire6 = Fire(256, 48, 192)
        self.fire7 = Fire(384, 48, 192)
        self.fire8 = Fire(384, 64, 256)
        self.fire9 = Fire(512, 64, 256)
        self.head = nn.Conv2d(512, WIDTH, kernel_size=3, stride=14 // cells, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.output = nn.Conv2d(WIDTH, 5 * BOXES + classes, kernel_size=1)

    def forward(self, pictures: Tensor) -> Tensor:
        conv1 = self.conv1(255 * pictures.flip(1) - self.mean).relu()  # (B, 64, 112, 112)
        fire3 = self.fire3(self.fire2(max_pool2d(conv1, 3, 2, ceil_mode=True)))  # (B, 128, 56, 56)
        fire5 = self.fire5(self.fire4(max_pool2d(fire3, 3, 2, ceil_mode=True)))  # (B, 256, 28, 28)
        fire7 = self.fire7(self.fire6(max_pool2d(fire5, 3, 2, ceil_mode=True)))  # (B, 384, 14, 14)
        fire9 = self.fire9(self.fire8(fire7))  # (B, 512, 14, 14)
        head = leaky_relu(self.norm(self.head(fire9)), 0.1)  # (B, 128, S, S)
        return self.output(head).permute(0, 2, 3, 1)  # (B, S, S, 5 · 2 + C)


SYSTEM = System(
    name="yolo-v1",
    year=2016,
    paper="Redmon, Divvala, Girshick & Farhadi, You only look once: unified, real-time object detection",
    after=("nin",),
    model=YOLOv1,
    task=Detection(),
    data="bccd",
    recipe=Recipe(
        epochs=100,
        batch_size=8,
        optimizer=Adam(lr=1e-3, weight_decay=1e-4),
        schedule=Cosine(),
        augment=True,
    ),
    target=Target("mAP@0.5", at_least=0.70),
)
