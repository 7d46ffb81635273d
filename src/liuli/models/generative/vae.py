"""Variational auto-encoder: a picture becomes a cloud of codes, and any point of the cloud the picture again.

The encoder names for each picture a mean and a variance of every number of its code; the decoder is given
a point drawn from there and paints the picture. Drawing is no function that a gradient could pass through,
so the noise is drawn outside and the point is computed from it (reparameterisation). A code may cost what
it says: the further its cloud is from the one cloud that all codes share, the more it is charged. What
remains is a map of handwriting, from which new digits can be drawn.

    code:  z = μ(x) + σ(x) ∘ ε,  ε ~ N(0, I)
    loss:  L = −log p(x | z) + KL,   a bound: E[L] ≥ −log p(x)
    reconstruction:  −log p(x | z) = Σ_i softplus(a_i) − x_i · a_i,   a = decoder(z), p_i = 1 / (1 + exp(−a_i))
    divergence:      KL = ½ Σ_j (μ_j² + σ_j² − 1 − log σ_j²)

Paper: Kingma & Welling, Auto-encoding variational Bayes, International Conference on Learning Representations, 2014,
sections 2.4 and 3, appendices B and C.1 (the report is of 2013). Rezende, Mohamed & Wierstra found the same in 2014.

Shapes:
    B  batch, P = 784 pixels, d numbers of a code, H units of a hidden layer, N ≥ d numbers drawn for each picture

Departures:
    ReLU instead of tanh, and Adam instead of Adagrad. A grey pixel is taken as the probability of a white one, so
    that the loss is what black-and-white pictures drawn with these probabilities cost on the average: their bound
    in nats. The paper prints its bounds only as curves. The test part is measured with one drawn code a picture.

Look at:
    μ and log σ² of one digit: which numbers of the code speak (σ far below 1), and which are left to the noise?
    Train it with '--set latent=2' as well, and see in figures/plane.png where the digits lie.
"""

import torch
from torch import Tensor, nn

from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.latent import Autoencoding

PIXELS = 28 * 28
DRAWN = 64


class VAE(nn.Module):
    """Encoder, drawn code, decoder; returns the scores (logits) of the pixels, and the code's μ and log σ²."""

    def __init__(self, latent: int = 20, hidden: int = 500) -> None:
        super().__init__()
        if not 1 <= latent <= DRAWN:
            raise ValueError(f"expected a latent of 1 to {DRAWN}")
        self.latent = latent
        self.encoder = nn.Linear(PIXELS, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.decoder = nn.Linear(latent, hidden)
        self.pixels = nn.Linear(hidden, PIXELS)

    def forward(self, pictures: Tensor, noise: Tensor) -> Tensor:
        encoded = self.encoder(pictures.flatten(1)).relu()  # (B, H)
        mean = self.mean(encoded)  # (B, d)
        log_variance = self.log_variance(encoded)  # (B, d)
        deviation = (log_variance / 2).exp()  # (B, d)
        code = mean + deviation * noise[:, : self.latent]  # (B, d)
        return torch.cat([self.decode(code), mean, log_variance], 1)  # (B, P + 2 d)

    def decode(self, code: Tensor) -> Tensor:
        """The scores of the pixels that a code stands for, (B, P)."""
        decoded = self.decoder(code).relu()  # (B, H)
        pixels: Tensor = self.pixels(decoded)  # (B, P)
        return pixels


SYSTEM = System(
    name="vae",
    year=2014,
    paper="Kingma & Welling, Auto-encoding variational Bayes",
    model=VAE,
    task=Autoencoding(size=28, channels=1, drawn=DRAWN),
    data="mnist",
    recipe=Recipe(epochs=40, batch_size=100, optimizer=Adam(lr=1e-3), schedule=Cosine(), augment=True),
    target=Target("bound", at_most=105.0),
)
