"""Deciding what to do in an environment: what each action is worth, and the Bellman target that says so.

    target: y(s, a) = Σₖ pₖ (rₖ + dₖ · worth of the state sₖ)          over what may come of the action
    error:  y(s, a) − Q(s, a), or max_a y(s, a) − V(s) where a network holds the worth of states

Here pₖ is the probability, rₖ the reward, and dₖ the discount, γ, or 0 where the episode ends. A network is shown a
state and what may come of each action, and returns what it holds of the action and the target beside it: one step of
looking ahead, number by number.

Shapes:
    B  batch, A actions, K outcomes of an action, S states; N numbers that a state is measured by, T steps of an
    episode at most; state (B,) int64 or (B, N), outcomes (B, A, K) and (B, A, K, N); output (B, A, 2)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.tasks.examples import Batch, Outcome
from liuli.tasks.task import Task


@dataclass(frozen=True)
class Decision(Task):
    """What all have in common. A batch is `(state, follows, probability, reward, discount)`."""

    kind: ClassVar[str] = "environment"
    headline: ClassVar[str] = "return"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True
    doubted: ClassVar[str] = "note.bellman"

    def inputs(self, batch: Batch) -> tuple[Tensor, ...]:
        """The state and what may come of each action."""
        return batch[:5]

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean square of the Bellman errors, and the output (B, A, 2)."""
        output = model(*self.inputs(batch))
        return Outcome(self.errors(output).square().mean(), output)

    def errors(self, output: Tensor) -> Tensor:
        """y − Q of every action: (B, A)."""
        return output[..., 1] - output[..., 0]

    def worth(self, output: Tensor) -> Tensor:
        """What decides: the worth of each action (…, A)."""
        return output[..., 0]

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Nothing: what an episode brings is known only when it is played."""
        return {}

    def doubt(self, output: Tensor) -> Tensor:
        """The square of the Bellman error of the action that would be taken."""
        now, target = output[0].unbind(-1)  # (A,) each
        action = self.worth(output[0]).argmax()
        return (target[action] - now[action]).square()

    @abstractmethod
    def actions(self, facts: Facts) -> tuple[str, ...]:
        """Their names."""

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The action to take; of each action what the network holds, and its Bellman target."""
        names = self.actions(facts)
        return {
            "answer": names[int(self.worth(output).argmax())],
            "actions": [
                {"action": name, "value": value, "target": target}
                for name, (value, target) in zip(names, output.tolist(), strict=True)
            ],
        }


def refuse(facts: Facts, expected: str) -> UserError:
    """A sentence for data of another kind."""
    what = "a table of states" if "axes" in facts.details else "measured states"
    held = what if facts.kind == Decision.kind else f"{facts.kind} data"
    return UserError(f"{facts.name}: holds {held}, but this system decides {expected}")


def words(source: Path | bytes | str, name: str) -> str:
    """What a person typed, or a file's text.

    Raises:
        UserError: there is none, or it is no text.
    """
    try:
        text = source.read_bytes() if isinstance(source, Path) else source
        text = text.decode() if isinstance(text, bytes) else text
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: is no text, expected a state of the environment") from error
    return " ".join(text.split())
