"""What a page is made about: an input that a trained system answers, or a user's own module."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from liuli.catalog import find
from liuli.errors import UserError, nearest
from liuli.lab.manifest import Subject
from liuli.lab.scenes import Answering, Optimizer, Scene
from liuli.lab.users_code import users_code
from liuli.runs import Run
from liuli.system import Recipe
from liuli.tasks.examples import Example
from liuli.tasks.task import Task
from liuli.tracing import Record
from liuli.tracing.gradients import Loss
from liuli.tracing.retrace import Beginning
from liuli.tracing.trees import leaves

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MOST = 2**28  # numbers of an input that is only described by its shape

Made = tuple[Record, Subject]


def of_run(run: Run, example: Example, network: nn.Module | None = None, task: Task | None = None) -> Made:
    """What a trained system makes of one input, and from its own answer back.

    Args:
        network: that of the run, where it is at hand.
        task: by which it is asked, where that is not the system's own as it stands, see `Task.making`.
    """
    task = run.system.task if task is None else task
    network = run.network() if network is None else network
    with torch.no_grad():
        batch = task.complete(network, example.batch)
    answering = Answering(run, example, network, task, task.completed(example.batch, batch))
    beginning = Beginning.of(network, *task.inputs(batch), loss=answering.doubt)
    record = beginning.trace()
    recipe = recipe_of(run)
    scene = Scene(beginning, answering.told, recipe.optimizer if recipe else None)
    return record, replace(answering.told(record), scene=scene)


def recipe_of(run: Run) -> Recipe | None:
    """The recipe of a run; None where today's system has another."""
    try:
        return run.recipe
    except UserError:
        return None


def of_module(
    module: nn.Module,
    *inputs: Any,
    title: str = "",
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    **kwargs: Any,
) -> Made:
    """What a user's own module makes of its inputs.

    Back goes a gradient from `loss` (of the output), else from the output's one number, else from its sum.

    Raises:
        UserError: it is no module.
    """
    if not isinstance(module, nn.Module):
        raise UserError(f"show: {module!r:.60} is of type {type(module).__name__}, expected a torch.nn.Module")
    chosen: list[str] = []

    def number(output: Any) -> Tensor:
        first = first_floating(output)
        if first is None:
            return torch.zeros(())
        chosen.append("note.own" if first.numel() == 1 else "note.sum")
        return first if first.numel() == 1 else first.sum()

    def told(record: Record, _: bool = True) -> Subject:
        begun = "note.given" if loss is not None else chosen[-1] if chosen else "note.none"
        note = begun if any(value.grad is not None for value in record.values()) else "note.none"
        return Subject(title=title or type(module).__name__, notes=[(note, {})])

    beginning = Beginning.of(module, *inputs, loss=number if loss is None else loss, **kwargs)
    record = beginning.trace()
    return record, replace(told(record), scene=Scene(beginning, told, optimizer))


def of_system(name: str) -> Made:
    """What a system makes of an input of its kind when nothing has been learnt: weights and input drawn with seed 0.

    Raises:
        UserError: there is no such system.
    """
    system = find(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = system.build().eval()
        inputs = system.task.inputs(system.task.draw(1))
        record, subject = of_module(network, *inputs, title=name, loss=system.task.doubt)
    return record, replace(subject, system=name, notes=[("note.drawn", {})])


def first_floating(thing: Any) -> Tensor | None:
    """The first floating-point tensor of an output: itself, or within what holds it."""
    return next((tensor for _, tensor in leaves(thing) if tensor.is_floating_point()), None)


def of_factory(spec: str, given: str | None) -> Made:
    """What the module that `path/to/file.py:factory` makes, given an input file or a shape.

    The factory returns a module, or a module and its inputs (a tensor, a tuple of them, or a dictionary by the names
    that `forward` has for them), or these and a loss (a function from the module's output to one number), or these and
    an optimizer of the module's parameters.

    Raises:
        UserError: there is no such file or factory, it returns no module, or the input cannot be read.
    """
    path, _, name = spec.rpartition(":")
    with users_code(Path(path)):
        made = function_of(Path(path), name)()
    made = made if isinstance(made, tuple) and made else (made,)
    if not isinstance(made[0], nn.Module) or len(made) > 4:
        kind = f"{len(made)} things" if len(made) > 4 else f"an object of type {type(made[0]).__name__}"
        raise UserError(
            f"{spec}: returned {kind}, expected a torch.nn.Module, or a module, its inputs, a loss and an optimizer"
        )
    module, inputs, loss, optimizer = (*made, None, None, None)[:4]
    if not (loss is None or callable(loss)):
        raise UserError(f"{spec}: returned a loss of type {type(loss).__name__}, expected a function of the output")
    if not isinstance(optimizer, Optimizer | None):
        raise UserError(
            f"{spec}: returned an optimizer of type {type(optimizer).__name__}, expected one of torch.optim"
        )
    if given is not None:
        inputs = read_input(given)
    if inputs is None:
        raise UserError(
            f"{spec}: returned a module without inputs; give one with --input FILE or --input shape=1,3,32,32"
        )
    placed, named = arranged(module, inputs)
    with users_code(Path(path)):
        return of_module(module, *placed, title=type(module).__name__, loss=loss, optimizer=optimizer, **named)


def arranged(module: nn.Module, inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs by place and by name: a dictionary whose keys `forward` has names for is taken apart."""
    if isinstance(inputs, Mapping):
        with suppress(TypeError, ValueError):  # they are no such names, or there is no signature
            inspect.signature(module.forward).bind(**inputs)
            return (), dict(inputs)
    return (inputs if isinstance(inputs, tuple) else (inputs,)), {}


def function_of(path: Path, name: str) -> Callable[[], Any]:
    """The function called `name` of a Python file, which is run as the user's own code."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; give path/to/file.py:factory")
    own = f"liuli_opened_{path.stem}"  # a name that shadows no other module's
    specification = importlib.util.spec_from_file_location(own, path)
    if specification is None or specification.loader is None:
        raise UserError(f"{path}: is no Python file; give path/to/file.py:factory")
    module = importlib.util.module_from_spec(specification)
    sys.modules[own] = module
    sys.path.insert(0, str(path.parent.resolve()))  # as `python file.py` would have it
    specification.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        known = [key for key, one in vars(module).items() if callable(one) and getattr(one, "__module__", None) == own]
        hint = nearest(name, known) if known else "it defines none"
        raise UserError(f"{path}: has no function '{name}'; {hint}")
    return found  # type: ignore[no-any-return]


def read_input(given: str) -> Any:
    """An input for a module: an array, JSON, a picture as (1, C, H, W) in [0, 1], or drawn numbers of a shape.

    Raises:
        UserError: it cannot be read.
    """
    if given.startswith("shape="):
        return drawn(given)
    path = Path(given)
    try:
        match path.suffix.lower():
            case ".npy":
                return array(path)
            case ".json":
                return torch.tensor(json.loads(path.read_text(encoding="utf-8")))
            case suffix if suffix in PICTURES:
                return picture(path)
    except FileNotFoundError as error:
        raise UserError(f"{given}: no such file") from error
    except (OSError, ValueError, TypeError, SyntaxError) as error:
        raise UserError(f"{given}: cannot be read as {path.suffix} ({str(error).splitlines()[0]})") from error
    raise UserError(f"{given}: expected a .npy, .json or picture file, or a shape such as shape=1,3,32,32")


def array(path: Path) -> Tensor:
    """The numbers of a NumPy file."""
    if path.read_bytes()[:6] != b"\x93NUMPY":
        raise ValueError("it is no array that numpy.save wrote")
    return torch.from_numpy(np.load(path, allow_pickle=False))


def drawn(given: str) -> Tensor:
    """Numbers drawn from the normal distribution, the same each time."""
    text = given.removeprefix("shape=")
    try:
        shape = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        shape = (-1,)
    if not shape or min(shape) < 1:
        raise UserError(f"--input {given}: expected sizes of at least 1, such as shape=1,3,32,32")
    if np.prod(shape, dtype=float) > MOST:
        raise UserError(f"--input {given}: are {np.prod(shape, dtype=float):,.0f} numbers, expected {MOST:,} at most")
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def picture(path: Path) -> Tensor:
    """A picture as a batch of one: grey (1, 1, H, W) or colour (1, 3, H, W), in [0, 1]."""
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB"), dtype=np.float32) / 255
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(pixels))[None]
