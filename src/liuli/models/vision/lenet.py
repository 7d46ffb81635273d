"""LeNet-5 as it is read today: convolution, pooling, convolution, pooling, three dense layers.

A convolution slides one small window of weights over the whole picture, so that a stroke is found
wherever it stands; pooling keeps that it was found and forgets exactly where. Two such pairs turn
32 × 32 pixels into 16 maps of 5 × 5, which dense layers read.

    convolution: z[o,i,j] = b[o] + Σ_c Σ_u Σ_v W[o,c,u,v] · x[c, i+u, j+v]
    pooling:     s[c,i,j] = max of the 2 × 2 window at (2i, 2j)

Paper: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition,
Proceedings of the IEEE 86(11), 1998, section II.B. The network exactly as printed is `lenet-1998`.

Shapes:
    B  batch, K classes, pictures (B, 1, 32, 32): the 28 × 28 of MNIST with a rim of 2

Departures:
    C3 sees all six maps of S2 (the paper connects each of its maps to a chosen few). Subsampling is
    the maximum, without trained coefficients. ReLU instead of the scaled tanh. The output is a dense
    layer and a softmax instead of distances to drawn bitmaps. Adam instead of the diagonal
    Levenberg-Marquardt step.

Look at:
    The six kernels of C1 and the maps that they make of one digit: which kernel answers to which edge?
    C5, where 16 maps become 120 numbers: it is a convolution whose window covers the whole map.
"""

from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.image_classification import ImageClassification


class LeNet(nn.Module):
    """C1 S2 C3 S4 C5 F6 and the output; returns scores (logits). Layers carry the paper's names."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.c5 = nn.Linear(16 * 5 * 5, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        c1 = self.c1(pictures).relu()  # (B, 6, 28, 28)
        s2 = max_pool2d(c1, 2)  # (B, 6, 14, 14)
        c3 = self.c3(s2).relu()  # (B, 16, 10, 10)
        s4 = max_pool2d(c3, 2)  # (B, 16, 5, 5)
        c5 = self.c5(s4.flatten(1)).relu()  # (B, 120)
        f6 = self.f6(c5).relu()  # (B, 84)
        return self.output(f6)  # (B, K)


SYSTEM = System(
    name="lenet",
    year=1998,
    paper="LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition",
    after=("mlp",),
    model=LeNet,
    task=ImageClassification(size=32, channels=1),
    data="mnist",
    recipe=Recipe(epochs=15, batch_size=64, optimizer=Adam(lr=2e-3), schedule=Cosine()),
    target=Target("accuracy", at_least=0.990, published=0.9905),
)
