"""Train plain and residual nets of 20 and 56 layers and draw their curves into one picture (He et al., 2016, figure 6).

python docs/plain_against_residual.py FOLDER [--epochs N] [--figure FILE.png]

Each run is a folder in FOLDER; one that is finished is taken as it is, one that was stopped is gone on with. The same
as four times `liuli train resnet --set depth=… --set shortcuts=…`, and then `liuli runs compare`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from liuli.models.vision.resnet import SYSTEM
from liuli.runs import Run
from liuli.training import curves
from liuli.training.fit import resume, train

ROOT = Path(__file__).resolve().parent.parent
NETS = {f"{kind} {depth}": (depth, kind == "residual") for depth in (20, 56) for kind in ("plain", "residual")}


def finished(folder: Path, depth: int, shortcuts: bool, epochs: int) -> Run:
    """The run in `folder`, trained to its end."""
    if not folder.exists():
        settings = {"depth": depth, "shortcuts": shortcuts}
        return train("resnet", epochs=epochs, settings=settings, out=folder)
    run = Run.open(folder)
    return run if run.state == "finished" else resume(folder)


def main() -> None:
    """Four runs, a table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=SYSTEM.recipe.epochs)
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "pictures" / "plain-against-residual.png")
    options = parser.parse_args()
    runs = {
        name: finished(options.folder / name.replace(" ", "-"), depth, shortcuts, options.epochs)
        for name, (depth, shortcuts) in NETS.items()
    }
    print(f"{'':14}{'train loss':>12}{'train accuracy':>16}{'test accuracy':>16}")
    for name, run in runs.items():
        last, metrics = run.history()[-1], run.result["metrics"]
        print(f"{name:14}{last['train_loss']:12.4f}{last['train_accuracy']:16.4f}{metrics['accuracy']:16.4f}")
    options.figure.parent.mkdir(exist_ok=True, parents=True)
    curves.draw({name: run.history() for name, run in runs.items()}, SYSTEM.task.headline, options.figure)
    print(options.figure)


if __name__ == "__main__":
    main()
