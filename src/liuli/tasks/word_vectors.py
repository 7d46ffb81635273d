"""Vectors for words, learnt from running text, and asked which words are alike and which differ in the same way.

    alike:     cos(a, b) = a · b / (|a| |b|)
    a : b = c : ?   the word d, none of a, b, c, of the largest cos(d, b/|b| − a/|a| + c/|c|)

The vectors of an analogy are brought to length 1 first, as the authors' program and gensim do.

Shapes:
    B  batch, V words learnt, D dimensions, W words of a row, K words of noise, C words around, N nearest words
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, normalize

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.layers.word_counts import unigram_noise
from liuli.tasks import marks
from liuli.tasks.examples import Batch, Example, Outcome, Posed, Rows
from liuli.tasks.marks import Marks
from liuli.tasks.measures import spearman
from liuli.tasks.task import Task
from liuli.tasks.word_questions import numbered, question, terms

AROUND = 5  # words to either side that an explanation looks at
NOISE = 5
NEAREST = 10
NO_PAIR = 2.0  # no cosine
DRAWN_WORDS, DRAWN_WIDTH = 1000, 12
TEXT, PAIRS = -1, 0  # sections: none, and that of the pairs with people's similarity


@dataclass(frozen=True)
class WordVectors(Task):
    """Words to vectors. A batch is

        words    int32 (B, W)   of a row of text, or of a question
        signs    int8 (B, W)    of a question: 1 added, −1 taken away, 0 not asked about; of a text: 1, and 0 beyond it
        noise    int32 (B, K)   words drawn at random, for an explanation and a loss to hold the others against
        people   float32 (B,)   how alike people found the two words of a pair, else NaN
        section  int64 (B,)     of the question, as in `facts.details["sections"]`; −1: of text

    The first two words of a pair and all of an analogy stand in their order. A question with a word that was not learnt
    has only signs of 0.

    Attributes:
        fewest: times that a word must come in the text to be learnt.
    """

    fewest: int = 5

    kind: ClassVar[str] = "corpus"
    ours: ClassVar[tuple[str, ...]] = ("read",)
    headline: ClassVar[str] = "wordsim"
    endings: ClassVar[frozenset[str]] = frozenset([".txt"])
    reads_text: ClassVar[bool] = True

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The words that come often enough, the most frequent first, and how often.

        Of equally frequent words that which comes first in the text is first: so rare words of one article stand near
        each other in Huffman's tree, as gensim has it.
        """
        counts = Counter(word for row in train.inputs for word in str(row).split())
        known = sorted((word for word, count in counts.items() if count >= self.fewest), key=lambda w: -counts[w])
        if len(known) < 2:
            raise UserError(
                f"{facts.name}: has {len(known)} word(s) that come {self.fewest} times or more, expected at least 2; "
                "give more text"
            )
        return {"words": known, "counts": [counts[word] for word in known]}

    def drawn_facts(self) -> Facts:
        """A thousand words, and questions of two sections."""
        learnt = {"words": [f"word{n}" for n in range(DRAWN_WORDS)], "counts": list(range(DRAWN_WORDS, 0, -1))}
        return Facts("drawn", "", "", self.kind, "", (), (), {"sections": ["pairs", "analogies"]}, learnt)

    def options(self, facts: Facts) -> dict[str, object]:
        """The number of words."""
        if facts.kind != self.kind:
            raise UserError(f"{facts.name}: holds {facts.kind} data, but this system reads running text")
        return {"vocabulary": len(facts.learnt["words"])}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """How often each word occurs."""
        model.settle(torch.tensor(facts.learnt["counts"]))  # type: ignore[operator]

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Text, without the words that were not learnt; or questions, where the split has sections."""
        numbers = numbered(facts)
        if "section" in split.extra:
            rows = [question(str(one), numbers) for one in split.inputs]
            section = torch.from_numpy(split.extra["section"])
        else:
            found = ([numbers[word] for word in str(row).split() if word in numbers] for row in split.inputs)
            rows = [(row, [1] * len(row)) for row in found]
            section = torch.full((len(rows),), TEXT)
        words, signs = (padded(column) for column in zip(*rows, strict=True)) if rows else (padded([]), padded([]))
        people = torch.from_numpy(split.targets.astype(np.float32))
        return words.int(), signs.char(), noise_for(len(rows), facts), people, section

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Words drawn at random, which are text, pairs of words with a similarity and analogies in turn."""
        generator = torch.Generator().manual_seed(seed)
        words = torch.randint(DRAWN_WORDS, (count, DRAWN_WIDTH), generator=generator, dtype=torch.int32)
        section = torch.arange(count) % 3 + TEXT
        signs = torch.ones_like(words, dtype=torch.int8)
        signs[section == PAIRS, 2:] = 0
        signs[section > PAIRS] = torch.tensor([-1, 1, 1] + [0] * (DRAWN_WIDTH - 3), dtype=torch.int8)
        people = torch.where(section == PAIRS, torch.rand(count, generator=generator) * 10, math.nan)
        noise = torch.randint(DRAWN_WORDS, (count, NOISE), generator=generator, dtype=torch.int32)
        return words, signs, noise, people, section

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The word in the middle (B,), those around it (B, C), and noise (B, K)."""
        words, _, noise = batch[:3]
        middle = words.size(1) // 2
        before, after = words[:, max(0, middle - AROUND) : middle], words[:, middle + 1 : middle + 1 + AROUND]
        return words[:, middle], torch.cat([before, after], 1), noise

    def outcome(self, model: nn.Module, batch: Batch) -> Outcome:
        """−Σ log σ of the signed scores of one place of each row, (B, R + K): mean over the batch."""
        signed = model(*self.inputs(batch))
        return Outcome(-logsigmoid(signed).sum(1).mean(), signed)

    @torch.no_grad()
    def respond(self, model: nn.Module, batch: Batch) -> Tensor:
        """(B, 1 + 2N): how alike two words are, or NO_PAIR; the numbers of the words nearest to the sum; how near."""
        words, signs = batch[:2]
        table = normalize(model.input.weight, dim=1)  # type: ignore[union-attr, arg-type]  # (V, D)
        asked = normalize(model.input(words), dim=2)  # type: ignore[operator]  # (B, W, D)
        second = min(1, words.size(1) - 1)
        cosine = (asked[:, 0] * asked[:, second]).sum(1)  # (B,)
        alike = torch.where((signs != 0).sum(1) == 2, cosine, NO_PAIR)  # (B,)
        total = (asked * signs[..., None]).sum(1)  # (B, D)
        near = normalize(total, dim=1) @ table.T  # (B, V)
        rows, columns = signs.nonzero(as_tuple=True)
        near[rows, words[rows, columns].long()] = -math.inf
        best = near.topk(min(NEAREST, len(table)), dim=1)
        lacking = NEAREST - best.values.size(1)
        values, places = (torch.nn.functional.pad(one, (0, lacking), value=-1) for one in (best.values, best.indices))
        return torch.cat([alike[:, None], places.to(values), values], 1)

    def tally(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Nothing: what is right is not known of text."""
        return {}

    def metrics(self, output: Tensor, batch: Batch, facts: Facts) -> dict[str, object]:
        """Spearman's correlation with people on the pairs, accuracy on the analogies, and how much was covered.

        Of questions whose words were all learnt, as gensim has it; 0 where there are none. "coverage" is their share.
        """
        words, signs, _, people, section = batch
        covered = (signs != 0).any(1)
        pairs, analogies = covered & (section == PAIRS), covered & (section > PAIRS)
        right = output[:, 1] == words[:, min(3, words.size(1) - 1)]
        sections = [
            {"section": name, "accuracy": share(right[of]), "questions": int(of.sum())}
            for number, name in enumerate(facts.details["sections"])
            if number != PAIRS
            for of in [analogies & (section == number)]
        ]
        return {
            "wordsim": spearman(output[pairs, 0], people[pairs]),
            "analogies": share(right[analogies]),
            "coverage": share(covered[section != TEXT]),
            "wordsim_coverage": share(covered[section == PAIRS]),
            "pairs": int(pairs.sum()),
            "questions": int(analogies.sum()),
            "sections": sections,
        }

    def figures(self, output: Tensor, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """What people say beside what the vectors say, and the analogies by section."""
        from liuli.tasks import word_figures

        measured = self.metrics(output, batch, facts)
        pairs = (batch[4] == PAIRS) & (batch[1] != 0).any(1)
        return word_figures.answers(output[pairs, 0], batch[3][pairs], measured, folder)

    def mark(self, output: Tensor, batch: Batch, facts: Facts) -> Marks:
        """The analogies whose words were all learnt: those missed first, the surest of them first.

        What is measured is the cosine of the answer.
        """
        words, signs, _, _, section = batch
        asked = ((signs != 0).any(1) & (section > PAIRS)).nonzero().flatten()
        wanted = words[:, min(3, words.size(1) - 1)]
        of_asked = marks.of_classes(output[asked, 1 + NEAREST], output[asked, 1].long(), wanted[asked], "similarity")
        return Marks("similarity", output[:, 1 + NEAREST].double(), asked[of_asked.order], of_asked.mistakes)

    def pose(self, split: Split, batch: Batch, index: int, facts: Facts) -> Posed:
        """An analogy `a b c d` as b − a + c, where d is right; or a pair of words, and how alike people find them."""
        if index >= len(split):
            raise IndexError(index)
        a, b, *rest = str(split.inputs[index]).split()
        if not rest:
            return Posed(self.read(f"{a} {b}", facts, f"test {index}"), f"{split.targets[index]:g}", f"{a}, {b}")
        asked = self.read(f"{b} - {a} + {rest[0]}", facts, f"test {index}")
        return Posed(asked, rest[1], f"{a} : {b} = {rest[0]} : ?")

    def portray(self, model: nn.Module, batch: Batch, facts: Facts, folder: Path) -> list[Path]:
        """Frequent words, and countries with their capitals, in the plane in which they differ most."""
        from liuli.tasks import word_figures

        vectors = model.input.weight.detach().cpu()  # type: ignore[union-attr, operator]
        capitals = (batch[4] == PAIRS + 1) & (batch[1] != 0).any(1)
        pairs = torch.from_numpy(np.unique(batch[0][capitals, :2].cpu().numpy(), axis=0))
        return word_figures.planes(vectors, pairs, facts.learnt["words"], folder)

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """Words to be added, and after a minus taken away: `king`, `tiger cat`, `king - man + woman`."""
        try:
            content = source.read_bytes() if isinstance(source, Path) else source
            text = content if isinstance(content, str) else content.decode("utf-8")
        except OSError as error:
            raise UserError(f"{name}: cannot be read ({error.strerror}); make it a readable file") from error
        except UnicodeDecodeError:
            raise UserError(f"{name}: is no text in UTF-8, expected words such as king - man + woman") from None
        words, signs = terms(text, facts, name)
        people, section = torch.tensor([math.nan]), torch.tensor([TEXT])
        batch = (padded([words]).int(), padded([signs]).char(), noise_for(1, facts), people, section)
        return Example(name, batch, spelled=self.spelled(batch, facts))

    def spelled(self, batch: Batch, facts: Facts) -> str:
        """Every word of what the network is called with, and its number."""
        middle, around, noise = (
            ", ".join(f"{facts.learnt['words'][number]} ({number})" for number in part.flatten().tolist())
            for part in self.inputs(batch)
        )
        return f"{middle}; around it {around}; noise {noise}" if around else f"{middle}; noise {noise}"

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The words, as those that foretell and as those foretold."""
        words = Rows(facts.learnt["words"], facts.learnt["words"])
        return {"input": words, "output": words}

    def asked(self, facts: Facts) -> str:
        """Words to add and to take away; of a text that has them not, its commonest."""
        words = facts.learnt["words"]
        return "'king - man + woman'" if {"king", "man", "woman"} <= set(words) else str(words[0])

    def answer(self, output: Tensor, facts: Facts) -> Mapping[str, object]:
        """The nearest word and those that follow, each with its cosine; and how alike two words are."""
        alike, *rest = output.tolist()
        found = [
            {"word": facts.learnt["words"][int(number)], "similarity": round(cosine, 4)}
            for number, cosine in zip(rest[:NEAREST], rest[NEAREST:], strict=True)
            if number >= 0 and math.isfinite(cosine)
        ]
        first = found[0] if found else {"word": "", "similarity": 0.0}
        pair = {} if alike == NO_PAIR else {"alike": round(alike, 4)}
        return {"answer": first["word"], "similarity": first["similarity"], **pair, "nearest": found}

    def doubt(self, output: Tensor) -> Tensor:
        """−Σ log σ of the signed scores: the words around are right, and the noise wrong."""
        right = output.sigmoid()  # (1, R + K), the probability that each is judged right
        return -right.log().sum()


def share(right: Tensor) -> float:
    """Of those that are true; 0 of none."""
    return float(right.double().mean()) if len(right) else 0.0


def padded(rows: Iterable[Sequence[int]]) -> Tensor:
    """Rows of numbers as one table, with 0 beyond their ends."""
    rows = list(rows)
    table = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=np.int32)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(table)


def noise_for(count: int, facts: Facts) -> Tensor:
    """Words drawn by their frequency to the power ¾, int32 (count, K); the same each time."""
    randoms = np.random.PCG64(0).random_raw(count * NOISE).reshape(count, NOISE)
    return torch.from_numpy(unigram_noise(np.array(facts.learnt["counts"])).words(randoms)).int()
