"""Foretelling the next token of a text from those before it, and so going on with any text.

    loss:        L = −1/n Σ_t log p(x_t | x_<t), in nats per token (cross-entropy)
    perplexity:  e^L, between how many tokens the network wavers
    bits:        n L / ln 2 bits for n tokens, divided by the characters that they spell

Held-out text is read in windows that overlap by half: each token counts once, in the window in which it has the longer
past, which is half a window at least (but for the first tokens of all).

Shapes:
    B  examples, W windows of each, T tokens of a window, V tokens known, P tokens of a prompt, N tokens that follow
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from liuli import pretrained
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import marks, tokens, typed
from liuli.tasks.examples import Batch, Example, Outcome, Piece, Posed, Rows, row
from liuli.tasks.marks import Marks
from liuli.tasks.sampling import Sampling, generate
from liuli.tasks.task import Task

WINDOW = 128  # tokens, where a published network could look further back: one core must afford it
DRAWN_CHARACTERS = "".join(chr(number) for number in range(32, 97))
DRAWN_LENGTH = 12
NOT_COUNTED = -100  # what `cross_entropy` passes over
LOOKED = 128  # tokens of a text that are looked into, at most if the prompt is no longer: each is told from the others
MADE = 32  # of an answer that are looked into at least, however long the prompt
SHOWN = 2400  # tokens of the picture of a text


@dataclass(frozen=True)
class LanguageModelling(Task):
    """Text to what follows. A batch is

        tokens   int32 (B, W, T)   of windows that follow one another
        targets  int32 (B, W, T)   the token after each
        counted  bool  (B, W, T)   whether this is the window in which that target counts

    and of a prompt, the tokens (1, 1, P) alone. `augment` cuts one window (W = 1) out of each example, at random.

    Attributes:
        shape: the options of the network whose checkpoint lies in a folder.
        makes: N.
        sampling: how they are drawn.
    """

    shape: Callable[[Path], Mapping[str, Any]]
    makes: int = 400
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.8))

    kind: ClassVar[str] = "text"
    ours: ClassVar[tuple[str, ...]] = ()
    watched: ClassVar[int] = 1
    headline: ClassVar[str] = "perplexity"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True
    at_once: ClassVar[int] = 8

    def fetch(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """How many tokens a window has; of a published network also its tokens and its shape."""
        if not options["pretrained"]:
            return {"window": options["context"]}
        folder = pretrained.checkpoint(options["pretrained"])
        shape = self.shape(folder)
        return {"window": min(WINDOW, shape["context"]), "network": shape, **tokens.of_checkpoint(folder)}

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The characters or pieces of the training part, unless they came with the network."""
        if facts.kind != self.kind:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads running text")
        return {**({} if "network" in facts.learnt else tokens.learn(train.inputs)), **facts.learnt}

    def drawn_facts(self) -> Facts:
        """Sixty-five characters, in short windows."""
        learnt = {"window": DRAWN_LENGTH, "characters": DRAWN_CHARACTERS}
        return Facts("drawn", "", "", self.kind, "", (), (), learnt=learnt)

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of tokens; of a published network its whole shape."""
        if "network" in facts.learnt:
            return dict(facts.learnt["network"])
        return {"vocabulary": tokens.of(facts.learnt).size}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """A published network's weights, where the option `pretrained` names one."""
        if "network" in facts.learnt:
            folder = pretrained.checkpoint(str(model.pretrained))
            model.take(pretrained.weights(folder))  # type: ignore[operator]

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """The text in examples of two windows; the second begins half a window after the first.

        Raises:
            UserError: there is too little text for one.
        """
        length, half = facts.learnt["window"], max(1, facts.learnt["window"] // 2)
        if not len(split):
            return tuple(torch.zeros(0, 2, length, dtype=dtype) for dtype in (torch.int32, torch.int32, torch.bool))
        stream = tokens.of(facts.learnt).encode(split.inputs.tolist())
        last = len(stream) - (length + half + 1)  # where the last example begins
        if last < 0:
            raise UserError(
                f"{facts.name}: a part of it has {len(stream):,} tokens, expected {length + half + 1:,} at least; "
                f"give more text, or take shorter windows with --set context={max(2, length // 4)}"
            )
        starts = torch.tensor([*range(0, last, 2 * half), last])  # (B,)
        windows = (starts[:, None] + torch.tensor([0, half])).flatten()  # (B·W,)
        places = windows[:, None] + torch.arange(length)  # (B·W, T)
        before = torch.cat([torch.tensor([-1]), places[:-1, -1].cummax(0).values])  # the last place that has counted
        counted = places > before[:, None]
        return tuple(part.view(-1, 2, length) for part in (stream[places], stream[places + 1], counted))

    def draw(self, count: int, seed: int = 0) -> Batch:
        """One short window each, of characters drawn evenly; the first target of each does not count."""
        generator = torch.Generator().manual_seed(seed)
        size = (count, 1, DRAWN_LENGTH + 1)
        text = torch.randint(1, len(DRAWN_CHARACTERS) + 1, size, generator=generator, dtype=torch.int32)
        counted = (torch.arange(DRAWN_LENGTH) > 0).expand(count, 1, -1).clone()
        return text[..., :-1].clone(), text[..., 1:].clone(), counted

    def inputs(self, batch: Batch) -> tuple[Tensor, ...]:
        """The tokens of all windows (B·W, T)."""
        return (batch[0].flatten(0, 1),)

    def augment(self, batch: Batch) -> Batch:
        """One window of each example, which begins anywhere in the half that the windows overlap not: W = 1.

        The examples lie a window apart, so that every token is learnt once an epoch, but with another past.
        """
        text, targets, counted = batch
        length = text.size(2)
        half = max(1, length // 2)
        stretch = torch.cat([text[:, 0], text[:, 1, length - half :], targets[:, 1, -1:]], 1)  # (B, T + T/2 + 1)
        begin = torch.randint(half + 1, (len(text), 1), device=text.device)
        window = stretch.gather(1, begin + torch.arange(length + 1, device=text.device))[:, None]  # (B, 1, T + 1)
        return window[..., :-1], window[..., 1:], torch.ones_like(counted[:, :1])

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy of the targets that count, and the scores (logits) (B, W·T, V)."""
        scores = model(*self.inputs(batch))  # (B·W, T, V)
        targets = batch[1].long().masked_fill(~batch[2], NOT_COUNTED).flatten()  # (B·W·T,)
        loss = cross_entropy(scores.flatten(0, 1), targets, ignore_index=NOT_COUNTED)
        return Outcome(loss, scores.view(len(batch[0]), -1, scores.size(-1)))

    @torch.no_grad()
    def complete(self, model: nn.Module, batch: Batch) -> Batch:
        """A prompt and the first tokens that the network itself makes of it, as far back as it can look."""
        if len(batch) > 1:
            return batch
        (prompt,) = self.inputs(batch)  # (1, P)
        made = generate(model, prompt, self.looked(prompt), self.sampling)  # type: ignore[arg-type]
        return (torch.cat([prompt, made], 1)[:, -int(model.context) :][None],)  # type: ignore[arg-type]

    def looked(self, prompt: Tensor) -> int:
        """How many of the tokens that follow a prompt (1, P) are looked into."""
        return min(self.makes, max(MADE, LOOKED - prompt.size(1)))

    def completed(self, given: Batch, whole: Batch) -> tuple[str, Mapping[str, str]] | None:
        """How many of the tokens that were made stand behind the prompt."""
        if len(given) > 1:
            return None
        shown = min(self.looked(self.inputs(given)[0]), whole[0].size(2))
        if shown == self.makes:
            return "note.made.all", {"made": f"{shown:,}"}
        return "note.made", {"shown": f"{shown:,}", "made": f"{self.makes:,}"}

    def making(self, count: int) -> LanguageModelling:
        """Another N."""
        return replace(self, makes=count)

    @torch.no_grad()
    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """−log p of every target, (B, W, T); or a prompt and what follows it, int32 (1, P + N)."""
        if len(batch) == 1:
            (prompt,) = self.inputs(batch)  # (1, P)
            return torch.cat([prompt, generate(model, prompt, self.makes, self.sampling)], 1)  # type: ignore[arg-type]
        scores = model(*self.inputs(batch))  # (B·W, T, V)
        losses = cross_entropy(scores.flatten(0, 1), batch[1].long().flatten(), reduction="none")
        return losses.view(batch[1].shape)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Nothing but the loss."""
        return {}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Loss in nats per token, perplexity, bits per character, and of how many tokens they are means."""
        _, targets, counted = (part.cpu() for part in batch)
        losses = output.cpu()[counted].double()
        loss = float(losses.mean())
        characters = len(tokens.of(facts.learnt).decode(targets[counted]))
        return {
            "loss": loss,
            "perplexity": math.exp(loss),
            "bits_per_character": float(losses.sum()) / math.log(2) / max(1, characters),
            "tokens": len(losses),
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """The loss by place in the window, and the beginning of the text with what surprised the network in it."""
        from liuli.tasks import figures, language_figures

        _, targets, counted = (part.cpu() for part in batch)
        reader, losses = tokens.of(facts.learnt), output.cpu().double()
        shown = [reader.decode(one[None]) for one in targets[counted][:SHOWN]]
        drawn = {
            "by-place": language_figures.by_place(losses.flatten(0, 1).mean(0)),
            "surprise": language_figures.surprise(shown, losses[counted][:SHOWN]),
        }
        return figures.save(drawn, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The mean loss of what counts of each example, the highest first."""
        counted = batch[2].cpu()
        mean = (output.cpu() * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)
        return marks.by_value(mean, "loss", high_is_good=False)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The first window of an example, which is gone on with; right is how the text itself goes on."""
        text, targets, _ = row(batch, index)
        reader, window = tokens.of(facts.learnt), text[:, :1]  # (1, 1, T)
        overlap = window.size(2) - max(1, window.size(2) // 2)
        return Posed(
            Example(f"test {index}", (window,), reader.decode(window[0, 0])),
            reader.decode(targets[0, 1, overlap - 1 :]),
        )

    def piecewise(self, output: Tensor, batch: Batch, facts: Facts) -> Sequence[Piece]:
        """The tokens that count of an example, each with its loss."""
        reader, counted = tokens.of(facts.learnt), batch[2].cpu()
        pairs = zip(batch[1].cpu()[counted], output.cpu()[counted].tolist(), strict=True)
        return [Piece(reader.decode(token[None]), loss) for token, loss in pairs]

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """How the network goes on with the first words of the held-out text, more and less boldly."""
        from liuli.tasks import figures, language_figures
        from liuli.tasks.wording import worded

        reader, prompt = tokens.of(facts.learnt), batch[0][:1, 0, : batch[0].size(2) // 4]  # (1, P)
        samples = {}
        for temperature in (0.0, 0.5, 0.8, 1.0):
            found = generate(model, prompt, self.makes, Sampling(temperature))  # type: ignore[arg-type]
            samples[worded("temperature {temperature:g}", temperature=temperature)] = reader.decode(found[0])
        return figures.save({"samples": language_figures.samples(reader.decode(prompt[0]), samples)}, folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """The beginning of a text, which is gone on with."""
        text = typed.sentences_of(source, name)
        reader = tokens.of(facts.learnt)
        numbers = reader.encode([text])
        if not len(numbers):
            raise UserError(f"{name or 'input'}: is empty, expected the beginning of a text")
        unknown = reader.unknown(text)
        remark = f"never seen, so that nothing is known of: {' '.join(unknown)}" if unknown else ""
        return Example(
            name, (numbers[None, None],), spelled=repr(text)[1:-1] if source is not text else "", remark=remark
        )

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The tokens; of what is no whole character nothing can be asked."""
        names = tokens.of(facts.learnt).names()
        return {"tokens": Rows(names, ["" if tokens.BROKEN in name else name for name in names])}

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """What follows, and the prompt that it follows."""
        reader = tokens.of(facts.learnt)
        prompt, rest = (reader.decode(part) for part in (output[: -self.makes], output[-self.makes :]))
        return {"answer": rest, "prompt": prompt, "tokens": self.makes}

    def doubt(self, output: Tensor) -> Tensor:
        """−log of the probability of the likeliest next token, after the last of the text."""
        chances = output[:, -1].softmax(1)  # (1, V)
        return -chances.max().log()
