"""The glass box on a network of the playground: a point on its way through it, and the next step of a weight."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor

from liuli.errors import UserError
from liuli.explaining.expression import Number
from liuli.explaining.formula import formula
from liuli.explaining.step import explain_step, number_of, rule
from liuli.files import Json
from liuli.lab.manifest import Subject
from liuli.lab.playground.network import Units, loss_of, shares_of
from liuli.lab.playground.session import Session
from liuli.lab.templates import used_by
from liuli.lab.trees import formula_json, number_json
from liuli.tracing import Record, trace
from liuli.training.update import Update

KEPT = {"momentum_buffer": "v", "exp_avg": "m", "exp_avg_sq": "v"}
"""The letters of what an optimizer remembers of a weight, by PyTorch's names."""


def of_point(session: Session, point: tuple[float, float], label: int) -> tuple[Record, Subject, Json]:
    """A point's way through the network and back from its loss under the class `label`.

    Returns:
        The record, what it is about, and the addresses in it of what the page shows: see `addresses`.
    """
    rows, labels = torch.tensor([point]), torch.tensor([label])
    record = recorded(session, rows, labels)
    notes = [("play.note.point", {"x": f"{point[0]:.4g}", "y": f"{point[1]:.4g}", "class": str(label)})]
    shares = [one for name in ("sigmoid", "softmax") for one in record.find(operation=name, module="(loss)")]
    subject = Subject(
        title=session.setup.model,
        input=f"({point[0]:.4g}, {point[1]:.4g})",
        shares=shares[0].address if shares else "",
        labels=[str(place) for place in range(session.setup.points.classes)]
        if session.setup.points.classes > 2
        else (),
        notes=notes,
    )
    return record, subject, addresses(record, session.network)


def of_step(session: Session) -> tuple[Record, Subject, Json]:
    """The same of the batch of the step to come.

    Raises:
        UserError: there is no step to come.
    """
    if session.ended:
        raise UserError("learning has ended, so there is no next step that could move a weight")
    rows, labels = session.next_batch()
    record = recorded(session, rows, labels)
    notes = [("play.note.batch", {"count": str(len(rows)), "step": str(session.steps + 1)})]
    subject = Subject(title=session.setup.model, input=f"{len(rows)} × (x, y)", notes=notes)
    return record, subject, addresses(record, session.network)


def recorded(session: Session, rows: Tensor, labels: Tensor) -> Record:
    """The record of a batch (B, 2), back from its mean loss under labels (B,)."""
    model = session.setup.model

    def loss(scores: Tensor) -> Tensor:
        if model != "perceptron":
            shares_of(model, scores)  # which the loss works out for itself in one go: here they are to be seen
        return loss_of(model, scores, labels)

    return trace(session.network, rows, loss=loss)


def addresses(record: Record, network: Units) -> Json:
    """Where in the record each layer's sums and activations are: [{"name", "sum", "activation"}, …], output last."""
    found = []
    for name in [*network.names, "output"]:
        value = record.value(next(one.outputs[0] for one in record.operations if one.path == name))
        bent = value.users[0].outputs[0] if name != "output" and network.bend is not None else value.address
        found.append({"name": name, "sum": value.address, "activation": bent})
    return found


def move(session: Session, record: Record, name: str, index: tuple[int, ...]) -> Json:
    """How the step to come changes one weight: its formula, every letter's number, and the weight afterwards.

    Args:
        record: of the batch of that step, as `of_step` makes it.
        name: of the parameter, "hidden1.weight".
        index: of the weight in it.
    """
    optimizer = session.setup.optimizer
    state = {
        key.removeprefix(f"{name}."): value
        for key, value in session.update.state().items()
        if key.startswith(f"{name}.")
    }
    after = stepped(session)[name].detach()
    explanation = explain_step(record, name, index, optimizer, state, after=after)
    text, settings = rule(optimizer, state)
    numbers = {"w": value_at(record.value(name).tensor, index), "g": value_at(record.value(name).grad, index)}
    numbers |= {KEPT[key]: value_at(one, index) for key, one in state.items() if key in KEPT}
    numbers["t"] = settings.get("t") or 1.0
    return {
        "name": name,
        "index": list(index),
        "before": numbers["w"],
        "gradient": numbers["g"],
        "after": number_json(after[index]),
        "computed": number_json(explanation.result),
        "part": part(text, settings, numbers),
    }


def value_at(tensor: Tensor | None, index: tuple[int, ...]) -> float:
    """One number of a tensor that is there."""
    assert tensor is not None
    return float(tensor[index])


def part(text: str, settings: Mapping[str, float | None], numbers: Mapping[str, float]) -> Json:
    """A formula with a number for every letter, as `liuli.lab.instances` tells one.

    Args:
        settings: of an optimizer; a factor of 1 and a term of 0 are left out of the formula.
        numbers: that are shown whatever they are.
    """
    known = {letter: number_of(one) for letter, one in settings.items()} | {"c": None}
    shown = formula(text).suited({**known, **{letter: Number(one) for letter, one in numbers.items()}}).shortened()
    every = {letter: {"number": number_json(one)} for letter, one in {**settings, **numbers}.items() if one is not None}
    return {"formula": formula_json(shown), "letters": used_by(shown, every)}


def stepped(session: Session) -> dict[str, Tensor]:
    """Every parameter as the step to come will leave it; the session stays where it is."""
    network = deepcopy(session.network)
    update = Update(session.setup.optimizer, dict(network.named_parameters()))
    update.load_state(session.update.state())
    session.step(network, update)
    return dict(network.named_parameters())
