"""Naming what a sentence is: one class of several, each with a probability.

    probabilities: p = softmax(z),   z = network(sentence); with two classes one score s is enough: z = (0, s)
    loss:          L = −log p[label], mean over the batch (cross-entropy)

softmax(0, s) is (1 − σ(s), σ(s)), so that with one score this is the binary cross-entropy.

Shapes:
    B  batch, N sentences of a split, T words of the longest, K classes
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
from liuli.errors import UserError
from liuli.tasks import marks, measures, typed, words
from liuli.tasks.examples import Batch, Example, Outcome, Posed, Rows
from liuli.tasks.marks import Marks
from liuli.tasks.task import Task
from liuli.tasks.words import NAMES, PADDING, UNKNOWN

DROPPED = 0.1  # of the words, in training
DRAWN_WORDS = 50
DRAWN_LENGTH = 7


@dataclass(frozen=True)
class TextClassification(Task):
    """Sentences to classes. A batch is `(words, labels)`: int32 (B, T), filled up with `PADDING`, and int64 (B,).

    Attributes:
        length: words that the network reads at most; what comes after is left out.
    """

    length: int = 162

    kind: ClassVar[str] = "sentence"
    ours: ClassVar[tuple[str, ...]] = ("answer",)
    headline: ClassVar[str] = "accuracy"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The words of the training part: see `words`."""
        self.fits(facts)
        return words.learn(train.inputs)

    def fits(self, facts: Facts) -> None:
        """Raise UserError where the data are no sentences with classes."""
        if facts.kind != self.kind or not facts.classes:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads sentences with classes")

    def drawn_facts(self) -> Facts:
        """Two classes, and words that are called by their number."""
        vocabulary = {name: number for number, name in enumerate(NAMES)}
        vocabulary |= {f"w{number}": number for number in range(len(NAMES), DRAWN_WORDS + 1)}
        learnt = {"tokenizer": {"model": {"vocab": vocabulary}}}
        return Facts("drawn", "", "", self.kind, "", (), ("ham", "spam"), learnt=learnt)

    def options(self, facts: Facts) -> dict[str, object]:
        """How many words there are besides padding, and how many classes."""
        self.fits(facts)
        return {"vocabulary": len(words.vocabulary(facts.learnt)) - 1, "classes": len(facts.classes)}

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Words int32 (N, T) and labels int64 (N,); a sentence without a word is one unknown word."""
        numbers = words.encode(split.inputs.tolist(), facts.learnt, self.length)
        numbers[(numbers == PADDING).all(1), 0] = UNKNOWN
        return numbers, torch.tensor(split.targets)

    def lengths(self, batch: Batch) -> Tensor:
        """How many words each sentence has."""
        return (batch[0] != PADDING).sum(1).cpu()

    def cut(self, batch: Batch, length: int) -> Batch:
        """Without the columns that only fill the place."""
        numbers, *rest = batch
        return numbers[:, :length], *rest

    def augment(self, batch: Batch) -> Batch:
        """Some words, drawn anew each time, are read as unknown ones, so that none decides alone: word dropout, by
        Iyyer, Manjunatha, Boyd-Graber & Daumé (2015), who leave them out."""
        numbers, *rest = batch
        dropped = (torch.rand(numbers.shape, device=numbers.device) < DROPPED) & (numbers != PADDING)
        return numbers.masked_fill(dropped, UNKNOWN), *rest

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Words drawn evenly, each sentence one word shorter than the one before, and labels in turn."""
        generator = torch.Generator().manual_seed(seed)
        numbers = torch.randint(UNKNOWN, DRAWN_WORDS + 1, (count, DRAWN_LENGTH), generator=generator, dtype=torch.int32)
        lengths = DRAWN_LENGTH - torch.arange(count) % (DRAWN_LENGTH - 1)
        numbers[torch.arange(DRAWN_LENGTH) >= lengths[:, None]] = PADDING
        return numbers, torch.arange(count) % 2

    def inputs(self, batch: Batch) -> tuple[Tensor, ...]:
        """The words."""
        return (batch[0],)

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """Mean cross-entropy and the scores (logits) (B, K)."""
        scores = self.respond(model, batch)
        return Outcome(cross_entropy(scores, batch[1]), scores)

    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """The scores (logits) (B, K)."""
        return with_zero(model(*self.inputs(batch)))

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """How many of the batch are right."""
        return {"accuracy": (output.argmax(1) == batch[1]).sum()}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """See `measures`; with two classes also precision, recall and F1 of the second, and the area under its ROC."""
        measured = measures.classification(output, batch[1], facts.classes)
        if len(facts.classes) > 2:
            return measured
        second = measures.confusion(output.argmax(1), batch[1], 2)
        precision, recall, f1 = (float(values[1]) for values in measures.precision_recall_f1(second))
        area = measures.area_under_roc(output[:, 1] - output[:, 0], batch[1])
        return {**measured, "precision": precision, "recall": recall, "f1": f1, "auc": area}

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Confusion matrix, mistakes with their words, calibration and classes, as PNG files."""
        from liuli.tasks import figures, text_figures

        scores = output.detach().double().cpu()
        probabilities, labels = scores.softmax(1), batch[1].cpu()
        matrix = measures.confusion(scores.argmax(1), labels, len(facts.classes))
        wrong = figures.surest_mistakes(probabilities, labels)
        texts = [self.text(batch[0][index], facts) for index in wrong.tolist()]
        return figures.save(
            {
                "confusion": figures.confusion(matrix, facts.classes),
                "mistakes": text_figures.mistakes(texts, labels[wrong], probabilities[wrong], facts.classes),
                "calibration": figures.calibration(measures.calibration_bins(probabilities, labels)),
                "classes": figures.per_class(matrix, facts.classes),
            },
            folder,
        )

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The surest mistakes first."""
        return marks.of_scores(output, batch[1])

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """The sentence as it is in the data; one without a word is an unknown word."""
        label, sentence = facts.classes[int(split.targets[index])], str(split.inputs[index])
        try:
            return Posed(self.read(sentence, facts, f"test {index}"), label, sentence)
        except UserError:
            return Posed(Example(f"test {index}", self.tensors(split.one(index), facts)[:1]), label, sentence)

    def text(self, numbers: Tensor, facts: Facts) -> str:
        """A row of words as a reader sees it."""
        return " ".join(words.spelled(numbers, facts.learnt))

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A sentence; what is unknown or left out of it is remarked."""
        text = typed.sentences_of(source, name)
        if not text.strip():
            raise UserError(f"{name or 'input'}: is empty, expected a sentence")
        whole = words.encode([text], facts.learnt, most=len(text) + 1)
        numbers = whole[:, : self.length]
        spelled = words.spelled(numbers[0], facts.learnt)
        if not spelled:
            raise UserError(f"{name}: holds no word, expected a sentence")
        remarks = []
        if len(spelled) == spelled.count(NAMES[UNKNOWN]):
            remarks.append("no word of it was learnt, so the answer says nothing about it")
        if whole.size(1) > self.length:
            remarks.append(f"only the first {self.length} of its {whole.size(1)} words were read")
        return Example(name, (numbers,), spelled=" ".join(spelled), remark="; ".join(remarks))

    def read_all(self, source: Path | bytes | str, facts: Facts, name: str) -> Sequence[Example]:
        """The lines of a file, each a sentence; words given as such are one."""
        return [self.read(line, facts, called) for called, line in typed.lines_of(source, name)]

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The words."""
        names = words.names(facts.learnt)
        return {"embedding": Rows(names, ["" if name in NAMES else name for name in names])}

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The likeliest class, its probability, and the probability of every class."""
        return measures.likeliest(output, facts.classes)

    def doubt(self, output: Tensor) -> Tensor:
        """−log of the probability of the likeliest class: cross-entropy against it, every step by itself."""
        scores = with_zero(output)
        probabilities = scores.softmax(1)  # (1, K)
        return -probabilities.max().log()


def with_zero(scores: Tensor) -> Tensor:
    """One score of two classes (B, 1) as the second of two (B, 2), of which the first is 0; others as they are."""
    return torch.cat([torch.zeros_like(scores), scores], dim=1) if scores.size(1) == 1 else scores
