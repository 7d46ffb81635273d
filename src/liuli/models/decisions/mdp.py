"""Markov decision process: how good it is to be somewhere, when one knows what may come of every action.

A state is worth what its best action is worth: the reward, and the discounted worth of the state that follows, each
weighed by its probability. Everything is defined by what comes after it; so begin with nothing and look one
step ahead, in every state, again and again. Each sweep over the states brings the values
nearer to the only ones that agree with themselves, by the factor γ at least.

    lookahead:        y(s, a) = Σₖ pₖ (rₖ + dₖ V(sₖ)),   d = γ, or 0 where the episode ends
    value iteration:  V(s) ← max_a y(s, a)
    policy iteration: π(s) = argmax_a y(s, a); V(s) ← y(s, π(s)) until it no longer changes; again

Paper: Bellman, Dynamic programming, Princeton University Press, 1957; Howard, Dynamic programming and Markov
processes, MIT Press, 1960; with some sweeps for one policy: Puterman & Shin, Management Science 24(11), 1978.

Shapes:
    B  batch, S states, A actions, K outcomes of an action at most; state (B,), outcomes (B, A, K), output (B, A, 2)

Departures:
    One number, `evaluations`, spans both methods: so many sweeps are made for each policy before it is
    improved. 1 is value iteration, some hundreds are policy iteration. A policy is evaluated by sweeps,
    where Howard solves linear equations: those are what the result is measured against.

Look at:
    The values after each sweep (figures/sweeps.png): news of the goal travels one step a sweep.
    The two columns of the output: V(s) and the lookahead y(s, a). When they agree, all is known.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liuli.system import SGD, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.table_control import Planning


class ValueIteration(nn.Module):
    """The worth of every state; learns it by sweeps over a known environment."""

    def __init__(self, states: int = 3, actions: int = 2, evaluations: int = 1) -> None:
        super().__init__()
        if min(states, actions, evaluations) < 1:
            raise ValueError("expected at least 1 of each")
        self.evaluations = evaluations
        self.values = nn.Parameter(torch.zeros(states, dtype=torch.float64))  # (S,)

    def forward(self, state: Tensor, follows: Tensor, probability: Tensor, reward: Tensor, discount: Tensor) -> Tensor:
        now = self.values[state].unsqueeze(1).expand(reward.shape[:2])  # (B, A), the same for every action
        worth = reward + discount * self.values[follows]  # (B, A, K)
        target = torch.einsum("bak,bak->ba", probability, worth)  # (B, A)
        return torch.stack([now, target], -1)  # (B, A, 2)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> None:
        """Improve the policy, and sweep over the states of the batch for it: V ← V + rate (y − V)."""
        state, *outcomes = batch[:5]
        policy = self(state, *outcomes)[..., 1].argmax(1, keepdim=True)  # (B, 1)
        for _ in range(self.evaluations):
            target = self(state, *outcomes)[..., 1].gather(1, policy).squeeze(1)  # (B,)
            self.values[state] += rate * (target - self.values[state])


SYSTEM = System(
    name="mdp",
    year=1957,
    paper="Bellman, Dynamic programming",
    model=ValueIteration,
    task=Planning(states=3, moves=2),
    data="racing",
    recipe=Recipe(epochs=300, batch_size=100_000, optimizer=SGD(lr=1.0), validation=0.0),
    target=Target("value error", at_most=1e-10),
)
