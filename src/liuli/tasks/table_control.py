"""Deciding in an environment whose states can be counted: a network holds what each of them, or each action there, is
worth, and how good that is follows from linear equations.

Shapes: as in `decision`; T actions of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError, nearest
from liuli.tasks.decision import Decision, refuse, words
from liuli.tasks.examples import Batch, Example, Posed, row
from liuli.tasks.marks import Marks
from liuli.tasks.tables import Table

PLAYED = 1000
"""Episodes that are played to measure a policy in a table."""
SEED = 1_000_000
"""Of their draws."""


@dataclass(frozen=True)
class TableControl(Decision):
    """Actions in an environment whose states can be counted, by what the network holds of each: Q(s, a).

    Attributes:
        states: of a made-up environment, which fits a model built without options.
        moves: actions in it.
    """

    states: int
    moves: int

    def drawn_facts(self) -> Facts:
        """A made-up environment: every action leads to one of two states at random, a fifth of the time to the end."""
        random = np.random.Generator(np.random.PCG64(0))
        shape = (self.states, self.moves, 2)
        share = random.random(shape[:2])
        table = Table(
            follows=random.integers(self.states, size=shape),
            probability=np.stack([share, 1 - share], -1),
            reward=random.random(shape),
            discount=np.where(random.random(shape) < 0.2, 0.0, 0.9),
            start=np.full(self.states, 1 / self.states),
        )
        axes = {"state": [str(number) for number in range(self.states)]}
        names = tuple(f"action {number}" for number in range(self.moves))
        details = {"axes": axes, "limit": 100, "discount": 0.9}
        return Facts("drawn", "", "", self.kind, "", (), names, details, table.lists())

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The whole table, so that a state can be asked for by its name alone."""
        if "axes" not in facts.details:
            raise refuse(facts, "where states can be counted (racing, frozen-lake, taxi, cliff-walking)")
        return Table.of_split(train).lists()

    def options(self, facts: Facts) -> dict[str, object]:
        """How many states and actions."""
        if "axes" not in facts.details:
            raise refuse(facts, "where states can be counted (racing, frozen-lake, taxi, cliff-walking)")
        return {
            "states": int(np.prod([len(names) for names in facts.details["axes"].values()])),
            "actions": len(facts.classes),
        }

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """A row for every state, and last its probability to be the first: float64."""
        columns = ("follows", "probability", "reward", "discount", "start")
        return torch.tensor(split.inputs), *(torch.tensor(split.extra[name]) for name in columns)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Rows of the made-up environment, from the first state on and round again."""
        return rows(Table.of_lists(self.drawn_facts().learnt), (torch.arange(count) + seed) % self.states)

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """How good the policy is, exactly by its linear equations, and as played.

        "expected return" (discounted) and "optimal return" from the first state on, and the "optimality gap" between
        them as a share; "return" and "deviation" of 1,000 episodes, undiscounted, each broken off at the limit.
        """
        table, policy = self.policy(output, batch, facts)
        values = table.worth(policy)
        expected, best = float(table.start @ values), float(table.start @ table.optimum)
        returns = table.play(policy, PLAYED, facts.details["limit"], SEED)
        errors = self.errors(output.double())
        return {
            "loss": float(errors.square().mean()),
            "residual": float(errors.abs().max()),
            "expected return": expected,
            "optimal return": best,
            "optimality gap": max(best - expected, 0.0) / max(abs(best), 1e-12),
            "return": float(returns.mean()),
            "deviation": float(returns.std(ddof=1)),
        }

    def policy(self, output: Tensor, batch: Batch, facts: Facts) -> tuple[Table, Any]:
        """The environment, and the action that the output has for each of its states (S,)."""
        table = Table.of_lists(facts.learnt)
        policy = np.zeros(len(table.start), np.int64)
        policy[batch[0].cpu().numpy()] = self.worth(output).argmax(1).cpu().numpy()
        return table, policy

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """What each action is worth in each state, and on a field the policy."""
        from liuli.tasks import decision_figures

        table, _ = self.policy(output, batch, facts)
        worth = np.zeros(table.follows.shape[:2])
        worth[batch[0].cpu().numpy()] = self.worth(output).double().cpu().numpy()
        return decision_figures.of_table(worth, table, facts, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """How much less the action taken is worth than the best (the gap), the widest first, then by Bellman error."""
        table, policy = self.policy(output, batch, facts)
        gaps = table.gaps(policy)[batch[0].cpu().numpy()]  # (B,)
        errors = self.errors(output).double().abs().reshape(len(gaps), -1).amax(1)
        order = np.lexsort((-errors.cpu().numpy(), -gaps))
        return Marks("gap", torch.from_numpy(gaps), torch.from_numpy(order), int((gaps > 0).sum()))

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The state; right are all actions that are worth the most there."""
        state = int(batch[0][index])
        table = Table.of_lists(facts.learnt)
        best = [
            name
            for action, name in enumerate(facts.classes)
            if not table.gaps(np.full(len(table.start), action))[state]
        ]
        return Posed(Example(f"test {index}", row(batch, index)[:5], called(state, facts)), " / ".join(best))

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A state by its number ("14"), its place along each axis ("3,2"), or the names there ("warm")."""
        state = state_of(words(source, name), facts)
        return Example(name, rows(Table.of_lists(facts.learnt), torch.tensor([state]))[:5])

    def asked(self, facts: Facts) -> str:
        """The first state."""
        return "0"

    def actions(self, facts: Facts) -> tuple[str, ...]:
        """As the environment calls them."""
        return facts.classes


@dataclass(frozen=True)
class Planning(TableControl):
    """Actions by looking one step ahead, where a network holds what each state is worth: V(s), once for each action."""

    headline: ClassVar[str] = "residual"

    def errors(self, output: Tensor) -> Tensor:
        """max_a y − V: (B,)."""
        return output[..., 1].amax(-1) - output[..., 0].amax(-1)

    def worth(self, output: Tensor) -> Tensor:
        """The targets: reward and the discounted worth of what follows (…, A)."""
        return output[..., 1]

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The largest Bellman residual, once for every example, so that their mean is it."""
        return {"residual": self.errors(output).abs().max() * len(output)}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """And the "value error": the largest |V − v|, where v solves the linear equations of the best policy."""
        table, policy = self.policy(output, batch, facts)
        held = output[:, 0, 0].double().cpu().numpy()
        exact = table.worth(policy)[batch[0].cpu().numpy()]
        error = max(np.abs(held - exact).max(), np.abs(held - table.optimum[batch[0].cpu().numpy()]).max())
        return {**super().metrics(output, batch, facts), "value error": float(error)}

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """And the way there: values and policy after each of some sweeps."""
        from liuli.tasks import decision_figures

        table, _ = self.policy(output, batch, facts)
        return [
            *super().figures(output, batch, facts, folder),
            *decision_figures.sweeps(table, facts, folder),
        ]


def rows(table: Table, states: Tensor) -> Batch:
    """The rows of a table for `states` (B,), as `TableControl.tensors` has them."""
    columns = (table.follows, table.probability, table.reward, table.discount, table.start)
    return states, *(torch.from_numpy(column)[states] for column in columns)


def called(state: int, facts: Facts) -> str:
    """A state by its place along each axis: "row 3, column 2"."""
    axes: Mapping[str, list[str]] = facts.details["axes"]
    places = np.unravel_index(state, [len(names) for names in axes.values()])
    return ", ".join(f"{axis} {names[place]}" for (axis, names), place in zip(axes.items(), places, strict=True))


def state_of(text: str, facts: Facts) -> int:
    """The number of the state that `text` names.

    Raises:
        UserError: there is none.
    """
    axes: Mapping[str, list[str]] = facts.details["axes"]
    sizes = [len(names) for names in axes.values()]
    count = int(np.prod(sizes))
    parts = [part.strip() for part in text.replace(",", " ").split()]
    known = ", ".join(f"{key} ({names[0]} to {names[-1]})" for key, names in axes.items())
    expected = f"expected the number of a state, 0 to {count - 1}, or {known}"
    if len(parts) == 1 and parts[0].isdecimal():
        if int(parts[0]) >= count:
            raise UserError(f"state '{parts[0]}': {facts.name} has none such; {expected}")
        return int(parts[0])
    if len(parts) != len(sizes):
        raise UserError(f"state '{text:.40}': {expected}")
    places = []
    for part, (axis, names) in zip(parts, axes.items(), strict=True):
        if part not in names and not (part.isdecimal() and int(part) < len(names)):
            raise UserError(f"state '{text:.40}': {facts.name} has no {axis} '{part}'; {nearest(part, names)}")
        places.append(names.index(part) if part in names else int(part))
    return int(np.ravel_multi_index(places, sizes))
