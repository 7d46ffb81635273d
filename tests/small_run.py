"""A run of LeNet that was never trained, and a picture to ask it about: for tests of what comes after training."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from liuli.catalog import find
from liuli.data.store import load
from liuli.runs import KEYS, Run


def small_run(folder: Path) -> Run:
    """A run in `folder`, its weights drawn with seed 0."""
    system = find("lenet")
    record = dict.fromkeys(KEYS) | {
        "state": "finished",
        "system": "lenet",
        "data": asdict(load("digits").facts),
        "recipe": system.recipe.settings(),
        "options": {"classes": 10},
        "engine": "torch",
    }
    run = Run.create(folder, "lenet", record)
    torch.manual_seed(0)
    save_file(system.build(**run.options).state_dict(), run.weights_file)
    return run


def seven(file: Path) -> Path:
    """A seven in dark ink on light paper, as a picture in `file`."""
    picture = Image.new("L", (280, 300), 240)
    ImageDraw.Draw(picture).line([(70, 60), (210, 65), (120, 250)], fill=30, width=20, joint="curve")
    picture.save(file)
    return file
