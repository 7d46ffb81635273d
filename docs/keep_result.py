"""Keep a finished run's `result.json` as `results/SYSTEM.json`, from which the README's table is made.

python docs/keep_result.py runs/lenet

Where on this machine the run lay is left out of its command: the reader's has another place.
"""

from __future__ import annotations

import sys
from pathlib import Path

from liuli.files import write_json
from liuli.runs import Run

RESULTS = Path(__file__).resolve().parent.parent / "results"


def main(path: str) -> None:
    """Copy the result of the run at `path`, if it has one."""
    run = Run.open(path)
    if run.result is None:
        sys.exit(f"{path}: is not finished")
    RESULTS.mkdir(exist_ok=True)
    name = run.system.name if run.engine == "torch" else f"{run.system.name}-{run.engine}"
    words = run.result["command"].split()
    if "--out" in words:
        words[words.index("--out") + 1] = f"runs/{run.name}"
    write_json(RESULTS / f"{name}.json", {**run.result, "command": " ".join(words)})


if __name__ == "__main__":
    main(sys.argv[1])
