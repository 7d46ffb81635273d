"""What recording every value costs, beside the plain pass and beside TorchLens.

    pip install 'liuli[benchmarks]'
    python benchmarks/tracing.py [--rounds 15] [--without-torchlens] [--json FILE] [case …]

Every round times, one after the other, the plain pass, `liuli.trace` and, in a process of its own (it rewrites
PyTorch's functions for as long as its process lives), `torchlens.trace`. What counts is the ratio to the plain pass of
the same round; printed are the median and the range over the rounds. Bars: `AT_MOST`.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import liuli

Case = tuple[nn.Module, tuple[Any, ...], Callable[[Any], Tensor]]

AT_MOST = {
    "resnet18": {"forward": 1.2, "gradients": 2.0},
    "gpt2": {"forward": 1.2, "gradients": 2.0},
    "lenet": {"forward": 3.0, "gradients": 2.0},
    "lstm-loop": {"forward": 10.0, "gradients": 2.0},
}


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return self.relu(out)


def resnet18() -> Case:
    """One picture of 224 × 224, in the form that torchvision gives the network."""
    widths = (
        (64, 64, 1),
        (64, 64, 1),
        (64, 128, 2),
        (128, 128, 1),
        (128, 256, 2),
        (256, 256, 1),
        (256, 512, 2),
        (512, 512, 1),
    )
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    blocks = [Block(*width) for width in widths]
    net = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    return net, (torch.randn(1, 3, 224, 224),), lambda logits: F.cross_entropy(logits, torch.tensor([3]))


def gpt2() -> Case:
    """The shape of GPT-2 small, 124 million parameters, on 32 tokens."""
    from transformers import GPT2Config, GPT2LMHeadModel

    words = torch.randint(0, 50257, (1, 32))
    net = GPT2LMHeadModel(GPT2Config(use_cache=False))
    return net, (words,), lambda out: F.cross_entropy(out.logits[0, :-1], words[0, 1:])


def lenet() -> Case:
    """LeNet-5 on one picture."""
    from liuli.models.vision.lenet import LeNet

    net = LeNet()
    return net, (torch.randn(1, 1, 32, 32),), lambda logits: F.cross_entropy(logits, torch.tensor([3]))


class Loop(nn.Module):
    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.of_input = nn.Linear(features, 4 * hidden)
        self.of_state = nn.Linear(hidden, 4 * hidden)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.size(1), self.hidden)
        for step in x:
            i, f, g, o = (self.of_input(step) + self.of_state(h)).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h


def lstm_loop() -> Case:
    """Fifty steps of an LSTM written as a Python loop, 64 units, batch 8."""
    return Loop(32, 64), (torch.randn(50, 8, 32),), lambda h: h.square().mean()


CASES: dict[str, Callable[[], Case]] = {"resnet18": resnet18, "gpt2": gpt2, "lenet": lenet, "lstm-loop": lstm_loop}


def build(name: str) -> Case:
    torch.manual_seed(0)
    module, inputs, loss = CASES[name]()
    return module.eval(), inputs, loss


def plain(case: Case, gradients: bool) -> None:
    module, inputs, loss = case
    if not gradients:
        module(*inputs)
        return
    # The same gradients: of every parameter, and of the input.
    leaves = [t.detach().requires_grad_() if t.is_floating_point() else t for t in inputs]
    wanted = [*module.parameters(), *(leaf for leaf in leaves if leaf.requires_grad)]
    torch.autograd.grad(loss(module(*leaves)), wanted, allow_unused=True)


def ours(case: Case, gradients: bool) -> None:
    module, inputs, loss = case
    liuli.trace(module, *inputs, loss=loss if gradients else None)


def theirs(case: Case, gradients: bool) -> None:
    import torchlens

    module, inputs, _ = case
    torchlens.trace(module, list(inputs))


def timed(run: Callable[[Case, bool], None], case: Case, gradients: bool, repeats: int) -> float:
    begin = perf_counter()
    for _ in range(repeats):
        run(case, gradients)
    return (perf_counter() - begin) / repeats


def peer(name: str, repeats: int) -> None:
    """Times TorchLens whenever a line comes in, until there is no more. It refuses to work in a child of
    `multiprocessing`, so this is a process that was started like any other."""
    case = build(name)
    theirs(case, False)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(timed(theirs, case, False, repeats), flush=True)


class Peer:
    """The other end of it."""

    def __init__(self, name: str, repeats: int) -> None:
        threads = str(torch.get_num_threads())
        command = [sys.executable, "-m", "benchmarks.tracing", name, "--threads", threads, "--peer", str(repeats)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            return line
        raise SystemExit("TorchLens failed (its message is above); leave it out with --without-torchlens")

    def seconds(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.line())

    def close(self) -> None:
        self.process.communicate()


def measure(name: str, rounds: int, with_peer: bool) -> list[dict[str, Any]]:
    case = build(name)
    for run in (plain, ours):
        for gradients in (False, True):
            timed(run, case, gradients, 3)
    single = timed(plain, case, False, 3)
    repeats = max(1, min(200, int(0.05 / single)))
    other_process = Peer(name, max(1, repeats // 20)) if with_peer else None
    rows = []
    for gradients in (False, True):
        base, mine, other = [], [], []
        for _ in range(rounds):
            base.append(timed(plain, case, gradients, repeats))
            mine.append(timed(ours, case, gradients, repeats))
            if other_process is not None and not gradients:
                other.append(other_process.seconds())
        what = "gradients" if gradients else "forward"
        rows.append(row(name, what, "plain", base, base, None))
        rows.append(row(name, what, "liuli", mine, base, AT_MOST[name][what]))
        if other:
            rows.append(row(name, what, "torchlens", other, base, None))
    if other_process is not None:
        other_process.close()
    return rows


def row(name: str, what: str, who: str, seconds: list[float], base: list[float], bar: float | None) -> dict[str, Any]:
    ratios = [a / b for a, b in zip(seconds, base, strict=True)]
    middle = statistics.median(ratios)
    result = {
        "case": name,
        "pass": what,
        "who": who,
        "milliseconds": round(1e3 * statistics.median(seconds), 3),
        "ratio": round(middle, 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
        "at_most": bar,
        "reached": None if bar is None else middle <= bar,
    }
    bound = "" if bar is None else f"   at most {bar:g}: {'reached' if result['reached'] else 'MISSED'}"
    print(
        f"{name:10} {what:10} {who:10} {result['milliseconds']:10.3f} ms   "
        f"× {middle:6.2f}  ({result['lowest']:.2f}-{result['highest']:.2f}){bound}",
        flush=True,
    )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="case", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--without-torchlens", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peer", type=int, metavar="REPEATS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peer is not None:
        peer(options.cases[0], options.peer)
        return
    print(
        f"torch {torch.__version__}, {options.threads} threads, {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
    with_peer = find_spec("torchlens") is not None and not options.without_torchlens
    rows = [row for name in options.cases for row in measure(name, options.rounds, with_peer)]
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
