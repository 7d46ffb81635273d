"""Two processes train as one does on the same global batches; one of them writes and prints."""

from __future__ import annotations

import contextlib
import io
import os
import socket
from pathlib import Path

import pytest

from tests.training_child import CONTEXT, Job, run, trace, work

SETTINGS: dict[str, object] = {"epochs": 2, "batch_size": 101}  # shares of 51 and 50 examples, which weigh differently


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def member(rank: int, port: int, job: Job, prints: Path) -> None:
    """One process with the environment that torchrun gives it."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test",
    }  # fmt: skip
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        work(job, None)
    prints.write_text(said.getvalue())


def together(job: Job, prints: Path) -> list[int | None]:
    """Do the job in two processes; their exit codes."""
    port = free_port()
    members = [CONTEXT.Process(target=member, args=(rank, port, job, prints / str(rank))) for rank in range(2)]
    for one in members:
        one.start()
    for one in members:
        one.join()
    return [one.exitcode for one in members]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    assert together(Job(folder / "run", "mlp", SETTINGS), folder) == [0, 0]
    return folder


def test_the_loss_curve_is_that_of_one_process(tmp_path: Path, pair: Path) -> None:
    assert run(Job(tmp_path / "one", "mlp", SETTINGS)).code == 0
    one, two = trace(tmp_path / "one")["metrics"], trace(pair / "run")["metrics"]
    assert isinstance(one, list)
    assert isinstance(two, list)
    assert len(one) == len(two) == 2
    for row, other in zip(one, two, strict=True):
        assert other == pytest.approx(row, rel=1e-5)


def test_only_the_first_process_prints(pair: Path) -> None:
    assert (pair / "1").read_text() == ""


def test_killed_and_resumed_together(tmp_path: Path, pair: Path) -> None:
    folder = tmp_path / "run"
    job = Job(folder, "mlp", SETTINGS, fault=("step", 17), act="interrupt", every_step=False)
    assert together(job, tmp_path) == [130, 130]
    assert together(Job(folder, every_step=False), tmp_path) == [0, 0]
    assert trace(folder) == trace(pair / "run")
