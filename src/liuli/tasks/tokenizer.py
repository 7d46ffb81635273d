"""A trained tokenizer as a run keeps it: the JSON of the `tokenizers` library, and that made ready to read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from liuli.errors import from_extra

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.implementations.base_tokenizer import BaseTokenizer


def kept(tokenizer: Tokenizer | BaseTokenizer) -> dict[str, Any]:
    """JSON-ready."""
    return dict(json.loads(tokenizer.to_str()))


def ready(kept: Mapping[str, Any]) -> Tokenizer:
    """What was kept, which reads texts whole, however long: it neither cuts nor fills them up."""
    return made(json.dumps(kept))


@lru_cache(maxsize=4)
def made(written: str) -> Tokenizer:
    """See `ready`; made once, which takes longer than reading a sentence."""
    with from_extra("language"):
        from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(written)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def vocabulary(learnt: Mapping[str, Any]) -> dict[str, int]:
    """The number of every word, or piece of one, of what was learnt."""
    numbers: dict[str, int] = learnt["tokenizer"]["model"]["vocab"]
    return numbers


def names(learnt: Mapping[str, Any]) -> list[str]:
    """The same in the order of their numbers."""
    numbers = vocabulary(learnt)
    return sorted(numbers, key=lambda name: numbers[name])
