"""What is asked of word vectors, as it is written: words added up and taken away, pairs, and analogies."""

from __future__ import annotations

from collections.abc import Mapping

from liuli.data.dataset import Facts
from liuli.errors import UserError, nearest


def numbered(facts: Facts) -> dict[str, int]:
    """Every word that was learnt, with its number."""
    return {word: number for number, word in enumerate(facts.learnt["words"])}


def number_of(word: str, numbers: Mapping[str, int]) -> int | None:
    """The number of a word, as it is written or else in small letters; None: it was not learnt."""
    return numbers.get(word, numbers.get(word.lower()))


def offered(word: str, numbers: Mapping[str, int]) -> str:
    """The clause that offers the word spelt most like one that was not learnt."""
    close = [known for known in numbers if known[:1] == word[:1].lower() and abs(len(known) - len(word)) < 3]
    return nearest(word.lower(), close) if close else "try a more frequent one"


def question(text: str, numbers: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """The words and signs of a pair `a b`, or of an analogy `a b c d`, which asks for d = b − a + c."""
    found = [number_of(word, numbers) for word in text.split()]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return [0] * len(found), [0] * len(found)
    return known, [1, 1] if len(known) == 2 else [-1, 1, 1, 0]


def terms(text: str, facts: Facts, name: str) -> tuple[list[int], list[int]]:
    """The words of a sum that a person writes, `king - man + woman`, and of each its sign.

    Raises:
        UserError: there is none, or one was not learnt.
    """
    numbers, sign = numbered(facts), 1
    words: list[int] = []
    signs: list[int] = []
    for piece in text.replace("−", "-").split():
        if piece in ("+", "-"):
            sign = 1 if piece == "+" else -1
            continue
        found = number_of(piece, numbers)
        if found is None:
            raise UserError(
                f"{name}: '{piece}' is none of the {len(numbers):,} words learnt from {facts.name}; "
                f"{offered(piece, numbers)}"
            )
        words.append(found)
        signs.append(sign)
        sign = 1
    if not words:
        raise UserError(f"{name}: holds no word, expected words such as king - man + woman")
    return words, signs
