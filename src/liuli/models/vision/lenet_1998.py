"""LeNet-5 exactly as printed in 1998: partial connections, trained subsampling, scaled tanh, drawn targets.

Three ideas that today's reading dropped. Each map of C3 sees only some maps of S2, so that no two learn
the same thing. Pooling is an average with a trained strength and bias, bent by the same squashing
function as everything else. And the answer is a distance: F6 tries to paint a 7 × 12 bitmap of the
digit, and the class is the bitmap that its painting is nearest to.

    squash:      f(a) = 1.7159 tanh(⅔ a)
    subsampling: s[c,i,j] = f( coefficient[c] · (sum of the 2 × 2 window at (2i, 2j)) + bias[c] )
    output:      y[k] = Σ_u (f6[u] − bitmap[k,u])²,   score[k] = −y[k]

Paper: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998: section II.B, table I, equations 5 to 9, appendix A.

Shapes:
    B  batch, K classes, pictures (B, 1, 32, 32) with values in [0, 1]

Departures:
    The bitmaps are drawn anew (the paper prints its own as a figure). Cross-entropy of the scores is
    equation 9 with j → ∞, that is without the rubbish class e⁻ʲ. Adam instead of the stochastic
    diagonal Levenberg-Marquardt step, and a tenth of the training part is kept for validation.

Look at:
    The 84 values of F6 laid out as 12 rows of 7: does the network paint the digit that it was given?
    Table I beside the kernels of C3: which maps share an input, and what do they make of it?
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from liuli.errors import UserError
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.image_classification import ImageClassification

# fmt: off
TABLE_1 = (  # for each map of C3, the maps of S2 that it sees
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)
# fmt: on

BITMAPS = """
.#####. ...##.. .#####. #######  #....#. ####### .#####. #######  .#####. .#####.
##...## ..###.. ##...## .....##  #....#. #...... ##...## .....##  ##...## ##...##
##...## .####.. .....## ....##.  #....#. #...... ##..... .....##  ##...## ##...##
##...## ...##.. .....## ...##..  #....#. #...... ##..... ....##.  ##...## ##...##
##...## ...##.. ....##. ..####.  ##..##. ######. ##..... ....##.  .##.##. ##...##
##...## ...##.. ...##.. .....##  ####### .....## ######. ...##..  ..###.. .######
##...## ...##.. ..##... .....##  .....#. .....## ##...## ...##..  .##.##. .....##
##...## ...##.. .##.... .....##  .....#. .....## ##...## ..##...  ##...## .....##
##...## ...##.. ##..... .....##  .....#. .....## ##...## ..##...  ##...## .....##
##...## ...##.. ##..... ##...##  .....#. ##...## ##...## ..##...  ##...## ##...##
.#####. ..####. ####### .#####.  .....#. .#####. .#####. ..##...  .#####. .#####.
....... ....... ....... .......  ....... ....... ....... .......  ....... .......
"""


def bitmaps() -> Tensor:
    """The ten drawings as ±1, one row of 84 = 12 × 7 values for each digit: (10, 84)."""
    rows = [line.split() for line in BITMAPS.split("\n") if line]  # 12 rows of 10 pieces of 7 pixels
    return torch.tensor([[1.0 if p == "#" else -1.0 for row in rows for p in row[digit]] for digit in range(10)])


def squash(a: Tensor) -> Tensor:
    """The scaled hyperbolic tangent (appendix A): f(±1) = ±1, and it bends most at ±1."""
    return 1.7159 * (2 / 3 * a).tanh()


def fan_in_uniform(parameter: Tensor, fan_in: int) -> None:
    """Draw from the uniform distribution over ±2.4 / fan-in, as the paper does."""
    nn.init.uniform_(parameter, -2.4 / fan_in, 2.4 / fan_in)


class Convolution(nn.Conv2d):
    """A 5 × 5 convolution with the paper's initial weights."""

    def reset_parameters(self) -> None:
        """Draw weights and biases from ±2.4 / (25 × incoming maps)."""
        for parameter in self.parameters():
            fan_in_uniform(parameter, self.in_channels * 25)


class PartialConvolution(nn.Module):
    """A 5 × 5 convolution each of whose maps sees only the incoming maps that table I gives it: 60 kernels."""

    outgoing: Tensor
    incoming: Tensor

    def __init__(self) -> None:
        super().__init__()
        pairs = [(outgoing, incoming) for outgoing, seen in enumerate(TABLE_1) for incoming in seen]
        self.register_buffer("outgoing", torch.tensor([pair[0] for pair in pairs]), persistent=False)  # (60,)
        self.register_buffer("incoming", torch.tensor([pair[1] for pair in pairs]), persistent=False)  # (60,)
        self.weight = nn.Parameter(torch.empty(len(pairs), 5, 5))
        self.bias = nn.Parameter(torch.empty(len(TABLE_1)))
        for kernel, (outgoing, _) in enumerate(pairs):
            fan_in_uniform(self.weight[kernel], len(TABLE_1[outgoing]) * 25)
        for outgoing, seen in enumerate(TABLE_1):
            fan_in_uniform(self.bias[outgoing], len(seen) * 25)

    def forward(self, maps: Tensor) -> Tensor:
        full = self.weight.new_zeros(16, 6, 5, 5)
        full = full.index_put((self.outgoing, self.incoming), self.weight)  # the other 36 kernels stay 0
        return conv2d(maps, full, self.bias)


class Subsampling(nn.Module):
    """The sum of each 2 × 2 window, times one trained coefficient a map, plus one trained bias a map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps, 1, 1))
        self.bias = nn.Parameter(torch.empty(maps, 1, 1))
        fan_in_uniform(self.coefficient, 4)
        fan_in_uniform(self.bias, 4)

    def forward(self, maps: Tensor) -> Tensor:
        return self.coefficient * (4 * avg_pool2d(maps, 2)) + self.bias


class LeNet1998(nn.Module):
    """C1 S2 C3 S4 C5 F6 and the distances; returns scores, minus the squared distance to each bitmap."""

    bitmaps: Tensor

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        if classes > 10:
            raise UserError(f"lenet-1998 has bitmaps for 10 classes, the data have {classes}; use lenet instead")
        self.c1 = Convolution(1, 6, kernel_size=5)
        self.s2 = Subsampling(6)
        self.c3 = PartialConvolution()
        self.s4 = Subsampling(16)
        self.c5 = Convolution(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        for parameter in self.f6.parameters():
            fan_in_uniform(parameter, 120)
        self.register_buffer("bitmaps", bitmaps()[:classes], persistent=False)  # (K, 84)

    def forward(self, pictures: Tensor) -> Tensor:
        ink = 1.275 * pictures - 0.1  # paper −0.1, ink 1.175: mean about 0, variance about 1
        c1 = squash(self.c1(ink))  # (B, 6, 28, 28)
        s2 = squash(self.s2(c1))  # (B, 6, 14, 14)
        c3 = squash(self.c3(s2))  # (B, 16, 10, 10)
        s4 = squash(self.s4(c3))  # (B, 16, 5, 5)
        c5 = squash(self.c5(s4)).flatten(1)  # (B, 120)
        f6 = squash(self.f6(c5))  # (B, 84)
        distances = (f6.unsqueeze(1) - self.bitmaps).square().sum(-1)  # (B, K)
        return -distances


SYSTEM = System(
    name="lenet-1998",
    year=1998,
    paper="LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition",
    after=("mlp",),
    model=LeNet1998,
    task=ImageClassification(size=32, channels=1),
    data="mnist",
    recipe=Recipe(epochs=20, batch_size=64, optimizer=Adam(lr=2e-3), schedule=Cosine()),
    target=Target("accuracy", at_least=0.985, published=0.9905),
)
