"""The multilayer perceptron: a picture as one long vector, through three hidden layers, to ten scores.

Each layer multiplies by a matrix, adds a bias and bends the result; the bend (the activation) is what
lets layers do together what one cannot. The last layer's scores become probabilities by the softmax.

    a⁰ = x,   aˡ = σ(Wˡ aˡ⁻¹ + bˡ),   σ(z) = 1 / (1 + e⁻ᶻ),   p = softmax(W⁴ a³ + b⁴)

Paper: Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature 323, 1986.

Shapes:
    B  batch, 28 × 28 pixels = 784 inputs, three hidden widths 256, 128, 64, K classes

Departures:
    The paper learns by plain gradient descent with momentum; the recipe uses Adam. The paper measures
    squared error; here it is cross-entropy of the softmax, whose gradient does not vanish when a unit
    is surely wrong. First weights are drawn as Glorot & Bengio (2010, equation 16) advise for sigmoids.

Look at:
    The 256 rows of the first weight matrix, each as a 28 × 28 picture: what stroke does each unit wait for?
    How many units of the first hidden layer sit near 0 or 1, where the sigmoid hardly learns?
"""

from torch import Tensor, nn

from liuli.system import Adam, Recipe, System, Target
from liuli.tasks.image_classification import ImageClassification


class MLP(nn.Module):
    """Dense layers with sigmoids between them; returns scores (logits), whose softmax is the answer."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(28 * 28, 256)
        self.hidden2 = nn.Linear(256, 128)
        self.hidden3 = nn.Linear(128, 64)
        self.output = nn.Linear(64, classes)
        for layer in (self.hidden1, self.hidden2, self.hidden3, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        pixels = pictures.flatten(1)  # (B, 784)
        a1 = self.hidden1(pixels).sigmoid()  # (B, 256)
        a2 = self.hidden2(a1).sigmoid()  # (B, 128)
        a3 = self.hidden3(a2).sigmoid()  # (B, 64)
        return self.output(a3)  # (B, K)


SYSTEM = System(
    name="mlp",
    year=1986,
    paper="Rumelhart, Hinton & Williams, Learning representations by back-propagating errors",
    after=("perceptron",),
    model=MLP,
    task=ImageClassification(size=28, channels=1),
    data="mnist",
    recipe=Recipe(epochs=60, batch_size=54, optimizer=Adam(lr=1e-3), validation=0.1, patience=5),
    target=Target("accuracy", at_least=0.975),
)
