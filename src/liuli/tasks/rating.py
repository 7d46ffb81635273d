"""Foretelling what a person would rate a thing, and recommending what that person has not seen.

    loss: L = (r̂ − r)², mean over the ratings, where the network foretells the rating itself
          L = −log s[r],  r̂ = Σₖ k sₖ,  s = softmax(z), where it scores each rating k: 1, 2, …, 5, or ½, 1, …, 5
    RMSE: √(mean of (r̂ − r)²), r̂ clamped to the scale

Beside the figure stand two that need no network (Koren, Factor in the neighbors, 2010, section 2.1): always the mean μ
of the ratings learnt from; and μ plus what this person tends to add and what this thing tends to get,

    bᵢ = Σ (r − μ − bᵤ) / (10 + number of ratings of i),   bᵤ = Σ (r − μ − bᵢ) / (15 + number of ratings by u)

found in turns.

Shapes:
    B  batch, N ratings of a split, U users, I items, M items that one user is asked about, K ratings that there are
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from liuli.data.dataset import Facts, Split
from liuli.data.ratings import MOST
from liuli.errors import UserError, nearest
from liuli.tasks import marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed, Rows, row
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task
from liuli.tasks.typed import words

SHOWN = 10  # items recommended
TURNS = 10
DAMPED_ITEM, DAMPED_USER = 10, 15  # Koren's, divided by n + this
USERS, ITEMS = 943, 1682  # of what is drawn: those of MovieLens 100k


@dataclass(frozen=True)
class Rating(Task):
    """Pairs of user and item to ratings.

    A batch is `(pairs, ratings)`: int64 (B, 2), counted from 0, and float32 (B,). The network is called with users and
    items of one shape, (B,) or (1, M), and returns ratings of that shape, or scores of one dimension more. A user of
    −1 is one whom nobody knows.

    Attributes:
        scored: the network scores each rating that there is, as many as its option `ratings`; else it foretells the
            rating itself.
    """

    scored: bool = False

    kind: ClassVar[str] = "ratings"
    headline: ClassVar[str] = "mae"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True
    doubted: ClassVar[str] = "note.rating"

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The mean rating, what each user and item adds to it, and how many ratings each has."""
        users, items = (len(facts.details[key]) for key in ("users", "items"))
        mean, of_user, of_item = biases(train.inputs, train.targets.astype(np.float64), users, items)
        return {
            "mean": mean,
            "user_biases": of_user.tolist(),
            "item_biases": of_item.tolist(),
            "item_counts": np.bincount(train.inputs[:, 1], minlength=items).tolist(),
        }

    def drawn_facts(self) -> Facts:
        """As many users and items as MovieLens 100k has, of whom nothing is known."""
        items = [str(number) for number in range(ITEMS)]
        details = {
            "scale": [1, 5],
            "users": [str(number) for number in range(USERS)],
            "items": items,
            "titles": items,
            "rated": [""] * USERS,
        }
        learnt = {
            "mean": 3.0,
            "user_biases": [0.0] * USERS,
            "item_biases": [0.0] * ITEMS,
            "item_counts": [0] * ITEMS,
        }
        return replace(Facts("drawn", "", "", self.kind, "", (), (), details), learnt=learnt)

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of users, of items, and of ratings that there are."""
        if facts.kind != self.kind:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads ratings")
        lowest, highest = facts.details["scale"]
        scores = {"ratings": round(highest / lowest)} if self.scored else {}
        return {key: len(facts.details[key]) for key in ("users", "items")} | scores

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Pairs and ratings."""
        return torch.from_numpy(split.inputs), torch.from_numpy(split.targets).float()

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Users and items, each but once, and ratings from 1 to 5."""
        generator = torch.Generator().manual_seed(seed)
        users, items = (torch.randperm(most, generator=generator)[:count] for most in (USERS, ITEMS))
        ratings = torch.randint(1, 6, (count,), generator=generator).float()
        return torch.stack([users, items], dim=1), ratings

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Users and items, of one shape; for a user whom nobody knows another stands in, whose ratings are not used."""
        return batch[0][..., 0].clamp(min=0), batch[0][..., 1]

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean loss, and what the network returned."""
        output = model(*self.inputs(batch))
        if self.scored:
            place = batch[1] * (output.size(-1) / MOST)  # of the rating, from 1 on
            return Outcome(cross_entropy(output, place.long() - 1), output)
        return Outcome((output - batch[1]).square().mean(), output)

    def foretold(self, output: Tensor) -> Tensor:
        """The ratings that the network's output means."""
        if not self.scored:
            return output
        shares = output.softmax(-1)  # (…, K)
        ratings = torch.arange(1, shares.size(-1) + 1, device=output.device, dtype=output.dtype)
        return shares @ (ratings * (MOST / shares.size(-1)))

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """User, item and the rating foretold of each pair: (…, 3); numbers are exact up to 2²⁴."""
        foretold = self.foretold(model(*self.inputs(batch)))
        return torch.cat([batch[0].to(foretold), foretold.unsqueeze(-1)], dim=-1)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Absolute errors."""
        return {"mae": (self.foretold(output) - batch[1]).abs().sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Root mean squared and mean absolute error; the former for the mean and for the biases alone."""
        ratings = batch[1].double()
        foretold = output[:, 2].double().clamp(*facts.details["scale"])
        simple = plain(batch[0], facts).clamp(*facts.details["scale"])
        return {
            "rmse": rmse(foretold, ratings),
            "mae": float((foretold - ratings).abs().mean()),
            "rmse_biases": rmse(simple, ratings),
            "rmse_mean": rmse(torch.full_like(ratings, facts.learnt["mean"]), ratings),
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Ratings foretold against given, and the error by how many ratings an item has, as PNG files."""
        from liuli.tasks import figures, rating_figures

        foretold = output[:, 2].double().clamp(*facts.details["scale"]).cpu()
        ratings = batch[1].double().cpu()
        simple = plain(batch[0].cpu(), facts).clamp(*facts.details["scale"])
        counts = torch.tensor(facts.learnt["item_counts"])[batch[0][:, 1].cpu()]
        drawn = {
            "ratings": rating_figures.foretold_and_given(foretold, ratings),
            "counts": rating_figures.error_by_count(foretold - ratings, simple - ratings, counts),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """How far off the rating foretold is, the farthest first; and of which user each is."""
        foretold = output[:, 2].double().clamp(*facts.details["scale"])
        found = marks.by_value((foretold - batch[1]).abs(), "error", high_is_good=False)
        return replace(found, owners=batch[0][:, 0].cpu(), names=facts.details["users"])

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """A user and an item, and how the one rated the other."""
        pair, rating = row(batch, index)  # (1, 2), (1,)
        user, item = pair[0].tolist()
        given = f"user {facts.details['users'][user]}, {facts.details['titles'][item]}"
        return Posed(Example(f"test {index}", (pair,), given), f"{float(rating):g}")

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A user ("196", "user 196"), asked about all items without a rating; or a user and an item ("196 242").

        Either may be several words: "Ann Lee", "Ann Lee The Third Man". An item may be named by its title too.

        Raises:
            UserError: it is neither, there is no such item, or a file cannot be read.
        """
        given = words(source, name, "name a user, as in '196'")
        users = facts.details["users"]
        if given not in users:
            given = re.sub(r"^user\s+", "", given, flags=re.IGNORECASE)
        user, item = self.meant(given.split(), facts, name)
        number = users.index(user) if user in users else -1
        unknown = f"nothing is known of user {user} (a cold start), so this is what most people like"
        remark = "" if number >= 0 else unknown
        if item is not None:
            return Example(name, (torch.tensor([[number, item]]),), remark=remark)
        seen = {int(one) for one in facts.details["rated"][number].split()} if number >= 0 else set()
        unseen = [one for one in range(len(facts.details["items"])) if one not in seen]
        if not unseen:
            raise UserError(f"{name}: has rated every item that there is")
        return Example(name, (torch.tensor([[number, one] for one in unseen])[None],), remark=remark)

    def meant(self, given: Sequence[str], facts: Facts, name: str) -> tuple[str, int | None]:
        """The user that words name, and the place of the item where they name one.

        Where both names could end in several places, the user whose name is longest is meant; what begins with no
        user's name is a user whom nobody knows.

        Raises:
            UserError: they name no user, or an item that there is not.
        """
        users, items = set(facts.details["users"]), facts.details["items"]
        places = {title: place for place, title in reversed(list(enumerate(facts.details["titles"])))}
        places |= {one: place for place, one in enumerate(items)}
        places.pop("", None)  # a title may be empty
        parted = [(" ".join(given[:end]), " ".join(given[end:])) for end in range(len(given), 0, -1)]
        for user, item in parted:
            if user in users and (not item or item in places):
                return user, places.get(item)
        known = [item for user, item in parted if user in users]
        for user, item in reversed(parted):
            if item in places and not known:
                return user, places[item]
        if len(given) == 1:
            return given[0], None
        if known or len(given) == 2:
            item = (known or given[1:])[0]
            raise UserError(f"{name}: {facts.name} has no item {item}; {nearest(item, items[:8])}")
        raise UserError(f"{name}: expected a user, as in '196', or a user and an item, as in '196 242'")

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """People, each asked what to recommend; and things, each asked what the first person would rate it."""
        users, items = facts.details["users"], facts.details["items"]
        return {
            "user": Rows(users, users),
            "item": Rows(facts.details["titles"], [f"{users[0]} {item}" for item in items]),
        }

    def known(self, facts: Facts) -> Sequence[str]:
        """The users, each asked what to recommend."""
        users: Sequence[str] = facts.details["users"]
        return users

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The items with the highest ratings, the best first; of one pair the rating."""
        titles, counts = facts.details["titles"], facts.learnt["item_counts"]
        pairs, foretold = output[..., :2].long(), output[..., 2].double()
        known = bool((pairs[..., 0] >= 0).all())
        foretold = (foretold if known else plain(pairs, facts)).clamp(*facts.details["scale"])
        if output.dim() == 1:
            return {
                "answer": f"a rating of {float(foretold):.2f} for {titles[int(pairs[1])]}",
                "rating": float(foretold),
            }
        best = foretold.argsort(descending=True, stable=True)[:SHOWN].tolist()
        rows = [
            {
                "title": titles[item],
                "rating": round(float(foretold[place]), 3),
                "ratings learnt from": counts[item],
                "item": facts.details["items"][item],
            }
            for place, item in zip(best, pairs[best, 1].tolist(), strict=True)
        ]
        return {"answer": rows[0]["title"], "known user": known, "recommended" if known else "popular": rows}

    def doubt(self, output: Tensor) -> Tensor:
        """The highest rating itself: an error from its own answer would be 0, without a slope."""
        return self.foretold(output).max()


def biases(
    pairs: NDArray[np.int64], ratings: NDArray[np.float64], users: int, items: int
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The mean rating, what each user adds (U,), and what each item adds (I,)."""
    mean = float(ratings.mean())
    user, item = pairs.T
    of_user, of_item = np.zeros(users), np.zeros(items)
    for _ in range(TURNS):
        left = np.bincount(item, ratings - mean - of_user[user], minlength=items)
        of_item = left / (DAMPED_ITEM + np.bincount(item, minlength=items))
        left = np.bincount(user, ratings - mean - of_item[item], minlength=users)
        of_user = left / (DAMPED_USER + np.bincount(user, minlength=users))
    return mean, of_user, of_item


def plain(pairs: Tensor, facts: Facts) -> Tensor:
    """What the biases alone foretell of pairs (…, 2): float64 (…,). An unknown user adds nothing."""
    of_user, of_item = (torch.tensor(facts.learnt[f"{key}_biases"], dtype=torch.float64) for key in ("user", "item"))
    user, item = pairs[..., 0].cpu(), pairs[..., 1].cpu()
    mean: float = facts.learnt["mean"]
    return mean + torch.where(user >= 0, of_user[user.clamp(min=0)], 0.0) + of_item[item]


def rmse(foretold: Tensor, ratings: Tensor) -> float:
    """The root of the mean squared difference."""
    return float((foretold - ratings).square().mean().sqrt())
