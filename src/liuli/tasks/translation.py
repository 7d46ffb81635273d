"""Saying in one language what a sentence says in another.

A network that translates is a decoder of words: from the source sentence X and the words before it gives every next
word a probability, and so the whole translation Y = (y₁ … y_T) one.

    probability: P(Y | X) = Π_t p(y_t | y₁ … y_{t−1}, X),   p = softmax(scores)
    loss:        L = −mean over all words of  (1 − ε) log p(y_t) + ε · mean_v log p(v)     (label smoothing, ε may be 0)

In training the words before are the right ones (teacher forcing), so that all places are computed at once; an answer
is searched for word by word (see `search`).

Shapes:
    B batch, S words of the longest source sentence, T of the longest translation, V words of the target language,
    L the longest answer; a word is a piece of one (see `subwords`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError, from_extra
from liuli.tasks import marks, subwords, typed
from liuli.tasks.examples import Batch, Example, Outcome, Posed, Rows
from liuli.tasks.marks import Marks
from liuli.tasks.search import search
from liuli.tasks.subwords import BEGIN, END, PADDING
from liuli.tasks.task import Task

DRAWN_WORDS = 20
DRAWN_LENGTH = 6
MEANING = {  # BLEU from which on translations are so, as Google's documentation of its translator has it
    60: "often better than a person's",
    50: "very good and fluent",
    40: "good",
    30: "understandable to good",
    20: "the gist is clear, the grammar is not",
    10: "hard to get the gist of",
    0: "almost useless",
}


@dataclass(frozen=True)
class Translation(Task):
    """Sentences to sentences. A batch is `(source, target)`, int32 (B, S) and (B, T), filled up with `PADDING`.

    A source sentence ends in `END`; a target sentence has `BEGIN` before it as well.

    The network is called with source and target without its last word, and returns scores (logits) (B, T − 1, V); it is
    a `search.Decoder` too. Where it has a method `alignment(source, target) -> (B, T − 1, S)`, how much each word of
    the answer looks at each of the source, the alignment is drawn.

    Attributes:
        vocabulary: words of each language, at most.
        length: words that are read or answered at most, BEGIN and END among them.
        smoothing: ε, in [0, 1).
        beam: k, hypotheses kept in the search for an answer; 1: greedy.
        length_penalty: α of the search.
    """

    vocabulary: int = 4000
    length: int = 64
    smoothing: float = 0.0
    beam: int = 4
    length_penalty: float = 0.6

    kind: ClassVar[str] = "translation"
    ours: ClassVar[tuple[str, ...]] = ()
    headline: ClassVar[str] = "bleu"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True

    @property
    def has_floor(self) -> bool:  # type: ignore[override]
        """With label smoothing no answer is ever quite right."""
        return self.smoothing > 0

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The words of both languages: see `subwords`."""
        self.fits(facts)
        sides = {"source": train.inputs, "target": train.targets}
        return {side: subwords.learn(texts.tolist(), self.vocabulary) for side, texts in sides.items()}

    def fits(self, facts: Facts) -> None:
        """Raise UserError where the data are no sentences with their translations."""
        if facts.kind != self.kind:
            raise UserError(
                f"{facts.name}: holds {facts.kind} data, but this system reads sentences with their translations"
            )

    def drawn_facts(self) -> Facts:
        """Two languages whose words are called by their number."""
        words = subwords.drawn(DRAWN_WORDS)
        details = {"languages": ["numbers", "other numbers"]}
        return Facts("drawn", "", "", self.kind, "", (), (), details, {"source": words, "target": words})

    def options(self, facts: Facts) -> dict[str, object]:
        """How many words each language has, with the special ones."""
        self.fits(facts)
        return {f"{side}_vocabulary": subwords.count(facts.learnt[side]) for side in ("source", "target")}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Source int32 (N, S) and target int32 (N, T)."""
        source = subwords.encode(split.inputs.tolist(), facts.learnt["source"], self.length)
        target = subwords.encode(split.targets.tolist(), facts.learnt["target"], self.length, begin=True)
        return source, target

    def lengths(self, batch: Batch) -> Tensor:
        """How many words a sentence or its translation has, whichever are more."""
        return torch.stack([(words != PADDING).sum(1) for words in batch]).amax(0).cpu()

    def cut(self, batch: Batch, length: int) -> Batch:
        """Both without the columns that only fill the place."""
        return tuple(words[:, :length] for words in batch)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Words drawn evenly; each sentence is one word shorter than the one before, each translation one longer."""
        generator = torch.Generator().manual_seed(seed)
        turn = torch.arange(count) % (DRAWN_LENGTH - 2)
        sides = []
        for ends in (DRAWN_LENGTH - 1 - turn, 2 + turn):  # (B,)
            words = torch.randint(END + 1, DRAWN_WORDS, (count, DRAWN_LENGTH), generator=generator, dtype=torch.int32)
            places = torch.arange(DRAWN_LENGTH)
            words = words.masked_fill(places == ends[:, None], END).masked_fill(places > ends[:, None], PADDING)
            sides.append(words)
        sides[1][:, 0] = BEGIN
        return tuple(sides)

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The source, and the target's words before each: the right ones, or where there are none BEGIN alone."""
        source = batch[0]
        begin = torch.full_like(source[:, :1], BEGIN)
        return source, batch[1][:, :-1] if len(batch) > 1 else begin

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy over the words of all translations, and the scores (logits) (B, T − 1, V)."""
        scores = model(*self.inputs(batch))
        right = batch[1][:, 1:].long()  # (B, T − 1)
        loss = cross_entropy(
            scores.flatten(0, 1), right.flatten(), ignore_index=PADDING, label_smoothing=self.smoothing
        )
        return Outcome(loss, scores)

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """The words of the best translations that are found, int64 (B, L)."""
        return search(model, batch[0], self.length, self.beam, self.length_penalty)  # type: ignore[arg-type]

    def complete(self, model: nn.Module, batch: Batch) -> Batch:
        """With the network's own translation as the target, where there is none."""
        if len(batch) > 1:
            return batch
        answers = self.respond(model, batch)  # (B, L)
        longest = int((answers != PADDING).sum(1).max())
        begin = torch.full_like(answers[:, :1], BEGIN)
        return batch[0], torch.cat([begin, answers[:, :longest]], dim=1).int()

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The share of each translation's words that are the likeliest in their place."""
        right = batch[1][:, 1:]  # (B, T − 1)
        hits = ((output.argmax(2) == right) & (right != PADDING)).sum(1)
        return {"accuracy": (hits / (right != PADDING).sum(1)).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """BLEU and chrF of the whole part by sacreBLEU, with the signatures that say how they were computed.

        "meaning" says what to expect of such a BLEU; "length_ratio" is how long answers are beside right translations.
        """
        with from_extra("language"):
            from sacrebleu import BLEU, CHRF

        answers, right = (subwords.decode(words, facts.learnt["target"]) for words in (output, batch[1]))
        bleu, chrf = BLEU(), CHRF()
        found = bleu.corpus_score(answers, [right])
        return {
            "bleu": float(found.score),
            "chrf": float(chrf.corpus_score(answers, [right]).score),
            "meaning": next(words for least, words in MEANING.items() if found.score >= least),
            "length_ratio": float(found.sys_len / max(found.ref_len, 1)),
            "signature": f"BLEU|{bleu.get_signature()}",
            "chrf_signature": f"chrF2|{chrf.get_signature()}",
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """BLEU by the length of the sentence, and the best, middling and worst translations."""
        from liuli.tasks import figures, translation_figures

        source = subwords.decode(batch[0], facts.learnt["source"])
        answers, right = (subwords.decode(words, facts.learnt["target"]) for words in (output, batch[1]))
        return figures.save(
            {
                "lengths": translation_figures.by_length(source, right, answers),
                "translations": translation_figures.examples(source, right, answers, facts.details["languages"]),
            },
            folder,
        )

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """chrF of each translation, the lowest first."""
        from liuli.tasks import translation_figures

        answers, right = (subwords.decode(words, facts.learnt["target"]) for words in (output, batch[1]))
        return marks.by_value(translation_figures.chrf(right, answers), "chrF", high_is_good=True)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The sentence as it is in the data, and its translation."""
        sentence = str(split.inputs[index])
        return Posed(self.read(sentence, facts, f"test {index}"), str(split.targets[index]), sentence)

    @torch.no_grad()
    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Which words of the source each word of the network's own translation looked at, for some sentences."""
        if not hasattr(model, "alignment"):
            return []
        from liuli.tasks import figures, translation_figures

        drawn = []
        for row in translation_figures.chosen(self.lengths(batch[:1])).tolist():
            source, target = self.complete(model, (batch[0][row : row + 1],))
            source = source[source != PADDING][None]
            labels = [
                subwords.spelled(words[0], facts.learnt[side])
                for side, words in (("source", source), ("target", target))
            ]
            shares = model.alignment(source, target[:, :-1])[0].cpu()  # type: ignore[operator]  # (T, S)
            drawn.append((labels[0], labels[1][1:], shares))
        return figures.save({"alignment": translation_figures.alignments(drawn)}, folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A sentence; what is left out of it is remarked."""
        text = typed.sentences_of(source, name).strip()
        if not text:
            raise UserError(f"{name or 'input'}: is empty, expected a sentence")
        whole = subwords.encode([text], facts.learnt["source"], most=len(text.encode()) + 2)
        remark = ""
        if whole.size(1) > self.length:
            remark = f"only the first {self.length - 1} of its {whole.size(1) - 1} pieces of words were read"
        words = subwords.encode([text], facts.learnt["source"], self.length)
        return Example(name, (words,), " ".join(subwords.spelled(words[0], facts.learnt["source"])), remark)

    def read_all(self, source: Path | bytes | str, facts: Facts, name: str) -> Sequence[Example]:
        """The lines of a file, each a sentence; words given as such are one."""
        return [self.read(line, facts, called) for called, line in typed.lines_of(source, name)]

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The pieces of both languages; the network can be asked about those that it reads."""
        names = {side: subwords.names(facts.learnt[side]) for side in ("source", "target")}
        read = ["" if name in subwords.NAMES else name.removeprefix(subwords.GOES_ON) for name in names["source"]]
        return {
            "source_embedding": Rows(names["source"], read),
            "target_embedding": Rows(names["target"], [""] * len(names["target"])),
        }

    def columns(self, facts: Facts) -> Sequence[str]:
        """The pieces of the target language."""
        return subwords.names(facts.learnt["target"])

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The translation, and the pieces that it is put together from."""
        words = facts.learnt["target"]
        return {
            "answer": subwords.decode(output[None], words)[0],
            "pieces": " ".join(subwords.spelled(output, words)),
        }

    def doubt(self, output: Tensor) -> Tensor:
        """The mean over the answer's words of −log of the probability of the likeliest, every step by itself."""
        chances = output.softmax(2)  # (1, T, V)
        likeliest = chances.amax(2)  # (1, T)
        return -likeliest.log().mean()
