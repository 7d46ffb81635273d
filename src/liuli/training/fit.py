"""Training a system from its name to a finished run, and going on with one that was interrupted."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from torch import nn

from liuli import __version__, catalog
from liuli.data import store
from liuli.data.dataset import Data, Split
from liuli.data.order import Batches, hold_out
from liuli.errors import LiuliError, UserError
from liuli.files import unwritable
from liuli.runs import Run
from liuli.system import Recipe
from liuli.training import checkpoint, ending, memory, provenance
from liuli.training.engine import build, check, choose_device
from liuli.training.loop import Training
from liuli.training.place import NotFinite
from liuli.training.signals import Paused, Signals
from liuli.training.torch_engine import make_fabric
from liuli.training.world import World

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from liuli.training.board import Board


def train(
    name: str,
    *,
    data: str | None = None,
    target: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    engine: str = "torch",
    precision: str = "32-true",
    settings: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    command: str | None = None,
    console: Console | None = None,
) -> Run:
    """Train a system by its recipe and evaluate it on the test part.

    Args:
        name: of the system, as in `liuli list`.
        data: of the data set, or the path of your own; None: the one that the recipe is for.
        target: the column to be predicted, where `data` is a table of your own.
        epochs: at most; None: as the recipe says.
        seed: None: as the recipe says.
        device: `auto` (a GPU where there is one), `cpu` or `cuda`.
        engine: `torch`, or `scratch` for the one written by hand in NumPy.
        precision: `32-true`, `bf16-mixed` or `16-mixed`.
        settings: other values of the recipe, or keyword arguments of the model: `{"lr": 1e-3}`.
        out: a new or empty folder for the run; None: runs/NAME, or the first free one of runs/NAME-2, …
        command: what the user typed; kept in the run.
        console: where progress is shown; `Console(quiet=True)` for nowhere.

    Returns:
        The finished run.

    Raises:
        UserError: the input or the machine is at fault, or the loss became NaN.
        Paused: the user asked for that; `resume` goes on.
    """
    system = catalog.find(name)
    changes = {key: str(value) for key, value in (settings or {}).items()}
    changes |= {key: str(value) for key, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    recipe, options = system.with_settings(changes)
    kind = choose_device(device)
    world = World.here(kind.type)
    check(system, recipe, engine, precision, world)
    loaded = store.load(data or system.data, target=target, kind=system.task.kind)
    train_split, _ = parts(loaded, recipe)
    fetched = replace(loaded.facts, learnt=system.task.fetch(system.options() | options))
    loaded = replace(loaded, facts=replace(fetched, learnt=system.task.learn(train_split, fetched)))
    decided = system.task.options(loaded.facts)
    for key in options.keys() & decided.keys():
        raise UserError(f"--set {key}: is decided by the data ({loaded.facts.name}: {decided[key]}); leave it out")
    options |= decided
    network = system.build(**options)
    del network  # only asked whether it can be, before a folder is made for it
    fabric = make_fabric(kind, precision, world)
    record = {
        "state": "running",
        "system": name,
        "data": loaded.facts.to_json(),
        "recipe": recipe.settings(),
        "options": options,
        "engine": engine,
        "step": "auto",
        "device": kind.type,
        "precision": precision,
        "processes": world.size,
        "threads": torch.get_num_threads(),
        "command": command,
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "machine": provenance.machine(world.device),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    run = world.first_does(lambda: Run.create(Path(out) if out else None, name, record, loaded.facts.learnt))
    go(run, loaded, world, fabric, console or Console())
    return run


def resume(path: str | Path, console: Console | None = None) -> Run:
    """Go on with a run that was paused or killed; on a CPU it ends with the bits of one that never was.

    Raises:
        UserError: it is finished or failed, was made by another version, its data changed or it is damaged.
    """
    run = Run.open(path)
    record = run.record
    if run.state in ("finished", "failed"):
        why = "it has all its epochs" if run.state == "finished" else str(record.get("reason"))
        raise UserError(f"{run.folder}: is {run.state} ({why}); train anew with 'liuli train {record['system']}'")
    if record["liuli"] != __version__:
        raise UserError(
            f"{run.folder}: was begun by liuli {record['liuli']}, this is {__version__}, which may compute other bits; "
            "install that version, or train anew"
        )
    world = World.here(record["device"])
    if world.size != record["processes"]:
        raise UserError(
            f"{run.folder}: was begun with {record['processes']} process(es), expected the same, found {world.size}; "
            f"start it with: torchrun --nproc-per-node {record['processes']} -m liuli train --resume {run.folder}"
        )
    choose_device(record["device"])
    console = console or Console()
    for package, was in record["versions"].items():
        if provenance.versions().get(package) != was and world.first:
            console.print(f"{package} was {was} when the run began: the weights may differ in their last bits")
    data = run.data()
    fabric = make_fabric(torch.device(record["device"]), record["precision"], world)
    go(run, data, world, fabric, console)
    return run


def go(run: Run, data: Data, world: World, fabric: Fabric | None, console: Console) -> None:
    """Train `run` from where it stands to its end."""
    threads = torch.get_num_threads()
    try:
        with Signals() as signals, run.lock() if world.first else nullcontext():
            if world.first:
                checkpoint.clean(run.folder)
                if run.record["state"] != "paused":  # else who asked to end, and then to pause, wants both
                    run.stop_file.unlink(missing_ok=True)  # asked of a session that was killed before it could
                run.update(state="running")
            with memory.kept():
                attend(run, data, world, fabric, console, signals)
    except OSError as error:
        raise unwritable(run.folder, error) from error
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the GPU has too little memory for batches of {run.recipe.batch_size}; "
            f"split them with --set accumulate=2 (or more), or take fewer with --set batch_size=…"
        ) from error
    except RuntimeError as error:
        if world.size > 1 and "closed by peer" in str(error):
            raise LiuliError("another process ended, and has said why") from error
        raise
    finally:
        torch.set_num_threads(threads)


def attend(run: Run, data: Data, world: World, fabric: Fabric | None, console: Console, signals: Signals) -> None:
    """The same, with the run's folder to ourselves."""
    from liuli.training.board import Board
    from liuli.training.observer import Observer
    from liuli.training.progress import Progress

    system, recipe, facts = run.system, run.recipe, run.facts
    torch.set_num_threads(run.record["threads"])
    train_split, held_split = parts(data, recipe)
    tensors = (system.task.tensors(split, facts) for split in (train_split, held_split))
    train_part, held_part = (tuple(tensor.to(world.device) for tensor in part) for part in tensors)
    test_part = system.task.tensors(data.test, facts)

    torch.manual_seed(recipe.seed)
    network: nn.Module = system.build(**run.options).to(world.device)
    system.task.equip(network, facts)
    lengths = system.task.lengths(train_part)
    batches = Batches(
        train_part, recipe.batch_size, recipe.seed, world.rank, world.size, lengths=lengths, cut=system.task.cut
    )
    batch = next(batches.epoch(0))
    batch = system.task.augment(batch) if recipe.augment else batch
    engine, step = build(run.engine, run.record["step"], system, network, run.options, recipe, fabric, batch)
    torch.manual_seed(recipe.seed + ((1 + world.rank) << 32))  # each process drops out other units
    training = Training(run, system.task, recipe, engine, batches, held_part, world)
    training.signals = signals
    if world.share(run.checkpoint_file.exists()):
        training.restore()
    with ExitStack() as stack:
        if world.first:
            if step != run.record["step"]:
                run.update(step=step)
            training.forget_later()
            done = training.steps_done
            training.board = Board(run.tensorboard_folder, system.task, facts, test_part, done)
            stack.callback(closed, training.board)
            looked_at = (held_split, held_part) if len(held_part[0]) else (data.test, test_part)
            training.observer = Observer(
                run, system.task, facts, engine, recipe.epochs, batches.steps, *looked_at, done
            )
            shown = Progress(console, recipe.epochs, batches.steps, recipe.batch_size, system.task.headline, done)
            training.progress = stack.enter_context(shown)
            training.progress.say(headline(run, network, (train_split, held_split, data.test)))
            if training.steps_done and not training.over:
                training.progress.say(f"going on in epoch {training.place.epoch + 1} after step {training.place.step}")
        try:
            training.go()
            if world.first:
                ending.finish(training, test_part)
        except Paused:
            if world.first:
                run.update(state="paused")
            raise
        except NotFinite as failure:
            raise ending.explained(training, failure) from failure


def parts(data: Data, recipe: Recipe) -> tuple[Split, Split]:
    """What is trained on, and what is held out: as published, or drawn from the training part."""
    if data.validation is not None and recipe.validation:
        return data.train, data.validation
    return hold_out(data.train, recipe.validation, recipe.seed)


def headline(run: Run, network: nn.Module, splits: tuple[Split, ...]) -> str:
    """What is trained on what, where, and where to, in two lines."""
    facts, record = run.facts, run.record
    variant = f" ({facts.variant})" if facts.variant else ""
    parameters = sum(value.numel() for value in network.parameters())
    train, held, test = map(len, splits)
    processes = f"{record['processes']} processes, " * (record["processes"] > 1)
    return (
        f"{run.system.name}, {parameters:,} parameters, on {facts.name}{variant}: "
        f"{train:,} examples, {held:,} held out, {test:,} to test\n"
        f"{run.engine} on {record['device']}, {processes}{record['threads']} threads; everything goes to {run.folder}"
    )


def closed(board: Board) -> None:
    """Close the board whatever befell its folder: training has already said what is wrong."""
    with suppress(Exception):
        board.close()
