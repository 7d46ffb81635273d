"""The fire module of SqueezeNet (Iandola et al., 2016): many maps through a few.

    y = ReLU([expand1x1(s), expand3x3(s)]),   s = ReLU(squeeze1x1(x))

Most weights of a convolution stand between the maps that enter and the windows that look at them: where few maps enter
the 3 × 3 windows, few weights do what many would.

Shapes:
    B  batch, C maps that enter, S squeezed, E expanded by each of the two windows, H × W pixels
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Convolving = Callable[[int, int, int, int, int], nn.Module]
"""What makes a convolution, from the maps that enter and leave, the window, the stride and the padding."""


class Fire(nn.Module):
    """A few maps squeezed out of many, then expanded through windows of 1 × 1 and of 3 × 3: (B, C, H, W) to (B, 2E, …).

    The convolutions have Caffe's names, under which SqueezeNet's weights are published.
    """

    def __init__(self, enter: int, squeezed: int, expanded: int, convolving: Convolving = nn.Conv2d) -> None:
        super().__init__()
        self.squeeze1x1 = convolving(enter, squeezed, 1, 1, 0)
        self.expand1x1 = convolving(squeezed, expanded, 1, 1, 0)
        self.expand3x3 = convolving(squeezed, expanded, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """y of the formula above."""
        squeezed = self.squeeze1x1(x).relu()  # (B, S, H, W)
        return torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1).relu()  # (B, 2E, H, W)
