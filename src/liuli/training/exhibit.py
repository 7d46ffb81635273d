"""Trained runs that come with the package: what is kept of a run, in how many bytes, and the figure that it keeps.

Weights are rounded to half precision where the network then still reaches its figure and differs by no more than a
five-hundredth of it. Either way the figure is measured with the weights as they are kept.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from liuli.data import store
from liuli.errors import UserError
from liuli.files import Json, sha256, unwritable, write_json, write_text
from liuli.runs import EXHIBITS, Run, runs
from liuli.training.evaluation import evaluation

MOST = 4_000_000
"""Bytes of the weights of one exhibit."""
MOST_TOGETHER = 20_000_000
"""Bytes of the weights of all."""
LITTLE = 1 << 16
"""Bytes of weights so small that rounding them gains nothing."""
KEEPS = 1 / 500
"""How far the figure may go from the run's, as a share of it, by rounding."""
FORMS = ("float16", "float32")
CLEAN = re.compile("[0-9a-f]{40}")


def exhibit(run: Run, command: str, exhibits: Path = EXHIBITS) -> Run:
    """Keep what is needed of a run as an exhibit, which takes the place of one of the same name.

    Args:
        run: finished; its target reached, by a commit of liuli without changes.
        command: what the user typed; kept with it.
        exhibits: the folder of them all.

    Raises:
        UserError: the run is not of that kind, does not keep its figure, or is too large.
    """
    result = ready(run)
    folder = exhibits / run.folder.name
    making = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        result["metrics"], kept = lighter(run, making)
        held = sum(one.weights_file.stat().st_size for one in runs(exhibits) if one.folder.name != folder.name)
        if held + kept["bytes"] > MOST_TOGETHER:
            raise UserError(
                f"{run.folder}: all exhibits together would have {held + kept['bytes']:,} bytes of weights, "
                f"{MOST_TOGETHER:,} at most; take one of {exhibits} away, or train a smaller network"
            )
        typed = placeless(str(run.record["command"]), run)
        result |= {"command": typed, "reached": True, "exhibit": kept | {"command": command}}
        write_json(making / "run.json", run.record | {"command": typed})
        write_json(making / "result.json", result)
        for file in told(run):
            if file.is_file():
                shutil.copyfile(file, making / file.name)
        rounded(making / run.distributions_file.name)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Run.open(folder)


def rounded(file: Path) -> None:
    """Keep four digits of each number of a file of JSON lines, if there is one: what is drawn shows no more."""
    if file.is_file():
        read = json.JSONDecoder(parse_float=lambda text: float(f"{float(text):.4g}"))
        rows = [json.dumps(read.decode(line)) for line in file.read_text(encoding="utf-8").splitlines()]
        write_text(file, "\n".join([*rows, ""]))


def told(run: Run) -> list[Path]:
    """The files that say how a run came along; its examples only where no one else's data set holds them."""
    always = [run.metrics_file, run.distributions_file]
    return always if store.definition(run.facts.name).files else [*always, run.examples_file, run.answers_file]


def ready(run: Run) -> dict[str, Json]:
    """The result of a run that may become an exhibit.

    Raises:
        UserError: it may not, and why.
    """
    result = run.result
    if run.state != "finished" or result is None:
        raise UserError(f"{run.folder}: is {run.state}, expected a finished run; 'liuli train --resume {run.folder}'")
    if run.is_exhibit:
        raise UserError(f"{run.name}: is an exhibit already; name the run that it was made of")
    if not CLEAN.fullmatch(str(run.record["commit"])):
        raise UserError(
            f"{run.folder}: was trained by commit {run.record['commit']}, expected one without changes, which others "
            "can have too; commit, and train again"
        )
    if not result["reached"]:
        why = f"not {run.system.target}" if result["target"] else f"{run.facts.name} is not {run.system.data}"
        raise UserError(f"{run.folder}: has not reached the figure of {run.system.name} ({why}); train it further")
    return result


def lighter(run: Run, folder: Path) -> tuple[Json, dict[str, Json]]:
    """Write the weights into `folder`, in half precision where that keeps the figure; the metrics, and what was kept.

    Raises:
        UserError: they are too large, or do not reach the figure any more.
    """
    write_json(folder / "run.json", run.record)
    if run.learnt_file.is_file():
        learnt = json.loads(run.learnt_file.read_text(encoding="utf-8"))
        write_text(folder / run.learnt_file.name, json.dumps(learnt, ensure_ascii=False, separators=(",", ":")))
    here = Run(folder, run.record)
    kept = here.weights_file
    weights, target = load_file(run.weights_file), run.system.target
    assert run.result is not None
    trained = value = float(run.result["metrics"][target.metric])
    for form in FORMS:
        if form == "float16" and not worth_halving(run, weights):
            continue
        save_file(weights if form == "float32" else {name: half(one) for name, one in weights.items()}, kept)
        kept.chmod(0o644)  # others read it too
        if kept.stat().st_size > MOST:
            raise UserError(
                f"{run.folder}: has {kept.stat().st_size:,} bytes of weights in {form}, an exhibit {MOST:,} at most; "
                "train a smaller network"
            )
        metrics = evaluation(here).metrics
        value = float(str(metrics[target.metric]))
        if target.reached(value) and (form == "float32" or abs(value - trained) <= KEEPS * abs(trained)):
            facts = {"weights": form, "bytes": kept.stat().st_size, "sha256": sha256(kept), "trained": trained}
            return metrics, facts
    raise UserError(f"{run.folder}: {target.metric} is {value:g} measured again, expected {target}; train it again")


def worth_halving(run: Run, weights: Mapping[str, Tensor]) -> bool:
    """Whether the weights are many, and half precision has room for all of them."""
    numbers = [half(one) for one in weights.values() if one.is_floating_point()]
    return run.weights_file.stat().st_size > LITTLE and all(bool(one.isfinite().all()) for one in numbers)


def half(weights: Tensor) -> Tensor:
    """In half precision, where they are float32."""
    return weights.half() if weights.dtype == torch.float32 else weights


def placeless(command: str, run: Run) -> str:
    """A command without the folder of this machine that it wrote into: the reader's has another."""
    words = command.split()
    if "--out" in words:
        words[words.index("--out") + 1] = f"runs/{run.folder.name}"
    return " ".join(words)
