"""Training in a process of its own, to which something happens at a chosen instant: mostly it kills itself.

The processes are forked from one server that has imported PyTorch, so that a test takes what training takes.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        *(
            "liuli.training.fit",
            "liuli.models.vision.mlp",
            "torch.utils.tensorboard",
            "lightning_fabric",
            "torch._dynamo",
        ),
        "tests.training_server",
    ]
)
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])  # for the server


@dataclass(frozen=True)
class Job:
    """What a child does.

    Attributes:
        folder: of the run.
        name: of the system to train; "": resume the run.
        settings: of the recipe or model.
        engine: torch or scratch.
        fault: (instant, count): what happens when that instant comes for the count-th time, see `INSTANTS`.
        act: what that is, see `ACTS`.
        every_step: look, and write a checkpoint, after every step.
        data: that the system is trained on.
        target: the column of a user's own data that holds the classes.
        prepare: what comes first: puts something small in the place of something large. A function of a module.
    """

    folder: Path
    name: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    engine: str = "torch"
    fault: tuple[str, int] | None = None
    act: str = "kill"
    every_step: bool = True
    data: str = "digits"
    target: str | None = None
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True)
class End:
    """How a child ended: its exit code (negative: the signal that killed it) and what it said last."""

    code: int
    sentence: str


def run(job: Job) -> End:
    """Do the job in a process of its own."""
    here, there = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=work, args=(job, there))
    child.start()
    there.close()
    child.join()
    assert child.exitcode is not None
    sentence = here.recv() if child.exitcode > 0 and here.poll() else ""
    return End(child.exitcode, sentence)


def work(job: Job, parent: Connection | None) -> None:
    """The child."""
    import torch
    from rich.console import Console

    from liuli import catalog
    from liuli.errors import LiuliError
    from liuli.runs import Run
    from liuli.training import curves, fit, loop

    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job is told to ignore
    torch.set_num_threads(1)
    if job.prepare is not None:
        job.prepare()
    system = catalog.find(job.name) if job.name else Run.open(job.folder).system
    type(system.task).figures = lambda *arguments: []  # type: ignore[method-assign]
    type(system.task).portray = lambda *arguments: []  # type: ignore[method-assign]
    curves.draw = lambda *arguments: None  # type: ignore[assignment]
    if job.every_step:
        loop.LOOK_SECONDS, loop.SAVE_SECONDS, loop.SAVE_SHARE = 0.0, 0.0, 1e9
    if job.fault is not None:
        instant, count = job.fault
        INSTANTS[instant](count, lambda: ACTS[job.act](job.folder))
    console = Console(quiet=True)
    try:
        if job.name:
            fit.train(
                job.name,
                data=job.data,
                target=job.target,
                engine=job.engine,
                settings=job.settings,
                out=job.folder,
                console=console,
            )
        else:
            fit.resume(job.folder, console)
    except (LiuliError, KeyboardInterrupt) as error:
        if parent is not None:
            parent.send(str(error))
        os._exit(getattr(error, "exit_code", 130))


def send(*signals: signal.Signals) -> None:
    for number in signals:
        os.kill(os.getpid(), number)


def fill_disk(folder: Path) -> None:
    """From now on no file may grow beyond 100 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))


def refuse_events(folder: Path) -> None:
    """From now on TensorBoard's writer finds the disk full, in a thread of its own."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    def full(writer: object, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    RecordWriter.write = full


ACTS: dict[str, Callable[[Path], object]] = {
    "kill": lambda folder: send(signal.SIGKILL),
    "interrupt": lambda folder: send(signal.SIGINT),
    "interrupt twice": lambda folder: send(signal.SIGINT, signal.SIGINT),
    "terminate": lambda folder: send(signal.SIGTERM),
    "ask to end and terminate": lambda folder: ((folder / ".stop").touch(), send(signal.SIGTERM)),
    "fill the disk": fill_disk,
    "fill the disk for events": refuse_events,
    "remove the folder": lambda folder: shutil.rmtree(folder),
}

Act = Callable[[], None]


def after(owner: Any, name: str, before: bool = False) -> Callable[[int, Act], None]:
    """Arrange for something to happen after (or before) the count-th call of `owner.name`."""

    def arrange(count: int, act: Act) -> None:
        original: Callable[..., Any] = getattr(owner, name)
        calls = 0

        def counted(*arguments: Any, **keywords: Any) -> Any:
            nonlocal calls
            calls += 1
            if before and calls == count:
                act()
            result = original(*arguments, **keywords)
            if not before and calls == count:
                act()
            return result

        setattr(owner, name, counted)

    return arrange


def within_write(name: str) -> Callable[[int, Act], None]:
    """Arrange for something to happen when half the bytes of the count-th file called `name` are on disk."""

    def arrange(count: int, act: Act) -> None:
        original = Path.write_bytes
        calls = 0

        def half(path: Path, content: bytes) -> int:
            nonlocal calls
            if f".{name}." in path.name:
                calls += 1
                if calls == count:
                    original(path, content[: len(content) // 2])
                    act()
            return original(path, content)

        Path.write_bytes = half  # type: ignore[assignment, method-assign]

    return arrange


def instants() -> dict[str, Callable[[int, Act], None]]:
    from liuli.training import board, checkpoint, ending
    from liuli.training.loop import Training
    from liuli.training.observer import Observer

    return {
        "run created": after(checkpoint, "clean"),
        "step": after(Training, "step"),
        "half a checkpoint": within_write("training.safetensors"),
        "half the weights": within_write("model.safetensors"),
        "checkpoint": after(checkpoint, "write"),
        "metrics": after(Training, "append"),
        "distributions": after(Observer, "look"),
        "answers": after(Observer, "epoch"),
        "board": after(board.Board, "epoch"),
        "metrics cut": after(Training, "forget_later"),
        "before the evaluation": after(ending, "evaluate", before=True),
        "evaluation": after(ending, "evaluate"),
        "before the result": after(ending, "write_json", before=True),
        "result": after(ending, "write_json"),
    }


INSTANTS = instants()


SEEN = ("distributions.jsonl", "examples.json", "answers.jsonl")  # the last not where there are no examples


def trace(folder: Path) -> dict[str, object]:
    """What two runs that are the same have in common: all but times.

    That is the best weights, and where training ended with all that it would go on from; the lines of metrics; the
    figures on the test part; what was seen of weights, gradients and examples; the pictures that were kept over time.
    """
    from liuli.training import checkpoint

    timed = ("seconds", "samples_per_second")
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "end": checkpoint.checksum(checkpoint.read(folder / "checkpoint" / "training.safetensors")[0]),
        "metrics": [{key: value for key, value in line.items() if key not in timed} for line in lines],
        "test": json.loads((folder / "result.json").read_text())["metrics"],
        "state": json.loads((folder / "run.json").read_text())["state"],
        "seen": {one.name: one.read_text() for one in map(folder.joinpath, SEEN) if one.exists()},
        "pictures": {file.name: file.read_bytes() for file in folder.glob("figures/epochs/*")},
    }
