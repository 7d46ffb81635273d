"""Draw the picture at the head of the README: example drawings, what the network was given, its answers.

python docs/picture.py runs/convnet
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from liuli.runs import Run

ROOT = Path(__file__).resolve().parent.parent


def main(run: Run) -> None:
    """Read every example with `run` and set the three rows one under the other."""
    network, task = run.network(), run.system.task
    files = sorted((ROOT / "examples").iterdir())
    figure = Figure(figsize=(1.7 * len(files), 4.6), layout="constrained")
    axes = figure.subplots(3, len(files), height_ratios=[1.4, 1.4, 0.9])
    for column, file in enumerate(files):
        example = task.read(file, run.facts, file.name)
        with torch.no_grad():
            (inputs,) = task.inputs(example.batch)
            answer = task.answer(network(inputs)[0], run.facts)
        probabilities = np.array(list(answer["probabilities"].values()))  # type: ignore[attr-defined]
        with Image.open(file) as picture:
            axes[0, column].imshow(picture.convert("RGB"))
        axes[1, column].imshow(inputs[0, 0], cmap="gray")
        bars = axes[2, column].bar(range(10), probabilities, color="#b8c4d0")
        bars[int(probabilities.argmax())].set_color("#1f6f8b")
        axes[2, column].set(ylim=(0, 1), xticks=range(10), yticks=[])
        axes[2, column].tick_params(labelsize=7, length=0)
        axes[2, column].set_title(f"{answer['answer']}   {answer['probability']:.1%}", fontsize=11)
        for axis in axes[:2, column]:
            axis.set(xticks=[], yticks=[])
    for row, title in enumerate(["drawn", "as the network sees it", "its answer"]):
        axes[row, 0].set_ylabel(title, fontsize=10)
    target = ROOT / "docs" / "pictures" / "predict.png"
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(Run.open(sys.argv[1]))
