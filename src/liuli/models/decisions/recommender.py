"""Recommender of films: a vector for every person, a vector for every film, and a small network that reads both.

Nobody tells the network what a film is about. Each person and each film is a row of numbers, drawn at random; whoever
rates alike, and whatever is rated alike, comes to have like numbers, because only so are the ratings foretold. Matrix
factorisation joins the two rows by a dot product; here a network of dense layers learns how to join them.

    mlp:      z = V ReLU(W [pᵤ ; qᵢ] + b) + c        a score for each rating from 1 to 5
    towers:   z = v ⟨MLP(pᵤ), MLP(qᵢ)⟩ + c           the same from the product of two towers (--set form=towers)
    rating:   r̂ = Σₖ k sₖ,   s = softmax(z)

Paper: He, Liao, Zhang, Nie, Hu & Chua, Neural collaborative filtering, WWW 2017, section 3.3 (the MLP). The two towers
are those of Covington, Adams & Sargin, Deep neural networks for YouTube recommendations, RecSys 2016.

Shapes:
    B  batch (or any shape of pairs), U users, I items, d width of an embedding, K ratings that there are: 5 stars,
    or 10 half stars

Departures:
    Ratings from 1 to 5 instead of watched or not: the network scores each of the five (cross-entropy), and the answer
    is their mean. One wide hidden layer instead of three narrowing ones, and dropout before and after it: on so few
    ratings that was best on the part held out.

Look at:
    The embeddings of two films that you know to be alike: are their rows?
    A film with five ratings and one with five hundred: whose error is larger?
    One rating foretold, and which of the hidden units made it high.
"""

import torch
from torch import Tensor, nn

from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.rating import Rating


class Recommender(nn.Module):
    """Scores (logits) of each rating for pairs of user and item; `form` is "mlp" or "towers"."""

    def __init__(
        self, users: int = 943, items: int = 1682, width: int = 64, form: str = "mlp", ratings: int = 5
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form is {form!r}, expected {' or '.join(FORMS)}")
        self.user = nn.Embedding(users, width)
        self.item = nn.Embedding(items, width)
        self.dropout = nn.Dropout(0.4)
        self.join = FORMS[form](width, ratings)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.05)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        both = torch.cat([self.user(users), self.item(items)], dim=-1)  # (B, 2d)
        return self.join(self.dropout(both))  # (B, K)


class Joined(nn.Module):
    """Both embeddings side by side through a wide hidden layer."""

    def __init__(self, width: int, ratings: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(2 * width, 4 * width)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(4 * width, ratings)

    def forward(self, both: Tensor) -> Tensor:
        hidden = self.hidden(both).relu()  # (B, 4d)
        return self.output(self.dropout(hidden))  # (B, K)


class Towers(nn.Module):
    """Each embedding through dense layers of its own; only then do they meet, in one product.

    So the items' tower can be computed once for all users, and the best item be found by a search for neighbours.
    """

    def __init__(self, width: int, ratings: int) -> None:
        super().__init__()
        self.of_user = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.of_item = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.output = nn.Linear(1, ratings)

    def forward(self, both: Tensor) -> Tensor:
        users, items = both.chunk(2, dim=-1)  # (B, d) each
        affinity = (self.of_user(users) * self.of_item(items)).sum(-1, keepdim=True)  # (B, 1)
        return self.output(affinity)  # (B, K)


FORMS = {"mlp": Joined, "towers": Towers}

SYSTEM = System(
    name="recommender",
    year=2017,
    paper="He, Liao, Zhang, Nie, Hu & Chua, Neural collaborative filtering",
    model=Recommender,
    task=Rating(scored=True),
    data="ml-100k",
    recipe=Recipe(epochs=6, batch_size=512, optimizer=Adam(lr=5e-3, weight_decay=0.3), schedule=Cosine()),
    target=Target("rmse", at_most=0.93),
)
