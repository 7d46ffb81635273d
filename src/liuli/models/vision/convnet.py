"""The small convnet that most people meet first: two convolutions, two poolings, dropout, one dense layer.

Wider than LeNet (32 and 64 maps) with smaller windows (3 × 3), and regularised: dropout silences each
of the last features with probability ½ while training, so that no class may lean on a single one.

    dropout: y = m ⊙ x / (1 − p),   mᵢ ~ Bernoulli(1 − p) in training;   y = x afterwards

Paper: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout: a simple way to prevent
neural networks from overfitting, JMLR 15, 2014. The network is the field's common teaching example.

Shapes:
    B  batch, K classes, pictures (B, 1, 28, 28)

Departures:
    The training pictures are turned, shifted, stretched and thickened at random, so that the network
    reads digits that were not written for MNIST.

Look at:
    One digit drawn twice, thin and thick: in which layer do the two become alike?
    A feature silenced by dropout in training, and what takes its place.
"""

from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.image_classification import ImageClassification


class ConvNet(nn.Module):
    """Two convolutions with pooling, dropout, a dense output; returns scores (logits)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(64 * 5 * 5, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        conv1 = self.conv1(pictures).relu()  # (B, 32, 26, 26)
        pool1 = max_pool2d(conv1, 2)  # (B, 32, 13, 13)
        conv2 = self.conv2(pool1).relu()  # (B, 64, 11, 11)
        pool2 = max_pool2d(conv2, 2)  # (B, 64, 5, 5)
        features = self.dropout(pool2.flatten(1))  # (B, 1600)
        return self.output(features)  # (B, K)


SYSTEM = System(
    name="convnet",
    year=2014,
    paper="Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout",
    after=("lenet",),
    model=ConvNet,
    task=ImageClassification(size=28, channels=1),
    data="mnist",
    recipe=Recipe(epochs=30, batch_size=128, optimizer=Adam(lr=2e-3), schedule=Cosine(), augment=True),
    target=Target("accuracy", at_least=0.991),
)
