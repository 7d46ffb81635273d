"""Train FCN-32s, FCN-16s and FCN-8s alike and draw what they say of one picture (Long et al., 2015, table 2, figure 4).

python docs/fcn_strides.py FOLDER [--epochs N] [--figure FILE.png]

Each run is a folder in FOLDER; one that is finished is taken as it is, one that was stopped is gone on with. The same
as three times `liuli train fcn --set stride=…`. All begin with the same SqueezeNet and see the same pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from liuli.models.vision.fcn import STRIDES, SYSTEM
from liuli.runs import Run
from liuli.tasks.figures import INK, new_figure, save
from liuli.tasks.segmentation_figures import legend, painted
from liuli.training.fit import resume, train

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 100  # of the test pictures


def finished(folder: Path, stride: int, epochs: int) -> Run:
    """The run in `folder`, trained to its end."""
    if not folder.exists():
        return train("fcn", epochs=epochs, settings={"stride": stride}, out=folder)
    run = Run.open(folder)
    return run if run.state == "finished" else resume(folder)


def draw(runs: dict[int, Run], path: Path) -> Path:
    """One test picture, its truth, and the answers of all."""
    facts, test = runs[STRIDES[0]].facts, runs[STRIDES[0]].data().test
    classes = facts.classes[:-1]
    batch = tuple(tensor[SHOWN : SHOWN + 1] for tensor in SYSTEM.task.tensors(test, facts))
    with torch.inference_mode():
        answers = {f"FCN-{stride}s": SYSTEM.task.respond(run.network(), batch)[0] for stride, run in runs.items()}
    shown = {name: painted(labels.numpy(), len(classes)) for name, labels in {**answers, "truth": batch[1][0]}.items()}
    shown["picture"] = test.inputs[SHOWN]
    figure = new_figure(2.4 * len(shown), 2.9)
    for axes, (name, pixels) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        axes.imshow(pixels)
        axes.set_axis_off()
        axes.set_title(name, fontsize=9, color=INK)
    legend(figure, classes, range(len(classes)))
    return save({path.stem: figure}, path.parent)[0]


def main() -> None:
    """Three runs, a table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=SYSTEM.recipe.epochs)
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "pictures" / "fcn-strides.png")
    options = parser.parse_args()
    runs = {stride: finished(options.folder / f"fcn-{stride}s", stride, options.epochs) for stride in STRIDES}
    measures = ("accuracy", "mean_accuracy", "mean_iou", "weighted_iou")
    print(f"{'':8}" + "".join(f"{name:>15}" for name in measures))
    for stride, run in runs.items():
        assert run.result is not None
        metrics = run.result["metrics"]
        print(f"FCN-{stride:<2}s " + "".join(f"{metrics[name]:15.4f}" for name in measures))
    print(draw(runs, options.figure))


if __name__ == "__main__":
    main()
