"""What a network was given and what it answered, small enough to stand among many: pictures as addresses of themselves.

A gallery of the test part shows them, and so does a training while it goes on.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from liuli.data.dataset import Facts
from liuli.tasks.examples import Example, Posed
from liuli.tasks.task import Task

LONGEST = 400
"""Characters of a sentence."""


class Size(NamedTuple):
    """How large a picture may be: bytes, beyond which it becomes a JPEG of so many pixels along its longer side."""

    bytes: int
    side: int


def given(task: Task, example: Example, size: Size) -> str | None:
    """What the network was given, where that is a picture."""
    return pictured(lambda path: task.save_input(example, path), size)


def ideal(task: Task, posed: Posed, facts: Facts, size: Size) -> str | None:
    """The right response, where it is best seen drawn."""
    return None if posed.ideal is None else drawn(task, posed.example, posed.ideal, facts, size)


def answered(task: Task, posed: Posed, response: Tensor, facts: Facts, size: Size) -> str | None:
    """A response, where it is best seen drawn."""
    return drawn(task, posed.example, response, facts, size) if posed.drawn or posed.ideal is not None else None


def drawn(task: Task, example: Example, response: Tensor, facts: Facts, size: Size) -> str | None:
    """A response as its values, which is quick, else as a person sees it."""

    def save(path: Path) -> Path | None:
        with torch.inference_mode():
            return task.save_values(example, response, facts, path) or task.save_answer(example, response, facts, path)

    return pictured(save, size)


def pictured(save: Callable[[Path], Path | None], size: Size) -> str | None:
    """What `save` saves at a path; None where it saves nothing."""
    with TemporaryDirectory(prefix="liuli-") as folder:
        file = save(Path(folder) / "picture.png")
        return None if file is None else miniature(file, size)


def miniature(picture: Path, size: Size) -> str:
    """A PNG as the address of itself; a large one smaller, as a JPEG."""
    if picture.stat().st_size <= size.bytes:
        return address(picture)
    content = io.BytesIO()
    with Image.open(picture) as opened:
        small = opened.convert("RGB")
        small.thumbnail((size.side, size.side), Image.Resampling.LANCZOS)
        small.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def address(picture: Path) -> str:
    """A PNG as the address of itself."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def shortened(text: str) -> str:
    """A text, cut where it is too long to stand among others."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
