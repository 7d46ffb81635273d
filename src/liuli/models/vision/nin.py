"""Network in network: a small neural network slides over the picture where others slide one neuron.

A convolution asks one weighted sum of each window. Here its answer at each pixel goes on through two more layers
of neurons, the same at every pixel: convolutions whose window is a single pixel. And the end has no dense layers, which
hold most weights of other nets: the last block makes one map a class, whose mean is that class's score. So every
score can be looked at as a picture: where does the net see its class?

    mlpconv:  a = ReLU(W ∗ x + b),   c = ReLU(U a + d),   e = ReLU(V c + f)   at each pixel
    score of class k = mean over pixels of e_k

Paper: Lin, Chen & Yan, Network in network, ICLR 2014.

Shapes:
    B  batch, n  width, K classes, pictures (B, 3, 32, 32)

Departures:
    Half the paper's width (n = 96; `--set width=192` for the paper's), so that a processor trains it in minutes.
    The data are flipped and moved, first weights drawn as by He et al. (2015), the rate falls in half a cosine; the
    paper whitened the data and lowered the rate by hand. The last maps stay without ReLU: scores may be negative.

Look at:
    The maps of the last block: which part of the picture speaks for its class, and which for another?
    One pixel of `mix1`: the product of a matrix and a vector, the same one at every pixel.
"""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from liuli.system import SGD, Cosine, Recipe, System, Target
from liuli.tasks.image_classification import ImageClassification


class MLPConv(nn.Module):
    """A convolution, and two layers of neurons at each of its pixels; ReLU between them, not after."""

    def __init__(self, channels: int, window: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.window = nn.Conv2d(channels, widths[0], window, padding=window // 2)
        self.mix1 = nn.Conv2d(widths[0], widths[1], kernel_size=1)
        self.mix2 = nn.Conv2d(widths[1], widths[2], kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.window(x).relu()  # (B, widths[0], H, W)
        c = self.mix1(a).relu()  # (B, widths[1], H, W)
        return self.mix2(c)  # (B, widths[2], H, W)


class NiN(nn.Module):
    """Three blocks with pooling and dropout between them; returns scores (logits)."""

    def __init__(self, classes: int = 10, width: int = 96) -> None:
        super().__init__()
        self.block1 = MLPConv(3, 5, (width, width * 5 // 6, width // 2))
        self.dropout1 = nn.Dropout(0.5)
        self.block2 = MLPConv(width // 2, 5, (width, width, width))
        self.dropout2 = nn.Dropout(0.5)
        self.block3 = MLPConv(width, 3, (width, width, classes))
        for parameter in self.parameters():
            if parameter.dim() == 4:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                nn.init.zeros_(parameter)

    def forward(self, pictures: Tensor) -> Tensor:
        first = max_pool2d(self.block1(pictures).relu(), 3, stride=2, padding=1)  # (B, n/2, 16, 16)
        second = avg_pool2d(self.block2(self.dropout1(first)).relu(), 3, stride=2, padding=1)  # (B, n, 8, 8)
        maps = self.block3(self.dropout2(second))  # (B, K, 8, 8)
        return maps.mean((2, 3))  # (B, K)


SYSTEM = System(
    name="nin",
    year=2014,
    paper="Lin, Chen & Yan, Network in network",
    after=("lenet",),
    model=NiN,
    task=ImageClassification(size=32, channels=3),
    data="cifar10",
    recipe=Recipe(
        epochs=60,
        batch_size=64,
        optimizer=SGD(lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4),
        schedule=Cosine(),
        validation=0.05,
        augment=True,
        clip=5.0,
    ),
    target=Target("accuracy", at_least=0.70, published=0.8959),
)
