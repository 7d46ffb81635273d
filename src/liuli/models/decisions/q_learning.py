"""Q-learning: learn by trial and error what each action is worth in each state, without knowing the world.

A table holds what each action is believed to be worth. After every step its entry moves a little towards what
the step showed: the reward, and the discounted worth of the best action in the state that it led to. To act,
take the best action; but sometimes, and the oftener the less a state is known, one at random (ε-greedy), for
what is never tried is never learnt. It learns of the best policy while it follows another.

    step:        Q(s, a) ← Q(s, a) + α (r + γ max_a' Q(s', a') − Q(s, a))
    exploration: at random with probability ε = c / (c + visits of s), else argmax_a Q(s, a)
    rate:        α = rate · h / (h + visits of s, a)

Paper: Watkins, Learning from delayed rewards, PhD thesis, Cambridge, 1989, and Watkins & Dayan, Q-learning, Machine
Learning 8, 1992: it converges if Σα = ∞ and Σα² < ∞ for every state and action, as here.

Shapes:
    B  batch, S states, A actions, K outcomes of an action at most; state (B,), outcomes (B, A, K), output (B, A, 2)

Departures:
    None in the step. The second column of the output, the Bellman target over all outcomes, is what the table
    should agree with; it is shown and measured, but learning sees only the outcomes that it meets.

Look at:
    The Bellman target of one action beside its entry: how far is the table from agreeing with itself?
    The table as a heat map (figures/table.png): which states were hardly ever visited?
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from liuli.system import SGD, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.table_control import TableControl

LONGEST = 200
"""Steps after which an episode is broken off."""


class QLearning(nn.Module):
    """What each action is worth in each state: a table, which learns from episodes that it plays.

    Args:
        episodes: in one call of `learn`.
        curious: c, the visits after which a state is explored half of the time.
        halving: h, the visits after which an entry's rate is half of what it was.
    """

    def __init__(
        self, states: int = 16, actions: int = 4, episodes: int = 500, curious: float = 1000.0, halving: float = 100.0
    ) -> None:
        super().__init__()
        self.episodes = episodes
        self.curious = curious
        self.halving = halving
        self.table = nn.Parameter(torch.zeros(states, actions, dtype=torch.float64))  # (S, A)
        self.visits = torch.zeros(states, actions, dtype=torch.int64)

    def forward(self, state: Tensor, follows: Tensor, probability: Tensor, reward: Tensor, discount: Tensor) -> Tensor:
        now = self.table[state]  # (B, A)
        worth = reward + discount * self.table[follows].amax(-1)  # (B, A, K)
        target = torch.einsum("bak,bak->ba", probability, worth)  # (B, A)
        return torch.stack([now, target], -1)  # (B, A, 2)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> dict[str, Tensor]:
        """Play episodes in the environment whose rows the batch holds; an episode ends where a state has no row."""
        state, follows, probability, reward, discount, start = batch
        world = dict(
            zip(state.tolist(), zip(*(one.tolist() for one in (follows, reward, discount)), strict=True), strict=True)
        )
        upto = dict(zip(state.tolist(), probability.cumsum(-1).tolist(), strict=True))
        firsts = state[torch.multinomial(start + 1e-300, self.episodes, replacement=True)].tolist()
        table, visits = self.table.tolist(), self.visits.tolist()
        actions, dice = len(table[0]), Dice()
        errors, steps, returns = 0.0, 0, 0.0
        for now in firsts:
            for _ in range(LONGEST):
                held, seen = table[now], visits[now]
                if dice() * (self.curious + sum(seen)) < self.curious:
                    action = int(dice() * actions)
                else:
                    action = held.index(max(held))
                shares, luck, outcome = upto[now][action], dice(), 0
                while luck >= shares[outcome] and outcome + 1 < len(shares):
                    outcome += 1
                then, gain, passing = (one[action][outcome] for one in world[now])
                error = gain + passing * max(table[then]) - held[action]
                held[action] += rate * self.halving / (self.halving + seen[action]) * error
                seen[action] += 1
                errors, steps, returns = errors + error * error, steps + 1, returns + gain
                now = then
                if passing == 0 or now not in world:
                    break
        self.table.copy_(torch.tensor(table))
        self.visits = torch.tensor(visits)
        mean = torch.tensor([errors / steps, returns / len(firsts) * len(state)])  # tallies are sums over the batch
        return {"loss": mean[0], "return": mean[1]}

    def memory(self) -> dict[str, Tensor]:
        """How often each action was taken in each state."""
        return {"visits": self.visits}

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        """Go on from there."""
        self.visits = memory["visits"].clone()


class Dice:
    """Numbers from [0, 1) out of torch's global generator, drawn by the ten thousand."""

    def __init__(self) -> None:
        self.drawn: list[float] = []

    def __call__(self) -> float:
        if not self.drawn:
            self.drawn = torch.rand(10_000, dtype=torch.float64).tolist()
        return self.drawn.pop()


SYSTEM = System(
    name="q-learning",
    year=1989,
    paper="Watkins, Learning from delayed rewards",
    after=("mdp",),
    model=QLearning,
    task=TableControl(states=16, moves=4),
    data="frozen-lake",
    recipe=Recipe(epochs=40, batch_size=100_000, optimizer=SGD(lr=1.0), validation=0.0),
    target=Target("optimality gap", at_most=0.02),
)
