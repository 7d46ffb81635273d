"""A painting with the content of one picture in the style of another: what is learnt is the painting.

    loss = content + style + roughness, each weighted by the network

Nothing can be held out. What is measured is the painting as it is saved, in bytes, beside what it began as:

    fall = loss of the content itself, which the painting began as / loss of the painting

Shapes:
    B  batch, N pairs, S pixels along a side, P = 3 S² numbers of a painting
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from liuli.data import squeezenet
from liuli.data.dataset import Facts, Split
from liuli.data.folders import ENDINGS
from liuli.data.opening import opened, photograph
from liuli.errors import UserError
from liuli.tasks import marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed, row
from liuli.tasks.image_classification import ImageClassification
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

PARTS = ("content", "style", "roughness")
DRAWN = 31  # pixels along a side of made-up pictures
ANEW = 150  # steps for a picture of a user's own
RATE = 0.03


@dataclass(frozen=True)
class Painting(Task):
    """A batch is `(content, style, painted)`: uint8 (B, 3, S, S) twice, and whether it is what the network has painted.

    The network has the parameter `painting` (3, S, S), from 0 to 1, is given pairs, content and style, and returns the
    parts of their losses (B, 3). Buffers that are called as tensors of SqueezeNet are filled with them. A response is
    the parts, the loss of the content itself, and the painting, (B, 4 + P); for a pair that the network has not painted
    one is made, of which the network keeps nothing: what is explained is its own painting beside that pair.
    """

    kind: ClassVar[str] = "photograph"
    headline: ClassVar[str] = "style"
    endings: ClassVar[frozenset[str]] = ENDINGS
    doubted: ClassVar[str] = "note.painting"
    judged_by: ClassVar[str] = "judge.painting"
    watched: ClassVar[int] = 0
    has_floor: ClassVar[bool] = True

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The pixels of both: of the content to begin with, of the style for pictures of a user's own."""
        return {"content": packed(train.inputs[0]), "style": packed(train.targets[0])}

    def drawn_facts(self) -> Facts:
        """Small square pictures, both black."""
        black = packed(np.zeros((DRAWN, DRAWN, 3), np.uint8))
        learnt = {"content": black, "style": black}
        return Facts("drawn", "", "", self.kind, "photograph", (DRAWN, DRAWN, 3), (), {}, learnt)

    def options(self, facts: Facts) -> dict[str, object]:
        """The size of the pictures."""
        if facts.kind != self.kind:
            raise UserError(
                f"{facts.name}: is data of kind {facts.kind}, expected two pictures; "
                "give --data a folder with content.jpg and style.jpg"
            )
        return {"size": facts.shape[0]}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """SqueezeNet's weights into the buffers that are called as they are; the content as the first painting."""
        given = squeezenet.weights()
        for name, buffer in model.named_buffers():
            if name in given:
                buffer.copy_(torch.from_numpy(given[name]))
        with torch.no_grad():
            model.painting.copy_(unpacked(facts, "content") / 255)  # type: ignore[operator]

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Content and style uint8 (N, 3, S, S), and that they are the network's own, bool (N,)."""
        contents, styles = (as_tensor(pixels) for pixels in (split.inputs, split.targets))
        return contents, styles, torch.ones(len(contents), dtype=torch.bool)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Coarse blocks of colour, in pairs."""
        pictures, _ = ImageClassification(DRAWN, 3).draw(2 * count, seed)
        return pictures[:count], pictures[count:], torch.ones(count, dtype=torch.bool)

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Content and style from 0 to 1, (B, 3, S, S)."""
        return batch[0] / 255, batch[1] / 255

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The sum of the parts, mean over the batch; and the parts (B, 3)."""
        parts = model(*self.inputs(batch))
        return Outcome(parts.sum(1).mean(), parts)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The parts of the loss."""
        return dict(zip(PARTS, output.sum(0), strict=True))

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """Parts of the loss of the painting as it is saved, that of the content itself, the painting: (B, 4 + P)."""
        answers = []
        for pair in zip(*(torch.split(tensor, 1) for tensor in batch), strict=True):
            painting = model.painting if pair[2] else self.painted_anew(model, pair)
            shown = as_bytes(painting) / 255  # type: ignore[arg-type]  # (3, S, S)
            parts = self.parts(model, shown, pair)
            start = self.parts(model, self.inputs(pair)[0][0], pair)
            answers.append(torch.cat([parts, start.sum(1, keepdim=True), shown.flatten()[None]], 1))
        return torch.cat(answers)

    def parts(self, model: nn.Module, painting: Tensor, row: Batch) -> Tensor:
        """The parts of the loss (1, 3), if this were the network's painting."""
        parts: Tensor = functional_call(model, {"painting": painting}, self.inputs(row))
        return parts

    def painted_anew(self, model: nn.Module, row: Batch) -> Tensor:
        """A painting for another pair, in fewer steps than the recipe's; the network keeps its own."""
        with torch.inference_mode(False), torch.enable_grad():
            painting = self.inputs(row)[0][0].requires_grad_()
            optimizer = torch.optim.Adam([painting], RATE)
            falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, ANEW)
            for _ in range(ANEW):
                painting.grad = torch.autograd.grad(self.parts(model, painting, row).sum(), painting)[0]
                optimizer.step()
                falling.step()
            return painting.detach()

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Means over the pairs: the loss and its parts, that of the content itself (start), and start / loss (fall)."""
        losses = output[:, :4].double().mean(0)  # (4,)
        loss = losses[:3].sum()
        parts = dict(zip(PARTS, losses[:3].tolist(), strict=True))
        return {"loss": float(loss), **parts, "start": float(losses[3]), "fall": float(losses[3] / loss)}

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The three pictures beside one another."""
        from liuli.tasks.figures import tiled
        from liuli.tasks.pictures import save_all

        shown = torch.stack([batch[0][0].cpu() / 255, batch[1][0].cpu() / 255, painting_of(output[0].cpu()) / 255])
        return save_all({"transfer": tiled(shown, 3)}, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """How many times the loss of each pair fell, the least first."""
        losses = output[:, :4].double()
        return marks.by_value(losses[:, 3] / losses[:, :3].sum(1), "fall", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The pair; what was made of it is the painting."""
        return Posed(Example(f"test {index}", row(batch, index)), drawn=True)

    def watch(self, model: nn.Module) -> Mapping[str, NDArray[np.uint8]]:
        """The painting so far."""
        return {"painting": pixels_of(as_bytes(model.painting))}  # type: ignore[arg-type]

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The finished painting, by itself."""
        from liuli.tasks.pictures import save_all

        return save_all(self.watch(model), folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A photograph of a user's own, the middle square of it, with the style of the run.

        Raises:
            UserError: it cannot be opened, or the run has lost its style.
        """
        assert not isinstance(source, str)
        content = as_tensor(photograph(opened(source, name), facts.shape[0])[None])
        return Example(name, (content, unpacked(facts, "style")[None], torch.zeros(1, dtype=torch.bool)))

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """How far the loss fell, and the parts of what is left."""
        losses = output[:4].double().tolist()
        fall = losses[3] / sum(losses[:3])
        parts = dict(zip(PARTS, losses[:3], strict=True))
        return {"answer": f"painted; the loss fell {fall:.0f} times", "fall": fall, **parts}

    def doubt(self, output: Tensor) -> Tensor:
        """The loss itself: the slopes by which the painting learns."""
        return output.sum(1).mean()

    def save_input(self, example: Example, path: Path) -> Path:
        """The photograph as it was cut, and beside it the style."""
        from liuli.tasks import pictures
        from liuli.tasks.figures import tiled

        return pictures.save_enlarged(tiled(torch.cat(self.inputs(example.batch)), 2), path, 1)

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The painting."""
        from liuli.tasks import pictures

        return pictures.save_enlarged(pixels_of(painting_of(output).round().byte()), path, 2)


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Pictures (N, H, W, 3) as (N, 3, H, W)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def as_bytes(painting: Tensor) -> Tensor:
    """A painting from 0 to 1 as uint8, what is beyond cut off."""
    return (painting.detach().clamp(0, 1) * 255).round().byte()


def pixels_of(painting: Tensor) -> NDArray[np.uint8]:
    """Bytes (3, H, W) as a picture (H, W, 3)."""
    pixels: NDArray[np.uint8] = painting.permute(1, 2, 0).cpu().numpy()
    return pixels


def painting_of(output: Tensor) -> Tensor:
    """The painting of one response (4 + P,), from 0 to 255: (3, S, S)."""
    side = round(((len(output) - 4) / 3) ** 0.5)
    return output[4:].reshape(3, side, side) * 255


def packed(pixels: NDArray[np.uint8]) -> str:
    """A picture (H, W, 3) as text that JSON can hold."""
    return base64.b64encode(pixels.tobytes()).decode()


def unpacked(facts: Facts, role: str) -> Tensor:
    """The content or the style that a run learnt: uint8 (3, S, S).

    Raises:
        UserError: it has none, or it is damaged.
    """
    try:
        pixels = np.frombuffer(base64.b64decode(str(facts.learnt[role]), validate=True), np.uint8)
        return as_tensor(pixels.reshape(1, *facts.shape).copy())[0]
    except (KeyError, ValueError) as error:
        raise UserError(f"the {role} in learnt.json is missing or damaged; train the run again") from error
