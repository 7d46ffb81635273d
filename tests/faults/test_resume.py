"""A run killed at any instant and resumed ends with the same bits as one that was never killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from liuli.runs import Run
from tests.training_child import End, Job, run, trace

MLP: dict[str, object] = {"epochs": 2, "batch_size": 108}  # 12 steps an epoch


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The trace of a run never killed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run(Job(folder, "mlp", MLP)).code == 0
    return trace(folder)


def killed_and_resumed(folder: Path, job: Job, kills: list[tuple[str, int]]) -> dict[str, object]:
    """The trace after dying at each of `kills` in turn, and then going on to the end."""
    assert run(replace(job, folder=folder, fault=kills[0])).code == -9
    again = replace(job, folder=folder, name="")
    for kill in kills[1:]:
        assert run(replace(again, fault=kill)).code == -9
    assert run(again) == End(0, "")
    return trace(folder)


def test_killed_in_the_middle_of_an_epoch_and_again_while_resuming(tmp_path: Path, whole: dict[str, object]) -> None:
    kills = [("step", 17), ("metrics cut", 1), ("half a checkpoint", 5)]
    assert killed_and_resumed(tmp_path / "run", Job(tmp_path, "mlp", MLP), kills) == whole


def test_killed_before_the_first_checkpoint(tmp_path: Path, whole: dict[str, object]) -> None:
    assert killed_and_resumed(tmp_path / "run", Job(tmp_path, "mlp", MLP), [("run created", 1)]) == whole


def test_killed_between_metrics_and_checkpoint(tmp_path: Path, whole: dict[str, object]) -> None:
    assert killed_and_resumed(tmp_path / "run", Job(tmp_path, "mlp", MLP), [("metrics", 2)]) == whole


@pytest.mark.parametrize("kill", [("distributions", 9), ("answers", 2)], ids=lambda kill: kill[0])
def test_killed_before_what_was_seen_is_in_a_checkpoint(
    tmp_path: Path, whole: dict[str, object], kill: tuple[str, int]
) -> None:
    assert killed_and_resumed(tmp_path / "run", Job(tmp_path, "mlp", MLP), [kill]) == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "kill",
    [
        ("step", 1),
        ("step", 12),
        ("step", 24),
        ("half a checkpoint", 1),
        ("half a checkpoint", 20),
        ("half the weights", 1),
        ("checkpoint", 14),
        ("board", 2),
        ("metrics", 1),
        ("evaluation", 1),
        ("before the result", 1),
        ("result", 1),
    ],
    ids=lambda kill: f"{kill[0]} {kill[1]}",
)
@pytest.mark.parametrize("every_step", [True, False], ids=["saving often", "saving seldom"])
def test_killed_at(tmp_path: Path, whole: dict[str, object], kill: tuple[str, int], every_step: bool) -> None:
    if not every_step and kill in (("half a checkpoint", 20), ("checkpoint", 14)):
        kill = (kill[0], 2)
    job = Job(tmp_path, "mlp", MLP, every_step=every_step)
    assert killed_and_resumed(tmp_path / "run", job, [kill]) == whole


def test_draws_go_on_where_they_were(tmp_path: Path) -> None:
    """Dropout and augmentation: the state of the random generators is part of the checkpoint."""
    settings: dict[str, object] = {"epochs": 1, "batch_size": 128, "validation": 0.6}
    assert run(Job(tmp_path / "whole", "convnet", settings)).code == 0
    resumed = killed_and_resumed(tmp_path / "run", Job(tmp_path, "convnet", settings), [("step", 3)])
    assert resumed == trace(tmp_path / "whole")


def test_the_scratch_engine_goes_on_too(tmp_path: Path) -> None:
    settings = MLP
    assert run(Job(tmp_path / "whole", "mlp", settings, "scratch")).code == 0
    resumed = killed_and_resumed(tmp_path / "run", Job(tmp_path, "mlp", settings, "scratch"), [("step", 17)])
    assert resumed == trace(tmp_path / "whole")


def test_gradients_in_pieces_and_clipped_go_on_too(tmp_path: Path) -> None:
    settings = MLP | {"accumulate": 3, "clip": 1.0}
    assert run(Job(tmp_path / "whole", "mlp", settings)).code == 0
    resumed = killed_and_resumed(tmp_path / "run", Job(tmp_path, "mlp", settings), [("step", 17)])
    assert resumed == trace(tmp_path / "whole")


@pytest.mark.parametrize(("act", "code"), [("interrupt", 130), ("terminate", 143)])
def test_paused_by_a_signal(tmp_path: Path, whole: dict[str, object], act: str, code: int) -> None:
    folder = tmp_path / "run"
    end = run(Job(folder, "mlp", MLP, fault=("step", 17), act=act, every_step=False))
    assert end == End(
        code, f"paused in epoch 2 after step 5 of 12, all saved; go on with: liuli train --resume {folder}"
    )
    assert Run.open(folder).state == "paused"
    assert run(Job(folder)).code == 0
    assert trace(folder) == whole


@pytest.mark.parametrize(
    ("instant", "where"),
    [
        ("run created", "in epoch 1 after step 0 of 12"),
        ("metrics cut", "in epoch 1 after step 0 of 12"),
        ("before the evaluation", "after the last epoch, before it was evaluated"),
    ],
)
def test_paused_before_the_first_step_or_after_the_last(
    tmp_path: Path, whole: dict[str, object], instant: str, where: str
) -> None:
    folder = tmp_path / "run"
    end = run(Job(folder, "mlp", MLP, fault=(instant, 1), act="terminate", every_step=False))
    assert end == End(143, f"paused {where}, all saved; go on with: liuli train --resume {folder}")
    assert Run.open(folder).state == "paused"
    assert len(Run.open(folder).history()) == (2 if "after" in where[:5] else 0)
    assert run(Job(folder)).code == 0
    assert trace(folder) == whole


@pytest.mark.parametrize("instant", ["evaluation", "before the result", "result"])
def test_asked_to_pause_while_the_figures_are_drawn_it_finishes(
    tmp_path: Path, whole: dict[str, object], instant: str
) -> None:
    folder = tmp_path / "run"
    assert run(Job(folder, "mlp", MLP, fault=(instant, 1), act="interrupt")).code == 0
    assert Run.open(folder).state == "finished"
    assert trace(folder) == whole


def test_asked_to_end_and_then_to_pause_it_ends_when_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    act = "ask to end and terminate"
    assert run(Job(folder, "mlp", MLP | {"epochs": 9}, fault=("step", 17), act=act)).code == 143
    assert Run.open(folder).state == "paused"
    assert run(Job(folder)).code == 0
    result = Run.open(folder).result
    assert result is not None
    assert (result["stopped"], result["epochs"]) == (True, 1)


@pytest.mark.parametrize("fault", [("run created", 1), ("step", 17), ("before the result", 1)], ids=lambda one: one[0])
def test_ended_at_once_by_a_second_signal(tmp_path: Path, whole: dict[str, object], fault: tuple[str, int]) -> None:
    folder = tmp_path / "run"
    assert run(Job(folder, "mlp", MLP, fault=fault, act="interrupt twice")).code == 130
    assert Run.open(folder).state == "interrupted"
    assert run(Job(folder)).code == 0
    assert trace(folder) == whole


def test_the_disk_is_full_and_then_no_more(tmp_path: Path, whole: dict[str, object]) -> None:
    folder = tmp_path / "run"
    end = run(Job(folder, "mlp", MLP, fault=("step", 17), act="fill the disk"))
    assert end.code == 2
    assert end.sentence.startswith(f"{folder}/checkpoint/training.safetensors: cannot be written (File too large)")
    assert run(Job(folder)).code == 0
    assert trace(folder) == whole


def test_the_disk_is_full_for_events(
    tmp_path: Path, whole: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    end = run(Job(folder, "mlp", MLP, fault=("step", 17), act="fill the disk for events", every_step=False))
    assert end.code == 2
    assert "cannot be written (No space left on device)" in end.sentence
    assert "Traceback" not in capfd.readouterr().err
    assert run(Job(folder)).code == 0
    assert trace(folder) == whole


def test_a_line_of_metrics_torn_by_the_kill(tmp_path: Path, whole: dict[str, object]) -> None:
    folder = tmp_path / "run"
    assert run(Job(folder, "mlp", MLP, fault=("step", 17))).code == -9
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write('{"epoch": 2, "step": 24, "train_lo')
    assert len(Run.open(folder).history()) == 1
    assert run(Job(folder)).code == 0
    assert trace(folder) == whole


def test_the_folder_is_removed_while_training(tmp_path: Path) -> None:
    end = run(Job(tmp_path / "run", "mlp", MLP, fault=("step", 17), act="remove the folder"))
    assert end.code == 2
    assert "cannot be written (No such file or directory)" in end.sentence
    assert "\n" not in end.sentence


def command(*arguments: str) -> subprocess.Popen[bytes]:
    """The real command line, in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "liuli", "train", *arguments, "--json"], stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_killed_at_ten_random_instants_of_five_epochs(tmp_path: Path) -> None:
    """The clock decides, not the code: the whole command, from the shell, at instants that no one chose."""
    five = ("lenet", "--data", "digits", "--epochs", "5", "--out")
    begin = time.monotonic()
    assert command(*five, str(tmp_path / "whole")).wait() == 0
    length = time.monotonic() - begin
    draw = random.Random()
    for number in range(10):
        folder = tmp_path / str(number)
        instant = draw.uniform(0.3, 1.0) * length  # the first third is spent on imports
        process = command(*five, str(folder))
        try:
            process.wait(instant)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not (folder / "run.json").exists():
            assert command(*five, str(folder)).wait() == 0
        elif Run.open(folder).state != "finished":
            assert command("--resume", str(folder)).wait() == 0
        assert trace(folder) == trace(tmp_path / "whole"), f"killed after {instant:.3f} s"
