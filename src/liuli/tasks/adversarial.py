"""Pictures out of noise: a generator learns to make what a discriminator takes for real.

    discriminator:  L_D = −log D(x) − log(1 − D(G(z))) + γ/2 ‖∇ score(x)‖²,   D(·) = 1 / (1 + exp(−score))
    generator:      L_G = −log D(G(z)), which does not vanish where the discriminator is sure (non-saturating)

The two losses say little about the pictures, so a third network judges them: a classifier that has learnt the same
training pictures with their classes before (`learn`), and that neither of the two ever sees. Its weights stay with
the run.

Shapes:
    B  batch, N pictures of a split, C channels, P pixels with all channels, K classes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.system import System
from liuli.tasks import marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed, row
from liuli.tasks.image_classification import ImageClassification
from liuli.tasks.judge import fresh, packed, taught, verdicts
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task

SURE = 0.9  # the judge's probability from which it counts as sure
PRESENT = 0.01  # share of the samples from which a class counts as present
ACROSS = 10  # pictures along a side of a sheet
PART = 4  # one picture in so many of a batch serves to see how steep the discriminator is: it costs three passes


@dataclass(frozen=True)
class ImageGeneration(Task):
    """Noise to pictures. A batch is `(noise, pixels, labels)`: (B, noise); (B, C, size, size), 0 to 255; int64 (B,).

    The network has the children `generator`, noise (B, noise) to pixels (B, P) in [0, 1], and `discriminator`, pixels
    to scores (B, 1); given noise it returns the pixels and their scores, (B, P + 1). Training draws its noise anew for
    each batch (`augment`), one for both; labels serve the judge alone.

    Attributes:
        size: height and width of a picture, in pixels.
        channels: 1 for grey, 3 for red, green and blue.
        noise: standard normal numbers that a picture is made of.
        judge: a system that classifies pictures of this size.
        flatness: γ, how much it costs the discriminator that its score is steep at a real picture; 0: nothing. It then
            stays near enough to the generator to teach it (Mescheder, Geiger & Nowozin, 2018, R₁).
    """

    size: int
    channels: int
    noise: int
    judge: System
    flatness: float = 0.0

    kind: ClassVar[str] = "seed"
    headline: ClassVar[str] = "fooled"
    endings: ClassVar[frozenset[str]] = frozenset()
    reads_text: ClassVar[bool] = True
    phases: ClassVar[tuple[str, ...]] = ("discriminator", "generator")
    doubted: ClassVar[str] = "note.generator"
    has_floor: ClassVar[bool] = True

    @property
    def pictures(self) -> ImageClassification:
        """What knows how pictures are brought into form."""
        return ImageClassification(self.size, self.channels)

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The judge's weights: it is trained here, on the training part, by its own optimizer and schedule."""
        pixels, labels = self.pictures.tensors(train, facts)
        return {"judge": packed(taught(self.judge, pixels, labels, facts))}

    def drawn_facts(self) -> Facts:
        """Pictures of digits, and a judge that has learnt nothing."""
        facts = self.pictures.drawn_facts()
        return replace(facts, learnt={"judge": packed(fresh(self.judge, facts))})

    def options(self, facts: Facts) -> dict[str, object]:
        """None: pictures of any kind are brought to the same size."""
        self.pictures.options(facts)  # raises where they are no pictures
        return {}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Noise float32 (N, noise), pixels uint8 (N, C, size, size), labels int64 (N,)."""
        pixels, labels = self.pictures.tensors(split, facts)
        return self.noise_of(len(pixels), 0), pixels, labels

    def noise_of(self, count: int, seed: int) -> Tensor:
        """Standard normal numbers, (count, noise), the same for the same seed."""
        return torch.randn(count, self.noise, generator=torch.Generator().manual_seed(seed))

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Noise, and coarse blocks of light and dark in place of real pictures."""
        return self.noise_of(count, seed), *self.pictures.draw(count, seed)

    def inputs(self, batch: Batch) -> tuple[Tensor]:
        """The noise, (B, noise)."""
        return (batch[0],)

    def augment(self, batch: Batch) -> Batch:
        """The same pictures with fresh noise."""
        noise, *rest = batch
        return torch.randn_like(noise), *rest

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The generator's loss, mean over the batch, and the pixels and scores of its samples, (B, P + 1)."""
        output = model(*self.inputs(batch))
        return Outcome(softplus(-output[:, -1]).mean(), output)

    def phase_loss(self, phase: str, model: nn.Module, batch: Batch) -> Outcome:
        """The discriminator's loss on as many samples as pictures; the generator's is `outcome`."""
        if phase == "generator":
            return self.outcome(model, batch)
        with torch.no_grad():
            samples = model.generator(batch[0])  # type: ignore[operator]  # (B, P)
        pictures = self.pictures.inputs(batch[1:])[0].flatten(1).to(samples)  # (B, P)
        scores = model.discriminator(torch.cat([samples, pictures]))  # type: ignore[operator]  # (2 B, 1)
        of_samples, of_pictures = torch.chunk(scores, 2)
        loss = softplus(of_samples).mean() + softplus(-of_pictures).mean()
        if self.flatness:
            some = pictures[: -(-len(pictures) // PART)]
            loss = loss + self.flatness / 2 * steepness(model.discriminator, some).mean()  # type: ignore[arg-type]
        return Outcome(loss, scores)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """How many samples the discriminator takes for real."""
        return {"fooled": (output[:, -1] > 0).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """What the judge says of the samples, one for each picture of the split, and of the pictures themselves.

        judged: share of samples of which the judge is sure (0.9 or more); 0 where a class is missing.
        sure: the same, whatever the classes.
        present: classes that at least 1 in 100 samples surely shows.
        entropy: of the shares of the classes among the sure samples, in nats; log K where they are alike.
        shares: of each class among all samples, surely.
        judge_accuracy, judge_sure: on the real pictures.
        fooled, loss: by the discriminator, as while training.
        """
        probabilities = self.judged(as_bytes(self.painted(output)), facts)
        confidence, named = probabilities.max(1)
        counts = torch.bincount(named[confidence >= SURE], minlength=len(facts.classes)).double()  # (K,)
        sure, among = float(counts.sum()) / len(output), counts / counts.sum().clamp(min=1)
        present = int((counts / len(output) >= PRESENT).sum())
        of_real = self.judged(batch[1], facts)
        return {
            "loss": float(softplus(-output[:, -1].double()).mean()),
            "judged": sure if present == len(facts.classes) else 0.0,
            "sure": sure,
            "present": present,
            "entropy": float(torch.special.entr(among).sum()),
            "fooled": float((output[:, -1] > 0).double().mean()),
            "shares": dict(zip(facts.classes, (counts / len(output)).tolist(), strict=True)),
            "judge_accuracy": float((of_real.argmax(1) == batch[2].cpu()).double().mean()),
            "judge_sure": float((of_real.max(1).values >= SURE).double().mean()),
        }

    def judged(self, pixels: Tensor, facts: Facts) -> Tensor:
        """The judge's probabilities for pictures (N, C, size, size), 0 to 255: float64 (N, K)."""
        return verdicts(self.judge, pixels, facts)

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Samples of each class as the judge names them, and those that it doubts most."""
        from liuli.tasks import figures
        from liuli.tasks.wording import worded

        samples = self.painted(output).cpu()
        confidence, named = self.judged(as_bytes(samples), facts).max(1)
        rows = []
        for number in range(len(facts.classes)):
            mine = samples[(named == number) & (confidence >= SURE)][:ACROSS]
            rows.append(torch.cat([mine, samples.new_zeros(ACROSS - len(mine), *samples.shape[1:])]))
        doubted = samples[confidence.argsort()[: ACROSS * ACROSS // 2]]
        sure = worded("Samples, a row for each class that the judge sees")
        unsure = worded("Of {count:,} samples those that the judge doubts most", count=len(samples))
        drawn = {
            "judged": figures.sheet(torch.cat(rows), ACROSS, sure),
            "doubted": figures.sheet(doubted, ACROSS, unsure),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """How sure the judge is of what each sample shows, those that it doubts most first."""
        sureness = self.judged(as_bytes(self.painted(output)), facts).amax(1)
        return marks.by_value(sureness, "probability", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The noise that the sample is made of."""
        return Posed(Example(f"test {index}", row(batch, index)[:1]), drawn=True)

    def watch(self, model: nn.Module) -> Mapping[str, NDArray[np.uint8]]:
        """A hundred samples, always of the same noise."""
        from liuli.tasks.figures import tiled

        noise = self.noise_of(ACROSS * ACROSS, 0).to(next(model.parameters()).device)
        return {"samples": tiled(self.painted(model(noise)), ACROSS)}

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The pictures of `watch`."""
        from liuli.tasks.pictures import save_all

        with torch.no_grad():
            return save_all(self.watch(model), folder)

    def painted(self, output: Tensor) -> Tensor:
        """The pictures of an output (B, P + 1), (B, C, size, size) in [0, 1]."""
        return output[:, :-1].reshape(-1, self.channels, self.size, self.size)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """The noise that follows from a seed, a whole number.

        Raises:
            UserError: it is none, or not in the range of seeds.
        """
        if isinstance(source, Path):
            raise UserError(f"{name}: is a file, expected a seed: a whole number, such as 7")
        text = (source.decode(errors="replace") if isinstance(source, bytes) else source).strip()
        if not (text.isascii() and text.isdigit() and int(text) < 2**63):
            raise UserError(f"{text[:40]!r}: expected a seed to draw a sample by: a whole number from 0, such as 7")
        return Example(name, (self.noise_of(1, int(text)),))

    def asked(self, facts: Facts) -> str:
        """A seed."""
        return "7"

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """What the judge sees in the sample, with the probability of every class; and the discriminator's verdict."""
        probabilities = self.judged(as_bytes(self.painted(output[None])), facts)[0]
        best = int(probabilities.argmax())
        return {
            "answer": facts.classes[best],
            "probability": float(probabilities[best]),
            "probabilities": dict(zip(facts.classes, probabilities.tolist(), strict=True)),
            "real": float(output[-1].double().sigmoid()),
        }

    def doubt(self, output: Tensor) -> Tensor:
        """The generator's loss: the slopes by which it would learn from this sample."""
        return softplus(-output[:, -1]).mean()

    def save_answer(self, example: Example, output: Tensor, facts: Facts, path: Path) -> Path:
        """The sample, enlarged."""
        from liuli.tasks import pictures

        return pictures.save_enlarged(as_bytes(self.painted(output[None]))[0].permute(1, 2, 0).numpy(), path)


def steepness(discriminator: nn.Module, pictures: Tensor) -> Tensor:
    """‖∇ score(x)‖² at each of the pictures (B, P), from which one can go on backward to the weights: (B,)."""
    pictures = pictures.detach().requires_grad_()
    scores = discriminator(pictures)  # (B, 1)
    (slopes,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)  # (B, P)
    return slopes.square().sum(1)


def as_bytes(pictures: Tensor) -> Tensor:
    """Pictures in [0, 1] as uint8, 0 to 255."""
    return (pictures.detach() * 255).round().byte().cpu()
