"""Running text as numbers and back: by characters, or by pieces of many bytes where a text has many characters.

A text of a few different characters (English: a hundred) is read character by character. One of thousands (Chinese)
would need a vector for each, most of them rare: it is read by bytes, and the neighbours that come most often together
become one piece, again and again (byte pair encoding; Sennrich, Haddow & Birch, 2016; on bytes: Radford et al., 2019).
A rare character is then several pieces, none of which is text by itself: only whole characters are given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from liuli.errors import UserError, from_extra
from liuli.tasks.tokenizer import kept, ready

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_CHARACTERS = 256
PIECES = 4096
BROKEN = "\ufffd"  # what stands for bytes that are no character, and for a character that was never seen


class Tokens(Protocol):
    """A way to read text."""

    size: int

    def encode(self, texts: Sequence[str]) -> Tensor:
        """The numbers of texts that follow one another: int32 (N,)."""

    def decode(self, numbers: Tensor) -> str:
        """The text of numbers (N,), as far as its characters are whole."""

    def names(self) -> list[str]:
        """What each number spells; `BROKEN` for what is no whole character."""

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that have no number of their own, each once."""


class Characters:
    """Every character of a text has a number, from 1 on; 0 is that of all others.

    Args:
        known: the characters, in the order of their numbers.
    """

    def __init__(self, known: str) -> None:
        self.known = known
        self.numbers = {character: number for number, character in enumerate(known, 1)}
        self.size = len(known) + 1

    def encode(self, texts: Sequence[str]) -> Tensor:
        """See `Tokens`."""
        return torch.tensor([self.numbers.get(one, 0) for text in texts for one in text], dtype=torch.int32)

    def decode(self, numbers: Tensor) -> str:
        """See `Tokens`."""
        names = self.names()
        return "".join(names[number] for number in numbers.tolist())

    def names(self) -> list[str]:
        """See `Tokens`."""
        return [BROKEN, *self.known]

    def unknown(self, text: str) -> list[str]:
        """See `Tokens`."""
        return [one for one in dict.fromkeys(text) if one not in self.numbers]


class Pieces:
    """Pieces of bytes, as the `tokenizers` library keeps them; no text is unknown to it.

    Args:
        tokenizer: see there.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.size = tokenizer.get_vocab_size()

    def encode(self, texts: Sequence[str]) -> Tensor:
        """See `Tokens`."""
        found = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return torch.tensor([number for one in found for number in one.ids], dtype=torch.int32)

    def decode(self, numbers: Tensor) -> str:
        """See `Tokens`. A character whose last bytes are still to come is left out."""
        return str(self.tokenizer.decode(numbers.tolist(), skip_special_tokens=True)).replace(BROKEN, "")

    def names(self) -> list[str]:
        """See `Tokens`."""
        return self.tokenizer.decode_batch([[number] for number in range(self.size)], skip_special_tokens=False)

    def unknown(self, text: str) -> list[str]:
        """See `Tokens`."""
        return []


def learn(texts: Iterable[str]) -> dict[str, Any]:
    """The characters or pieces of the training part, JSON-ready."""
    texts = list(texts)
    characters = sorted(set().union(*texts))
    if len(characters) <= MOST_CHARACTERS:
        return {"characters": "".join(characters)}
    with from_extra("language"):
        from tokenizers import Tokenizer, decoders, pre_tokenizers
        from tokenizers.models import BPE
        from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=PIECES, min_frequency=2, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return {"tokenizer": kept(tokenizer)}


def of_checkpoint(folder: Path) -> dict[str, Any]:
    """The pieces that a published network reads, from its folder's tokenizer.json, or vocab.json and merges.txt.

    Raises:
        UserError: neither is there, or they are damaged.
    """
    with from_extra("language"):
        from tokenizers import ByteLevelBPETokenizer, Tokenizer

    whole, vocabulary, merges = (folder / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    try:
        if whole.is_file():
            found = kept(Tokenizer.from_file(str(whole)))
        elif vocabulary.is_file() and merges.is_file():
            found = kept(ByteLevelBPETokenizer(str(vocabulary), str(merges)))
        else:
            raise UserError(
                f"{folder}: holds no {whole.name}, nor vocab.json and merges.txt; bring the tokenizer's files"
            )
    except UserError:
        raise
    except Exception as error:  # of no kind of their own
        raise UserError(f"{folder}: its tokenizer is damaged ({error}); fetch or copy it anew") from error
    return {"tokenizer": found}


def of(learnt: Mapping[str, Any]) -> Tokens:
    """What `learn` or `of_checkpoint` gave, ready to read."""
    if "characters" in learnt:
        return Characters(learnt["characters"])
    return Pieces(ready(learnt["tokenizer"]))
