"""Learning to balance a pole: steps a second beside stable-baselines3, and what the recipe reaches with five seeds.

    pip install 'liuli[decisions]' stable-baselines3
    python benchmarks/decisions.py [--rounds 7] [--seeds 5] [--without-sb3] [--json FILE]

Both play four carts side by side and make one gradient step on 64 moments after each round, with two hidden layers of
64 units, on one thread. Every round times both, one after the other; what counts is the ratio of the same round, of
which the median and the range are printed. Bar: twice the steps. With `--seeds N` the recipe is then trained
with seeds 0 to N − 1 and measured on the test part's 100 episodes; bar: a mean return of 475 within 300 s for each.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
from rich.console import Console

import liuli
from liuli.catalog import find
from liuli.data.store import load
from liuli.models.decisions.dqn import CARTS, MOMENTS, REMEMBERED, ROUNDS

STEPS = 4000
AT_LEAST, SECONDS, RETURN = 2.0, 300.0, 475.0


def ours() -> Callable[[], None]:
    system = find("dqn")
    torch.manual_seed(0)
    network = system.build()
    data = load("cartpole")
    batch = tuple(one[:50] for one in system.task.tensors(data.train, data.facts))

    def play() -> None:
        for _ in range(STEPS // (CARTS * ROUNDS)):
            network.learn(batch, 1e-3)

    return play


def stable_baselines() -> Callable[[], None]:
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_vec_env

    model = DQN(
        "MlpPolicy",
        make_vec_env("CartPole-v1", CARTS),
        learning_rate=1e-3,
        buffer_size=REMEMBERED,
        learning_starts=MOMENTS,
        batch_size=MOMENTS,
        train_freq=1,
        gradient_steps=1,
        policy_kwargs={"net_arch": [64, 64]},
        device="cpu",
        seed=0,
    )

    def play() -> None:
        model.learn(STEPS, reset_num_timesteps=False)

    return play


def rate(play: Callable[[], None]) -> float:
    """Steps a second."""
    begin = perf_counter()
    play()
    return STEPS / (perf_counter() - begin)


def compare(rounds: int, with_sb3: bool) -> dict[str, list[float]]:
    players = {"liuli": ours()} | ({"stable-baselines3": stable_baselines()} if with_sb3 else {})
    for play in players.values():
        play()  # warm
    found: dict[str, list[float]] = {name: [] for name in players}
    for _ in range(rounds):
        for name, play in players.items():
            found[name].append(rate(play))
    return found


def trained(seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        run = liuli.train("dqn", seed=seed, out=Path(folder) / "run", device="cpu", console=Console(quiet=True))
        assert run.result is not None
        return {"seed": seed, "return": run.result["metrics"]["return"], "seconds": run.result["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--without-sb3", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)

    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    speeds = compare(given.rounds, not given.without_sb3)
    for name, values in speeds.items():
        print(f"{name:<20} {statistics.median(values):8,.0f} steps/s  ({min(values):,.0f} to {max(values):,.0f})")
    if "stable-baselines3" in speeds:
        ratios = [a / b for a, b in zip(speeds["liuli"], speeds["stable-baselines3"], strict=True)]
        verdict = "held" if statistics.median(ratios) >= AT_LEAST else "NOT held"
        middle = statistics.median(ratios)
        print(f"ratio {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f}); at least {AT_LEAST:g}: {verdict}")
    runs = []
    for seed in range(given.seeds):
        runs.append(trained(seed))
        one = runs[-1]
        held = one["return"] >= RETURN and one["seconds"] <= SECONDS
        print(
            f"seed {seed}: mean return {one['return']:.1f} in {one['seconds']:.1f} s: {'held' if held else 'NOT held'}"
        )
    if given.json:
        given.json.write_text(json.dumps({"steps a second": speeds, "runs": runs}, indent=2) + "\n")


if __name__ == "__main__":
    main()
