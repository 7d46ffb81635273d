"""Keeping a pole upright on a cart: deciding in states that are measured, not counted.

Shapes: as in `decision`; a state is (x, ẋ, θ, θ̇), N = 4, and an action has one outcome, K = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import cart_pole, marks
from liuli.tasks.decision import Decision, refuse, words
from liuli.tasks.examples import Batch, Example, Posed, row
from liuli.tasks.marks import Marks

PUSHES = ("push left", "push right")


@dataclass(frozen=True)
class Balance(Decision):
    """Pushes to a cart so that the pole on it stays upright: a state is (x, ẋ, θ, θ̇), measured."""

    def drawn_facts(self) -> Facts:
        """The cart-pole."""
        details = {"measured": ["position", "speed", "angle", "turning"], "discount": 0.99}
        return Facts("drawn", "", "", self.kind, "", (4,), (), details)

    def options(self, facts: Facts) -> dict[str, object]:
        """None."""
        if "measured" not in facts.details:
            raise refuse(facts, "in measured states (cartpole)")
        return {}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """First states float64 (N, 4), and what a push to either side makes of them."""
        return ahead(torch.tensor(split.inputs), facts.details["discount"])

    def draw(self, count: int, seed: int = 0) -> Batch:
        """States in which nothing has fallen, all over the track."""
        generator = torch.Generator().manual_seed(seed)
        scale = torch.tensor([2.0, 1.0, 0.15, 1.0], dtype=torch.float64)
        return ahead((torch.rand(count, 4, generator=generator, dtype=torch.float64) * 2 - 1) * scale, 0.99)

    def inputs(self, batch: Batch) -> tuple[Tensor, ...]:
        """The same in float32."""
        return tuple(one.float() for one in batch)

    @torch.no_grad()
    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """Output, and each example's episodes: the first push to either side, then always the best one.

        Returns:
            (B, A, 2 + T): after the output the pushes that were made, −1 where the episode was over.
        """
        output = model(*self.inputs(batch))  # (B, A, 2)
        discount = float(batch[4].max())
        states = batch[0].repeat_interleave(2, 0)  # (B·A, 4)
        actions = torch.arange(2).repeat(len(batch[0]))  # (B·A,)
        pushes = torch.full((len(states), cart_pole.LIMIT), -1.0)
        going = torch.arange(len(states))
        for step in range(cart_pole.LIMIT):
            pushes[going, step] = actions.float()
            after, fallen = cart_pole.push(states.numpy(force=True), actions.numpy())
            upright = torch.from_numpy(~fallen)
            going, states = going[upright], torch.from_numpy(after)[upright]
            if not len(going):
                break
            seen = ahead(states.to(batch[0].device), discount)
            actions = model(*self.inputs(seen))[..., 0].argmax(1).cpu()
        return torch.cat([output, pushes.view(*output.shape[:2], -1).to(output)], -1)

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Of the episodes from the test part's first states on: mean return, deviation, least and most."""
        returns = self.returns(output)
        errors = self.errors(output.double())
        return {
            "loss": float(errors.square().mean()),
            "return": float(returns.mean()),
            "deviation": float(returns.std(correction=min(1, len(returns) - 1))),
            "least": float(returns.min()),
            "most": float(returns.max()),
            "optimal return": float(cart_pole.LIMIT),
        }

    def returns(self, output: Tensor) -> Tensor:
        """How many steps the episode lasts that begins with the best push, float64 (B,)."""
        best = self.worth(output).argmax(1)
        return (output[torch.arange(len(output)), best, 2:] >= 0).sum(1).double()

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """How many steps each episode lasts, the shortest first."""
        return marks.by_value(self.returns(output), "steps", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The state that the episode begins in."""
        cells = zip(facts.details["measured"], batch[0][index].tolist(), strict=True)
        given = ", ".join(f"{name} {number:.4f}" for name, number in cells)
        return Posed(Example(f"test {index}", row(batch, index), given))

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The shortest episode as a film, and returns and paths of all."""
        from liuli.tasks import decision_figures

        return decision_figures.of_cart_pole(output.cpu(), batch[0].cpu(), folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """Four numbers: position and speed of the cart, angle and turning of the pole ("0.1,0,-0.02,0")."""
        text = words(source, name)
        expected = "expected four numbers: position, speed, angle and turning, such as 0.1,0,-0.02,0"
        try:
            state = torch.tensor([float(part) for part in text.replace(",", " ").split()], dtype=torch.float64)
        except ValueError:
            raise UserError(f"'{text:.40}': {expected}") from None
        if state.shape != (4,) or not bool(state.isfinite().all()):
            raise UserError(f"'{text:.40}': {expected}")
        if bool(cart_pole.fallen(state.numpy())):
            raise UserError(
                f"'{text:.40}': the episode is over there; expected a position within ±{cart_pole.EDGE:g} m and an "
                f"angle within ±{cart_pole.STEEPEST:.3f} radians"
            )
        return Example(name, ahead(state[None], facts.details["discount"]))

    def actions(self, facts: Facts) -> tuple[str, ...]:
        """To the left, to the right."""
        return PUSHES

    def asked(self, facts: Facts) -> str:
        """A pole that leans a little."""
        return "0.1,0,-0.02,0"

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """And, where the episodes were played, how many steps each brings."""
        answer = dict(super().answer(output[..., :2], facts))
        if output.size(-1) > 2:
            steps = (output[:, 2:] >= 0).sum(1).tolist()
            answer["steps"] = [
                f"{count} of {cart_pole.LIMIT} after a {name}" for name, count in zip(PUSHES, steps, strict=True)
            ]
        return answer

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path | None:
        """The episode that begins there, as a film (GIF)."""
        from liuli.tasks import decision_figures

        pushes = output[int(output[:, 0].argmax()), 2:]
        return decision_figures.film(example.batch[0][0], pushes, path.with_suffix(".gif"))


def ahead(states: Tensor, discount: float) -> Batch:
    """Cart-poles (B, 4), and what a push to either side makes of each: one outcome, certain, with a reward of 1."""
    pairs = states.repeat_interleave(2, 0).view(-1, 2, 4)  # (B, A, 4)
    after, fallen = cart_pole.push(pairs.numpy(force=True), np.array([0, 1]))
    follows = torch.from_numpy(after).to(states.device).unsqueeze(2)  # (B, A, 1, 4)
    one = torch.ones(*pairs.shape[:2], 1, dtype=states.dtype, device=states.device)  # (B, A, 1)
    going = torch.from_numpy(~fallen).to(states.device).unsqueeze(2)
    return states, follows, one, one.clone(), one * discount * going
