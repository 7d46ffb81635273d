"""A judge of made pictures: a classifier that has learnt the real ones with their classes, and stays with the run.

Shapes: N pictures, C channels, K classes; pictures (N, C, size, size), uint8 from 0 to 255.
"""

from __future__ import annotations

import base64
from functools import lru_cache

import torch
from torch import Tensor, nn

from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.system import System

EPOCHS = 4
AT_ONCE = 500


def fresh(system: System, facts: Facts) -> nn.Module:
    """A judge that has learnt nothing, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        judge: nn.Module = system.build(**system.task.options(facts))
    return judge


def taught(system: System, pixels: Tensor, labels: Tensor, facts: Facts) -> nn.Module:
    """A judge trained on pictures and their classes, int64 (N,), by the system's optimizer and schedule."""
    judge, recipe = fresh(system, facts), system.recipe
    order = torch.Generator().manual_seed(0)
    judge.train()
    optimizer = torch.optim.Adam(judge.parameters(), recipe.optimizer.lr, fused=True)
    steps = [one for _ in range(EPOCHS) for one in torch.split(torch.randperm(len(pixels), generator=order), 64)]
    for number, rows in enumerate(steps):
        optimizer.param_groups[0]["lr"] = recipe.optimizer.lr * recipe.schedule.factor(number / len(steps))
        optimizer.zero_grad()
        torch.autograd.backward(system.task.outcome(judge, (pixels[rows], labels[rows])).loss)
        optimizer.step()
    return judge


@torch.no_grad()
def verdicts(system: System, pixels: Tensor, facts: Facts) -> Tensor:
    """The probabilities that the judge of a run gives pictures: float64 (N, K).

    Raises:
        UserError: the run has no judge, or it is damaged.
    """
    judge = unpacked(system, facts)
    parts = [judge(*system.task.inputs((part,))) for part in torch.split(pixels.cpu(), AT_ONCE)]
    return torch.cat(parts).double().softmax(1)


def packed(network: nn.Module) -> str:
    """Weights as text that JSON can hold: safetensors in base 64."""
    from safetensors.torch import save

    return base64.b64encode(save(network.state_dict())).decode()


def unpacked(system: System, facts: Facts) -> nn.Module:
    """The judge of a run.

    Raises:
        UserError: the run has none, or it is damaged.
    """
    return restored(system, len(facts.classes), str(facts.learnt.get("judge", "")))


@lru_cache(maxsize=2)
def restored(system: System, classes: int, weights: str) -> nn.Module:
    """The network of packed weights, made once."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    judge: nn.Module = system.build(classes=classes)
    try:
        judge.load_state_dict(load(base64.b64decode(weights, validate=True)))
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise UserError("the judge's weights in learnt.json are missing or damaged; train the run again") from error
    return judge.eval()
