"""Residual blocks: a few layers learn only what is to be added to their input (He, Zhang, Ren & Sun, 2016).

    y = ReLU(F(x) + shortcut(x))

F is two convolutions of 3 × 3, or, where maps are many, 1 × 1, 3 × 3 and 1 × 1 through a quarter of them. The shortcut
is the input itself where F keeps its shape, else `Padded` (option A of the paper) or `Projection` (option B).

Shapes:
    B  batch, C maps that enter, D maps that leave, H × W pixels, s stride: H / s × W / s pixels leave
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import pad


class Padded(nn.Module):
    """Every s-th pixel, and maps of zeros for those that F has more: (B, C, H, W) to (B, D, H/s, W/s), no weights."""

    def __init__(self, enter: int, leave: int, stride: int) -> None:
        super().__init__()
        self.lacking = leave - enter
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """x itself, thinned out and filled up."""
        seen = x[:, :, :: self.stride, :: self.stride]  # (B, C, H/s, W/s)
        return pad(seen, (0, 0, 0, 0, self.lacking // 2, self.lacking - self.lacking // 2))  # (B, D, H/s, W/s)


class Projection(nn.Sequential):
    """A convolution of 1 × 1 and its batch norm: (B, C, H, W) to (B, D, H/s, W/s)."""

    def __init__(self, enter: int, leave: int, stride: int) -> None:
        super().__init__(nn.Conv2d(enter, leave, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(leave))


Widening = Callable[[int, int, int], nn.Module]
"""What makes the shortcut of a block that changes its input's shape, from C, D and s."""


def make_shortcut(enter: int, leave: int, stride: int, widening: Widening | None) -> nn.Module | None:
    """The shortcut of one block: the identity where shapes agree; None, so that the block is plain, without any."""
    if widening is None:
        return None
    return nn.Identity() if (enter, stride) == (leave, 1) else widening(enter, leave, stride)


class BasicBlock(nn.Module):
    """Two convolutions of 3 × 3, each with its batch norm: (B, C, H, W) to (B, D, H/s, W/s), D = `width`."""

    expansion = 1

    def __init__(self, enter: int, width: int, stride: int, widening: Widening | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(enter, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = make_shortcut(enter, width, stride, widening)

    def forward(self, x: Tensor) -> Tensor:
        """ReLU(F(x) + shortcut(x)); ReLU(F(x)) where the block is plain."""
        inner = self.bn1(self.conv1(x)).relu()  # (B, D, H/s, W/s)
        residual = self.bn2(self.conv2(inner))  # (B, D, H/s, W/s)
        if self.shortcut is not None:
            residual = residual + self.shortcut(x)
        return residual.relu()  # (B, D, H/s, W/s)


class Bottleneck(nn.Module):
    """1 × 1 to `width` maps, 3 × 3 among them, 1 × 1 to four times as many: D = 4 · `width`."""

    expansion = 4

    def __init__(self, enter: int, width: int, stride: int, widening: Widening | None) -> None:
        super().__init__()
        leave = self.expansion * width
        self.conv1 = nn.Conv2d(enter, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, leave, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(leave)
        self.shortcut = make_shortcut(enter, leave, stride, widening)

    def forward(self, x: Tensor) -> Tensor:
        """ReLU(F(x) + shortcut(x)); ReLU(F(x)) where the block is plain."""
        squeezed = self.bn1(self.conv1(x)).relu()  # (B, D/4, H, W)
        inner = self.bn2(self.conv2(squeezed)).relu()  # (B, D/4, H/s, W/s)
        residual = self.bn3(self.conv3(inner))  # (B, D, H/s, W/s)
        if self.shortcut is not None:
            residual = residual + self.shortcut(x)
        return residual.relu()  # (B, D, H/s, W/s)
