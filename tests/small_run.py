"""A run that was never trained, and a picture to ask it about: for tests of what comes after training."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from liuli.catalog import find
from liuli.data.dataset import Facts
from liuli.data.store import load
from liuli.runs import KEYS, Run


def small_run(folder: Path, name: str = "lenet", facts: Facts | None = None) -> Run:
    """A run of the system `name` in `folder`, its weights drawn with seed 0, as if on data of these facts (digits)."""
    system, facts = find(name), facts or load("digits").facts
    record = dict.fromkeys(KEYS) | {
        "state": "finished",
        "system": name,
        "data": asdict(facts),
        "recipe": system.recipe.settings(),
        "options": system.task.options(facts),
        "engine": "torch",
    }
    run = Run.create(folder, name, record)
    torch.manual_seed(0)
    save_file(system.build(**run.options).state_dict(), run.weights_file)
    return run


def seven(file: Path) -> Path:
    """A seven in dark ink on light paper, as a picture in `file`."""
    picture = Image.new("L", (280, 300), 240)
    ImageDraw.Draw(picture).line([(70, 60), (210, 65), (120, 250)], fill=30, width=20, joint="curve")
    picture.save(file)
    return file
