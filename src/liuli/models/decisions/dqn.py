"""Deep Q-network: a network says what each action is worth, and learns it from its own experience.

What an action is worth is the reward that it brings, and what the best action after it is worth. Where states
cannot be counted, no table holds that; a network does. Two things keep it from chasing its own tail: it learns
from random moments of its past, kept in a replay memory, and the worth of what comes after is read from
a second network, the target, which follows the first one slowly.

    Bellman target: y = r + γ max_a' Q⁻(s', a')          double: y = r + γ Q⁻(s', argmax_a' Q(s', a'))
    loss:           L = mean of (y − Q(s, a))²
    target network: w⁻ ← w⁻ + τ (w − w⁻)

Paper: Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015.
Double: van Hasselt, Guez & Silver, Deep reinforcement learning with double Q-learning, AAAI 2016.

Shapes:
    B  batch, N numbers that a state is measured by (cart-pole: 4), A actions, K outcomes of an action
    (cart-pole: 1), H hidden units, M moments of a gradient step, C carts;
    states (B, N), outcomes (B, A, K, N) and (B, A, K), output (B, A, 2)

Departures:
    Three dense layers read four measurements, where the paper's convolutions read screens. The target
    network follows smoothly, where the paper's is a copy made every 10,000 steps. Four carts are played
    side by side. The network counts in units of 100, which 1 a step for ever is worth, and begins with that hope
    for every state. Adam instead of RMSProp. The target is double (`--set double=false` for the paper's).

Look at:
    One Bellman target: the two columns of the output are Q(s, a) and y. What did the target network
    say of the state after the push, and what did the discount make of it?
    No state is worth more than 100: by how much does the network overestimate, which the best of noisy numbers
    always is? And by how much without the double target?
    Lean the pole in your mind: `liuli predict RUN 0,0,0.1,0` leans it to the right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks import cart_pole
from liuli.tasks.balancing import Balance
from liuli.tasks.examples import Batch

CARTS = 4
"""Cart-poles that are played side by side."""
ROUNDS = 50
"""Pushes of every cart in one call of `learn`, each followed by a gradient step."""
MOMENTS = 64
"""Moments of the past in a gradient step."""
REMEMBERED = 50_000
"""Moments that the replay memory holds; then the oldest are forgotten."""
EXPLORED = 10_000
"""Moments after which pushes at random have become as rare as they will be."""
RANDOM = 0.05
"""Their share then."""
FOLLOWING = 0.02
"""τ, the share of the way that the target network goes after each gradient step."""
MOST = 100.0
"""A reward of 1 at every step for ever, discounted by 0.99: the unit in which the network counts."""
UNITS = (2.4, 2.0, 0.2, 2.0)
"""What a state's four numbers are measured in, so that each is of the order of 1."""


class QNetwork(nn.Module):
    """What each push is worth in a state: (B, 4) to (B, 2)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(len(UNITS), hidden)
        self.hidden2 = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, 2)
        self.units = nn.Buffer(torch.tensor(UNITS))
        nn.init.ones_(self.output.bias)  # hope: what is not known to fail goes on for ever

    def forward(self, states: Tensor) -> Tensor:
        return self.layers(states)[-1]

    def layers(self, states: Tensor) -> tuple[Tensor, ...]:
        """The states in their units, both hidden layers and the values."""
        inputs = states / self.units  # (B, N)
        hidden1 = self.hidden1(inputs).relu()  # (B, H)
        hidden2 = self.hidden2(hidden1).relu()  # (B, H)
        return inputs, hidden1, hidden2, MOST * self.output(hidden2)  # the values are (B, A)

    def slopes(self, inputs: Tensor, hidden1: Tensor, hidden2: Tensor, wrong: Tensor) -> list[Tensor]:
        """The gradient of a loss whose slope by the values is `wrong` (B, A), for each parameter in turn.

        Backpropagation written out: for so small a network autograd's own work takes longer than the arithmetic.
        """
        by_output = MOST * wrong  # (B, A)
        by_hidden2 = (by_output @ self.output.weight) * (hidden2 > 0)  # (B, H)
        by_hidden1 = (by_hidden2 @ self.hidden2.weight) * (hidden1 > 0)  # (B, H)
        pairs = ((by_hidden1, inputs), (by_hidden2, hidden1), (by_output, hidden2))
        return [slope for by, x in pairs for slope in (by.mT @ x, by.sum(0))]


class DQN(nn.Module):
    """Q(s, a) and the Bellman target of every action; teaches itself by playing."""

    def __init__(self, hidden: int = 64, double: bool = True) -> None:
        super().__init__()
        self.doubled = double
        self.online = QNetwork(hidden)
        self.target = QNetwork(hidden).requires_grad_(False)
        self.target.load_state_dict(self.online.state_dict())
        self.past: dict[str, Tensor] = {}

    def forward(self, state: Tensor, after: Tensor, probability: Tensor, reward: Tensor, discount: Tensor) -> Tensor:
        outcomes = after.flatten(0, 2)  # (B·A·K, N)
        now, later = self.online(torch.cat([state, outcomes])).split([len(state), len(outcomes)])  # (B, A), (B·A·K, A)
        worth = self.best(self.target(outcomes), later).view_as(reward)  # (B, A, K)
        target = torch.einsum("bak,bak->ba", probability, reward + discount * worth)  # (B, A)
        return torch.stack([now, target], -1)  # (B, A, 2)

    def best(self, target: Tensor, online: Tensor) -> Tensor:
        """What the target network (…, A) holds of the best action: its own best, or the online network's: (…)."""
        return target.gather(-1, online.argmax(-1, keepdim=True)).squeeze(-1) if self.doubled else target.amax(-1)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> dict[str, Tensor]:
        """Play all carts for some rounds, a gradient step after each; episodes begin where the batch's examples do."""
        if not self.past:
            self.begin(batch[0])
        carts, lengths, lasts = (self.past[name].numpy() for name in ("carts", "lengths", "lasts"))
        firsts, begun = batch[0].numpy(force=True), 0
        discount = float(batch[4].max())
        losses = []
        for _ in range(ROUNDS):
            seen = torch.from_numpy(carts).float()  # (C, N)
            actions = self.choose(seen)  # (C,)
            after, fallen = cart_pole.push(carts, actions.numpy())
            self.keep(seen, actions, torch.from_numpy(after).float(), torch.from_numpy(~fallen))
            carts[:] = after
            lengths += 1
            for cart in np.flatnonzero(fallen | (lengths == cart_pole.LIMIT)):
                carts[cart] = firsts[begun % len(firsts)]
                lasts[cart], lengths[cart], begun = lengths[cart], 0, begun + 1
            losses.append(self.improve(discount, rate))
        returned = self.past["lasts"].double().mean() * len(firsts)  # tallies are sums over the batch
        return {"loss": torch.stack(losses).mean(), "return": returned}

    def choose(self, seen: Tensor) -> Tensor:
        """An action for each cart (C,): the best one, and at first often, later seldom, one at random."""
        share = max(RANDOM, 1 - (1 - RANDOM) * int(self.past["count"]) / EXPLORED)
        best = self.online(seen.to(self.device)).argmax(1).cpu()
        return torch.where(torch.rand(len(seen)) < share, torch.randint(2, best.shape), best)

    def keep(self, seen: Tensor, actions: Tensor, after: Tensor, going: Tensor) -> None:
        """Put one moment of every cart into the replay memory, over the oldest."""
        moments = torch.cat([seen, after, actions.unsqueeze(1), going.unsqueeze(1)], 1)  # (C, 2 N + 2)
        place = int(self.past["count"]) % REMEMBERED  # a multiple of the carts, as what is remembered
        self.past["moments"][place : place + len(seen)].copy_(moments)
        self.past["count"] += len(seen)

    @torch.no_grad()
    def improve(self, discount: float, rate: float) -> Tensor:
        """One gradient step towards the Bellman targets of moments drawn from the memory; the loss."""
        drawn = self.past["moments"][torch.randint(min(int(self.past["count"]), REMEMBERED), (MOMENTS,))]
        seen, after = drawn[:, :-2].chunk(2, 1)  # (M, N) each
        actions, going = drawn[:, -2].long(), drawn[:, -1]  # (M,) each
        inputs, hidden1, hidden2, worth = self.online.layers(torch.cat([seen, after]))
        now, later = worth.chunk(2)  # (M, A) each: before the push and after it
        target = 1 + discount * going * self.best(self.target(after), later)  # (M,)
        wrong = now.gather(1, actions.unsqueeze(1)) - target.unsqueeze(1)  # (M, 1)
        by_worth = torch.zeros_like(now).scatter_(1, actions.unsqueeze(1), 2 / MOMENTS * wrong)  # (M, A)
        slopes = self.online.slopes(inputs[:MOMENTS], hidden1[:MOMENTS], hidden2[:MOMENTS], by_worth)
        for parameter, slope in zip(self.fast, slopes, strict=True):
            parameter.grad = slope
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        torch._foreach_lerp_(self.slow, self.fast, FOLLOWING)
        return wrong.square().mean()

    @property
    def device(self) -> torch.device:
        """Where the networks are, and the replay memory."""
        return self.online.output.weight.device

    def begin(self, states: Tensor) -> None:
        """Put every cart into one of `states`, with an empty replay memory and an optimizer at rest."""
        self.past = {
            "carts": states[torch.arange(CARTS) % len(states)].cpu().clone(),
            "lengths": torch.zeros(CARTS, dtype=torch.int64),
            "lasts": torch.zeros(CARTS, dtype=torch.int64),  # steps of the last whole episode of each
            "count": torch.zeros((), dtype=torch.int64),  # of moments so far
            "moments": torch.zeros(REMEMBERED, 2 * states.size(1) + 2, device=self.device),
        }
        self.fast: list[Tensor] = list(self.online.parameters())
        self.slow: list[Tensor] = list(self.target.parameters())
        self.optimizer = torch.optim.Adam(self.fast, fused=True)

    def memory(self) -> dict[str, Tensor]:
        """Where the carts are, all experience, and the optimizer's moments; nothing before the first step."""
        if not self.past:
            return {}
        moments = self.optimizer.state_dict()["state"]
        return self.past | {f"{one}.{key}": value for one, kept in moments.items() for key, value in kept.items()}

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        """Go on from there."""
        self.past = {}
        if not memory:
            return
        self.begin(memory["carts"])
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in memory.items():
            number, dot, key = name.partition(".")
            if dot:
                moments.setdefault(int(number), {})[key] = value
            else:
                self.past[name].copy_(value)
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})


SYSTEM = System(
    name="dqn",
    year=2015,
    paper="Mnih et al., Human-level control through deep reinforcement learning",
    after=("q-learning",),
    model=DQN,
    task=Balance(),
    data="cartpole",
    recipe=Recipe(epochs=20, batch_size=50, optimizer=Adam(lr=1e-3), schedule=Cosine(warmup=0.0), validation=0.0),
    target=Target("return", at_least=475),
)
