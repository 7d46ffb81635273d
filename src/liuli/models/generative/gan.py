"""Generative adversarial networks: a forger and a detective, each of whom teaches the other.

The generator makes a picture out of noise. The discriminator is shown pictures, half of them real, and says
which are. In every step the discriminator learns to tell better, then the generator learns to be taken for
real by it: no one ever tells the generator what a digit is. Where neither can gain, the samples are spread
as the pictures are; on the way, the generator may find a few digits that pass and make nothing else (mode
collapse).

    discriminator:  minimise  −log D(x) − log(1 − D(G(z))) + γ/2 ‖∇ score(x)‖²,   z ~ N(0, I)
    generator:      minimise  −log D(G(z)),   steep where the detective is sure (non-saturating)

Paper: Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville & Bengio, Generative adversarial nets,
Advances in Neural Information Processing Systems, 2014, algorithm 1 with one step of each.

Shapes:
    B  batch, Z = 64 numbers of noise, P = 784 pixels

Departures:
    Dense layers as in the paper, but four in each; leaky ReLU instead of maxout and dropout in the discriminator, whose
    score must be flat around real pictures (γ = 0.05; Mescheder, Geiger & Nowozin, 2018), and batch normalisation in
    the generator (Radford et al., 2016): without them it ends in a handful of digits. The generator's noise is normal,
    not uniform; Adam instead of momentum; one noise serves both turns of a step. The samples are not measured by Parzen
    windows, whose figures later work found to say little (Theis et al., 2016), but by a judge: a LeNet, trained at the
    beginning of a run on the same training pictures, must be sure (0.9) of nine samples in ten and see all ten digits
    among them.

Look at:
    figures/epochs: the same hundred noises after every epoch. When do strokes appear, and when digits?
    The score of a sample, and the gradient that runs from it through the discriminator back to the noise.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from liuli.models.vision.lenet import SYSTEM as LENET
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.adversarial import ImageGeneration

NOISE = 64
PIXELS = 28 * 28


class Generator(nn.Module):
    """Noise to pixels in [0, 1]."""

    def __init__(self, hidden1: int = 256, hidden2: int = 512, hidden3: int = 512, hidden4: int = 512) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(NOISE, hidden1, bias=False)  # the normalisation has one
        self.norm1 = nn.BatchNorm1d(hidden1)
        self.hidden2 = nn.Linear(hidden1, hidden2, bias=False)
        self.norm2 = nn.BatchNorm1d(hidden2)
        self.hidden3 = nn.Linear(hidden2, hidden3, bias=False)
        self.norm3 = nn.BatchNorm1d(hidden3)
        self.hidden4 = nn.Linear(hidden3, hidden4, bias=False)
        self.norm4 = nn.BatchNorm1d(hidden4)
        self.pixels = nn.Linear(hidden4, PIXELS)

    def forward(self, noise: Tensor) -> Tensor:
        hidden1 = self.norm1(self.hidden1(noise)).relu()  # (B, 256)
        hidden2 = self.norm2(self.hidden2(hidden1)).relu()  # (B, 512)
        hidden3 = self.norm3(self.hidden3(hidden2)).relu()  # (B, 512)
        hidden4 = self.norm4(self.hidden4(hidden3)).relu()  # (B, 512)
        return self.pixels(hidden4).sigmoid()  # (B, P)


class Discriminator(nn.Module):
    """Pixels to a score (logit): above 0 for what it takes for real."""

    def __init__(self, hidden1: int = 512, hidden2: int = 512, hidden3: int = 512, hidden4: int = 256) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(PIXELS, hidden1)
        self.hidden2 = nn.Linear(hidden1, hidden2)
        self.hidden3 = nn.Linear(hidden2, hidden3)
        self.hidden4 = nn.Linear(hidden3, hidden4)
        self.score = nn.Linear(hidden4, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        hidden1 = leaky_relu(self.hidden1(pixels), 0.2)  # (B, 512)
        hidden2 = leaky_relu(self.hidden2(hidden1), 0.2)  # (B, 512)
        hidden3 = leaky_relu(self.hidden3(hidden2), 0.2)  # (B, 512)
        hidden4 = leaky_relu(self.hidden4(hidden3), 0.2)  # (B, 256)
        return self.score(hidden4)  # (B, 1)


class GAN(nn.Module):
    """Both; returns the pixels of a sample for each noise, and last their score, (B, P + 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = Generator()
        self.discriminator = Discriminator()

    def forward(self, noise: Tensor) -> Tensor:
        samples = self.generator(noise)  # (B, P)
        scores = self.discriminator(samples)  # (B, 1)
        return torch.cat([samples, scores], 1)  # (B, P + 1)


SYSTEM = System(
    name="gan",
    year=2014,
    paper="Goodfellow, Pouget-Abadie, Mirza et al., Generative adversarial nets",
    model=GAN,
    task=ImageGeneration(size=28, channels=1, noise=NOISE, judge=LENET, flatness=0.05),
    data="mnist",
    recipe=Recipe(
        epochs=100,
        batch_size=100,
        optimizer=Adam(lr=2e-3, beta1=0.5),
        schedule=Cosine(warmup=0.0),
        validation=0.0,
        augment=True,
    ),
    target=Target("judged", at_least=0.90),
)
