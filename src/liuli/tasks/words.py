"""Sentences as numbers: words told apart, numbered by how often they come, and kept so that a run can read again.

A word is a run of letters and digits, or of other signs. Upper and lower case stay apart, for who shouts "FREE" means
another thing than who is "free"; the ten digits are one, because what a number looks like ("00000000000") says more of
a message than which number it is. What comes only once in the training part is not learnt, but read as "[UNK]", as
every word is that nobody has seen: so the network learns what an unknown word means.

Shapes: N sentences, T words of the longest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from liuli.errors import from_extra
from liuli.tasks.tokenizer import kept, ready
from liuli.tasks.tokenizer import names as names
from liuli.tasks.tokenizer import vocabulary as vocabulary

PADDING, UNKNOWN = 0, 1
NAMES = ("[PAD]", "[UNK]")
FEWEST = 2  # times that a word comes before it is learnt


def learn(texts: Iterable[str]) -> dict[str, Any]:
    """The words of the training part, JSON-ready."""
    with from_extra("language"):
        from tokenizers import Regex, Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.normalizers import NFKC, Replace, Sequence
        from tokenizers.pre_tokenizers import Whitespace
        from tokenizers.trainers import WordLevelTrainer

    tokenizer = Tokenizer(WordLevel(unk_token=NAMES[UNKNOWN]))
    tokenizer.normalizer = Sequence([NFKC(), Replace(Regex(r"\d"), "0")])
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.train_from_iterator(
        texts, WordLevelTrainer(special_tokens=list(NAMES), min_frequency=FEWEST, show_progress=False)
    )
    return {"tokenizer": kept(tokenizer)}


def encode(texts: Sequence[str], learnt: Mapping[str, Any], most: int) -> Tensor:
    """The numbers of the first `most` words of each text, int32 (N, T), filled up with `PADDING`."""
    found = [one.ids[:most] for one in ready(learnt["tokenizer"]).encode_batch(list(texts))]
    numbers = torch.full((len(found), max([1, *map(len, found)])), PADDING, dtype=torch.int32)
    for row, ids in zip(numbers, found, strict=True):
        row[: len(ids)] = torch.tensor(ids, dtype=torch.int32)
    return numbers


def spelled(numbers: Tensor, learnt: Mapping[str, Any]) -> list[str]:
    """The words of one row of `encode`, without what fills the place."""
    names = {number: word for word, number in vocabulary(learnt).items()}
    return [names[number] for number in numbers.tolist() if number != PADDING]
