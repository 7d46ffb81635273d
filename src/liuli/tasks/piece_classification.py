"""Naming what a sentence is, read in pieces of words: [CLS] pieces [SEP]. The rest is as in `text_classification`.

The pieces are those of the network that was pretrained, where the option `pretrained` names one; else they are learnt
from the training part.

Shapes: N sentences of a split, T pieces of the longest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.tasks import bert_checkpoints, passages, pieces, typed
from liuli.tasks.examples import Batch, Example, Rows
from liuli.tasks.pieces import END, START, UNKNOWN
from liuli.tasks.text_classification import TextClassification

DRAWN_PIECES, DRAWN_LENGTH = 100, 9


@dataclass(frozen=True)
class PieceClassification(TextClassification):
    """Sentences to classes. A batch is `(pieces, labels)`: int32 (B, T), filled up with `PADDING`, and int64 (B,).

    Attributes:
        length: pieces that the network reads at most, [CLS] and [SEP] among them; what comes after is left out.
        vocabulary: how many pieces are learnt at most, where they have not come from elsewhere.
    """

    length: int = 64
    vocabulary: int = 8000

    def fetch(self, options: Mapping[str, object]) -> Mapping[str, Any]:
        """The pieces and the sizes of the network that was pretrained."""
        return bert_checkpoints.fetch(str(options["pretrained"]))

    def learn(self, train: Split, facts: Facts) -> Mapping[str, Any]:
        """The pieces of the training part, where they have not come from elsewhere."""
        self.fits(facts)
        return facts.learnt or pieces.learn(train.inputs.tolist(), self.vocabulary)

    def drawn_facts(self) -> Facts:
        """Two classes, and pieces that are called by their number."""
        return Facts("drawn", "", "", self.kind, "", (), ("no", "yes"), learnt=pieces.drawn(DRAWN_PIECES))

    def options(self, facts: Facts) -> dict[str, object]:
        """The sizes of the network that was pretrained, else how many pieces there are; and how many classes."""
        self.fits(facts)
        own = {"vocabulary": len(pieces.vocabulary(facts.learnt)), "length": self.length}
        return {**facts.learnt.get("sizes", own), "classes": len(facts.classes)}

    def equip(self, model: nn.Module, facts: Facts) -> None:
        """The weights that were pretrained."""
        model.inherit()  # type: ignore[operator]

    def most(self, facts: Facts) -> int:
        """How many pieces are read at most, with the special ones."""
        return min(self.length, int(facts.learnt.get("sizes", {}).get("length", self.length)))

    def tensors(self, split: Split, facts: Facts) -> Batch:
        """Pieces int32 (N, T) and labels int64 (N,)."""
        numbers, most = pieces.vocabulary(facts.learnt), self.most(facts)
        found = pieces.encode(split.inputs.tolist(), facts.learnt)
        rows = [[numbers[START], *row[: most - 2], numbers[END]] for row in found]
        return passages.table(rows, max(map(len, rows), default=2)), torch.tensor(split.targets)

    def draw(self, count: int, seed: int = 0) -> Batch:
        """Pieces drawn evenly, sentences of several lengths, and labels in turn."""
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randint(len(pieces.NAMES), DRAWN_PIECES, (count, DRAWN_LENGTH), generator=generator).tolist()
        rows = [[2, *row[: DRAWN_LENGTH - 2 - number % 5], 3] for number, row in enumerate(drawn)]
        return passages.table(rows, DRAWN_LENGTH), torch.arange(count) % 2

    def text(self, numbers: Tensor, facts: Facts) -> str:
        """A sentence, put together again."""
        return pieces.text([number for number in numbers.tolist() if number != pieces.PADDING][1:-1], facts.learnt)

    def rows(self, facts: Facts) -> Mapping[str, Rows]:
        """The pieces."""
        names = pieces.names(facts.learnt)
        return {"words": Rows(names, pieces.askable(names))}

    def read(self, source: Path | bytes | str, facts: Facts, name: str) -> Example:
        """A sentence; what is unknown or left out of it is remarked."""
        text = typed.sentences_of(source, name)
        if not text.strip():
            raise UserError(f"{name or 'input'}: is empty, expected a sentence")
        found, most = pieces.encode([text], facts.learnt)[0], self.most(facts)
        numbers, names = pieces.vocabulary(facts.learnt), pieces.names(facts.learnt)
        kept = found[: most - 2]
        if not kept:
            raise UserError(f"{name}: holds no word, expected a sentence")
        remarks = []
        if set(kept) == {numbers[UNKNOWN]}:
            remarks.append("no word of it was learnt, so the answer says nothing about it")
        if len(found) > len(kept):
            remarks.append(f"only the first {len(kept)} of its {len(found)} pieces were read")
        words = torch.tensor([[numbers[START], *kept, numbers[END]]], dtype=torch.int32)
        return Example(name, (words,), " ".join(names[number] for number in words[0].tolist()), "; ".join(remarks))
