"""Naming the words that were masked in a text, from what stands around them; and whether one text follows on another.

    masked words:   p = softmax(z) over all pieces, at each masked place
    next sentence:  q = softmax(s) over "follows" and "does not follow"
    loss:           mean of −log p[the piece that stood there] + mean of −log q[whether it follows]

15 % of the pieces are masked: of these, 80 % become [MASK], 10 % another piece, 10 % stay as they are, so that every
word must be understood, since any may be asked for. Half of the pairs have the second span of another pair. In training
both are drawn anew in every epoch; of what is held out they are fixed.

Shapes:
    B  batch, N pairs of a split, T pieces of a pair, M places that may be masked, V pieces of the vocabulary, K the
    likeliest that are answered
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import bert_checkpoints, marks, masked_examples, passages, pieces, typed
from liuli.tasks.examples import Batch, Example, Outcome, Piece, Posed, Rows, row
from liuli.tasks.marks import Marks
from liuli.tasks.passages import KEPT, NOWHERE
from liuli.tasks.pieces import BLANK, END, START
from liuli.tasks.task import Task

SEED = 0  # of what is masked and mispaired in the data that are held out
LIKELIEST, SEVERAL = 10, 5
NO_PLACE = 1.0  # no logarithm of a probability
IGNORED = -100
STOPS = frozenset(".!?。！？")
MASK = re.compile(r"\[mask\]", re.IGNORECASE)
DRAWN_PIECES, DRAWN_LENGTH, DRAWN_PLACES = 100, 12, 3


@dataclass(frozen=True)
class MaskedLanguage(Task):
    """Running text to the pieces that were masked in it. A batch is

        first    int64 (B,)     pieces of the first span, with [CLS] and [SEP]
        words    int32 (B, T)   [CLS] first [SEP] second [SEP], as they stand in the text; the negative of a piece's
                                number where it may not be masked (see `passages`)
        second   int32 (B, H)   the second span of another pair
        strange  int64 (B,)     1 where that is read instead
        places   int64 (B, M)   that are masked of what is read; `NOWHERE` where there are fewer
        blanks   int32 (B, M)   what is put there; `KEPT`: what stood there stays

    Attributes:
        length: T, pieces of a pair with the special ones.
        vocabulary: V at most, where a vocabulary is learnt.
        cased: whether capitals and accents are kept then.
    """

    length: int = 64
    vocabulary: int = 8000
    cased: bool = False

    kind: ClassVar[str] = "prose"
    ours: ClassVar[tuple[str, ...]] = ()
    headline: ClassVar[str] = "masked_accuracy"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True

    @property
    def masked(self) -> int:
        """M."""
        return round(self.length * passages.SHARE)

    def fetch(self, options: Mapping[str, object]) -> Mapping[str, Any]:
        """The reader of words and the sizes of the network that is gone on from."""
        return bert_checkpoints.fetch(str(options["pretrained"]))

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The pieces of words, where they have not come from elsewhere, and how often each comes."""
        self.fits(facts)
        texts = train.inputs.tolist()
        if facts.learnt:
            return {**facts.learnt, "counts": pieces.counts(texts, facts.learnt)}
        return pieces.learn(texts, self.vocabulary, self.cased)

    def fits(self, facts: Facts) -> None:
        """Raise UserError where the data are no running text."""
        if facts.kind != self.kind:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads running text by paragraphs")

    def drawn_facts(self) -> Facts:
        """A hundred pieces, which are called by their number."""
        return Facts("drawn", "", "", self.kind, "", (), (), learnt=pieces.drawn(DRAWN_PIECES))

    def options(self, facts: Facts) -> dict[str, object]:
        """The sizes of the network that is gone on from; else how many pieces there are, and places for them."""
        self.fits(facts)
        if "sizes" in facts.learnt:
            return dict(facts.learnt["sizes"])
        return {"vocabulary": len(pieces.vocabulary(facts.learnt)), "length": self.length}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """The weights that are gone on from."""
        model.inherit()  # type: ignore[operator]

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Every paragraph in pairs of spans; half of them parted, 15 % masked, by a fixed seed."""
        numbers = pieces.vocabulary(facts.learnt)
        special = {numbers[name] for name in pieces.NAMES}
        stops = frozenset(numbers[one] for one in STOPS & numbers.keys())
        start, end = -numbers[START], -numbers[END]
        firsts, words, seconds = [], [], []
        for text in pieces.encode(split.inputs.tolist(), facts.learnt):
            spans = passages.spans(text, self.length // 2 - 2, stops)
            signed = [[-one if one in special else one for one in span] for span in spans]
            for first, second in zip(signed[::2], signed[1::2], strict=True):
                if first:
                    firsts.append(len(first) + 2)
                    words.append([start, *first, end, *second, end])
                    seconds.append([*second, end])
        if len(split) and not words:
            raise UserError(f"{facts.name}: has no paragraph of two words or more; give more text")
        generator = torch.Generator().manual_seed(SEED)
        count, order = len(words), torch.randperm(len(words), generator=generator)
        other = torch.empty_like(order)
        other[order] = order.roll(1)  # one long ring: nobody has its own
        batch = (
            torch.tensor(firsts, dtype=torch.int64),
            passages.table(words, self.length),
            passages.table(seconds, self.length // 2)[other],
            torch.randint(2, (count,), generator=generator),
        )
        places = passages.drawn_places(passages.composed(*batch), self.masked, generator)
        return *batch, places, passages.drawn_blanks(count, self.masked, numbers[BLANK], len(numbers), generator)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Pieces drawn evenly, in pairs of several lengths, two or three of them masked."""
        generator = torch.Generator().manual_seed(seed)
        rows, half = [], DRAWN_LENGTH // 2
        for number in range(count):
            drawn = torch.randint(len(pieces.NAMES), DRAWN_PIECES, (half + 2,), generator=generator).tolist()
            rows.append([-2, *drawn[: half - 2], -3, *drawn[half - 2 : half + 2 - number % 3], -3])
        words = passages.table(rows, DRAWN_LENGTH)
        second = torch.randint(len(pieces.NAMES), DRAWN_PIECES, (count, half - 1), generator=generator)
        second = torch.cat([second, torch.full((count, 1), -3)], 1).int()
        places = torch.tensor([[1, half + 1, 3 if number % 2 else NOWHERE] for number in range(count)])
        blanks = torch.tensor([[4, KEPT, 7]] * count, dtype=torch.int32)
        return torch.full((count,), half), words, second, torch.arange(count) % 2, places, blanks

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The pieces with blanks among them, to which span each belongs, and the places that are asked for."""
        *_, places, blanks = batch
        words = passages.composed(*batch[:4]).abs()  # (B, T)
        stood = words.gather(1, places)  # (B, M)
        put = torch.where((blanks == KEPT) | (places == NOWHERE), stood, blanks)
        return words.scatter(1, places, put), passages.belongs(batch[0], words), places

    def augment(self, batch: Batch) -> Batch:
        """Other pairs are parted, by other spans, and other places masked."""
        first, words, second, strange, _, blanks = batch
        order = torch.randperm(len(first), device=first.device)
        pairs = (first, words, second[order], torch.randint_like(strange, 2))
        return *pairs, passages.drawn_places(passages.composed(*pairs), blanks.size(1)), blanks[order]

    def truth(self, batch: Batch) -> Tensor:
        """What stood at the masked places, int64 (B, M); `IGNORED` where there are fewer."""
        places = batch[4]
        stood = passages.composed(*batch[:4]).abs().gather(1, places).long()
        return stood.masked_fill(places == NOWHERE, IGNORED)

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """The sum of both losses; of each pair, how much of what is masked is named, and whether it is judged right."""
        scores, follows = parted(model(*self.inputs(batch)))
        truth, strange = self.truth(batch), batch[3]
        loss = cross_entropy(scores.flatten(0, 1), truth.flatten(), ignore_index=IGNORED)
        loss = loss + cross_entropy(follows, strange)
        right = (scores.argmax(2) == truth).sum(1) / (truth != IGNORED).sum(1).clamp(min=1)  # (B,)
        return Outcome(loss, torch.stack([right, (follows.argmax(1) == strange).float()], 1))

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """How many masked pieces, and pairs, are right, counted by pairs."""
        return {"masked_accuracy": output[:, 0].sum(), "next_accuracy": output[:, 1].sum()}

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """(B, M + 1, 1 + 2 K): of each masked place log p of what stood there (`NO_PLACE` where none is masked), the
        numbers of the likeliest pieces and their log p; at last log q of whether the pair follows as it does, and of
        both answers.
        """
        scores, follows = parted(model(*self.inputs(batch)))
        log_p, truth = scores.log_softmax(2), self.truth(batch)
        own = log_p.gather(2, truth.clamp(min=0)[..., None]).masked_fill(truth[..., None] == IGNORED, NO_PLACE)
        best = log_p.topk(LIKELIEST, 2)
        places = torch.cat([own, best.indices.to(own), best.values], 2)  # (B, M, 1 + 2 K)
        log_q = follows.log_softmax(1)  # (B, 2)
        pair = torch.cat([log_q.gather(1, batch[3][:, None]), log_q], 1)  # (B, 3)
        return torch.cat([places, pad(pair, (0, places.size(2) - 3))[:, None]], 1)

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Of all masked places: loss, perplexity, the share named right, or among the five likeliest; of pairs too."""
        places, pairs = output[:, :-1], output[:, -1]
        truth = self.truth(batch).to(output.device)
        asked = truth != IGNORED
        likeliest = places[..., 1 : 1 + LIKELIEST]
        right = (likeliest == truth[..., None])[asked].double()  # (places that are masked, K)
        loss = -places[..., 0][asked].double().mean()
        judged = pairs[:, 1:3].argmax(1) == batch[3].to(output.device)
        return {
            "masked_accuracy": float(right[:, 0].mean()),
            "masked_top_5": float(right[:, :5].sum(1).mean()),
            "masked_loss": float(loss),
            "perplexity": float(loss.exp()),
            "next_accuracy": float(judged.double().mean()),
            "next_loss": float(-pairs[:, 0].double().mean()),
            "places": int(asked.sum()),
            "pairs": len(pairs),
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """How well pieces are named that are frequent or rare, and some blanks with what was put there."""
        from liuli.tasks import masked_figures

        words, _, places = (part.cpu() for part in self.inputs(batch))
        return masked_figures.answers(output.cpu(), self.truth(batch).cpu(), words, places, facts, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The mean loss of the masked pieces of each pair, the highest first."""
        own = output[:, :-1, 0].double()  # (N, M)
        asked = own != NO_PLACE
        return marks.by_value(-(own * asked).sum(1) / asked.sum(1).clamp(min=1), "loss", high_is_good=False)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The pair as it is read, with its blanks; right is what stood there."""
        given, names = masked_examples.alone(row(batch, index)), pieces.names(facts.learnt)
        spelled = " ".join(names[number] for number in self.inputs(given)[0][0].tolist())
        right = " … ".join(names[number] for number in self.truth(given)[0].tolist())
        return Posed(Example(f"test {index}", given, spelled), right)

    def piecewise(self, output: Tensor, batch: Batch, facts: Facts) -> Sequence[Piece]:
        """The pair as it stands in the text; of its masked pieces the loss, and what was named where that is wrong."""
        return masked_examples.piecewise(output[0], batch, pieces.names(facts.learnt))

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """What the words of a short text look at, in every head of every layer."""
        from liuli.tasks import masked_figures

        words, segments, _ = self.inputs(batch)
        lengths = (words != pieces.PADDING).sum(1)
        index = int((lengths - masked_figures.READABLE).abs().argmin())
        seen = words[index : index + 1, : int(lengths[index])], segments[index : index + 1, : int(lengths[index])]
        names = pieces.names(facts.learnt)
        maps = model.bert.looked_at(*seen)[:, 0].cpu()  # type: ignore[union-attr, operator]
        return masked_figures.looks(maps, [names[number] for number in seen[0][0].tolist()], folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A text with at least one [MASK] in it."""
        text = MASK.sub(BLANK, typed.sentences_of(source, name))
        return masked_examples.of_text(text, name, facts.learnt, self.room(facts))

    def room(self, facts: Facts) -> int:
        """How many pieces the network has places for."""
        return int(facts.learnt.get("sizes", {}).get("length", self.length))

    def read_all(self, source: Path | bytes | str, facts: Facts, name: str) -> Sequence[Example]:
        """The lines of a file, each a text; words given as such are one."""
        return [self.read(line, facts, called) for called, line in typed.lines_of(source, name)]

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The pieces; each is asked what would follow it."""
        names = pieces.names(facts.learnt)
        return {"words": Rows(names, [f"{text} {BLANK}" if text else "" for text in pieces.askable(names)])}

    def asked(self, facts: Facts) -> str:
        """A sentence with a blank."""
        return f"'my words and a {BLANK}'"

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The likeliest piece for each blank; of one blank the ten likeliest with probabilities, of several five."""
        names = pieces.names(facts.learnt)
        asked = output[:-1][output[:-1, 0] != NO_PLACE]
        shares = asked[:, 1 + LIKELIEST :].exp().double().cpu().tolist()
        numbers = asked[:, 1 : 1 + LIKELIEST].long().tolist()
        blanks = [
            {names[number]: round(share, 6) for number, share in zip(*row, strict=True)}
            for row in zip(numbers, shares, strict=True)
        ]
        answer = " … ".join(next(iter(blank)) for blank in blanks)
        if len(blanks) == 1:
            return {"answer": answer, "probability": blanks[0][answer], "probabilities": blanks[0]}
        return {"answer": answer, "blanks": [dict(list(blank.items())[:SEVERAL]) for blank in blanks]}

    def doubt(self, output: Tensor) -> Tensor:
        """−Σ log of the probability of the likeliest piece of each blank, every step by itself."""
        scores, _ = parted(output)
        likely = scores.softmax(2)  # (1, M, V)
        return -likely.amax(2).log().sum()


def parted(output: Tensor) -> tuple[Tensor, Tensor]:
    """What the network returned as the scores of the masked places (B, M, V), and of "follows" and not (B, 2)."""
    return output[:, :-1], output[:, -1, :2]
