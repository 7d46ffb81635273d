"""Sentences as pieces of words, numbered; and such numbers as sentences again, letter for letter.

Byte pair encoding (Sennrich, Haddow & Birch, 2016): at first every byte is a piece; then the two neighbours that come
most often together become one, again and again, until there are as many pieces as wanted. Frequent words end as one
piece, rare ones as several, and no word is ever unknown. Upper and lower case stay apart.

Shapes: N sentences, T pieces of the longest with `END`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from liuli.errors import from_extra
from liuli.tasks.tokenizer import kept, ready

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING, UNKNOWN, BEGIN, END = 0, 1, 2, 3
NAMES = ("[PAD]", "[UNK]", "[BEGIN]", "[END]")
GOES_ON = "·"  # before a piece that goes on a word
FEWEST = 2  # times that two pieces come together before they are one

Learnt = Mapping[str, Any]


def learn(texts: Iterable[str], size: int) -> dict[str, Any]:
    """The pieces of one language, at most `size` of them with the special ones, JSON-ready."""
    with from_extra("language"):
        from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
        from tokenizers.models import BPE
        from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=FEWEST,
        special_tokens=list(NAMES),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learnt = kept(tokenizer)
    learnt["added_tokens"] = []  # or "[END]" in a person's sentence would be read as the sign itself
    return learnt


def drawn(count: int) -> dict[str, Any]:
    """Pieces for a made-up language, which are called by their number; `count` with the special ones."""
    names = [*NAMES, *(f"w{number}" for number in range(len(NAMES), count))]
    vocabulary = {name: number for number, name in enumerate(names)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": NAMES[UNKNOWN]}
    parts = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    return {"version": "1.0", "added_tokens": [], **dict.fromkeys(parts), "model": model}


def count(learnt: Learnt) -> int:
    """How many pieces there are, with the special ones."""
    return len(learnt["model"]["vocab"])


def encode(texts: Sequence[str], learnt: Learnt, most: int, begin: bool = False) -> Tensor:
    """The numbers of each text's pieces, ending in `END` and at most `most` with it, int32 (N, T), filled with PADDING.

    Args:
        begin: whether `BEGIN` stands before them.
    """
    before = [BEGIN] if begin else []
    read = ready(learnt).encode_batch(list(texts))
    found = [[*before, *one.ids[: most - 1 - len(before)], END] for one in read]
    numbers = torch.full((len(found), max([1, *map(len, found)])), PADDING, dtype=torch.int32)
    for row, ids in zip(numbers, found, strict=True):
        row[: len(ids)] = torch.tensor(ids, dtype=torch.int32)
    return numbers


def decode(numbers: Tensor, learnt: Learnt) -> list[str]:
    """The sentences of numbers (N, T), each up to its `END`."""
    rows = [[number for number in until_end(row) if number > END] for row in numbers.tolist()]
    return [text.strip() for text in ready(learnt).decode_batch(rows)]


def spelled(numbers: Tensor, learnt: Learnt) -> list[str]:
    """The pieces of one row of numbers (T,) up to its `END`, each as it reads.

    Before a piece that goes on a word stands a dot: "ride", "·s". `BEGIN` and `END` are among them, by their names.
    """
    reader = ready(learnt)
    return [name_of(number, reader) for number in until_end(numbers.tolist())]


def names(learnt: Learnt) -> list[str]:
    """All pieces in the order of their numbers, each as in `spelled`."""
    reader = ready(learnt)
    return [name_of(number, reader) for number in range(count(learnt))]


def name_of(number: int, reader: Tokenizer) -> str:
    """A piece as it reads."""
    piece = NAMES[number] if number <= END else reader.decode([number])
    fresh = number <= END or piece != piece.lstrip() or reader.decoder is None
    return piece.strip() if fresh else f"{GOES_ON}{piece}"


def until_end(numbers: Sequence[int]) -> list[int]:
    """Without padding, and without what follows the first `END`."""
    kept = [number for number in numbers if number != PADDING]
    return kept[: kept.index(END) + 1] if END in kept else kept
