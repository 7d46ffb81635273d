"""Examples of masked text for a reader: what is given, what stood at the blanks, and what was named there.

Shapes: T pieces of a pair, M places that may be masked, K likeliest pieces of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from liuli.errors import UserError
from liuli.tasks import passages, pieces
from liuli.tasks.examples import Batch, Example, Piece
from liuli.tasks.passages import KEPT, NOWHERE
from liuli.tasks.pieces import BLANK, CONTINUED, END, PADDING, START, UNKNOWN


def of_text(text: str, name: str, learnt: Mapping[str, Any], room: int) -> Example:
    """A person's own text as one span, whose blanks stay as they are.

    Args:
        text: with `BLANK` in each place where a word is to be found.
        name: of the example, and what messages call it by.
        learnt: the reader of words, see `pieces`.
        room: how many pieces the network has places for.

    Raises:
        UserError: there is no blank among the pieces that are read.
    """
    numbers = pieces.vocabulary(learnt)
    found = pieces.encode([text], learnt)[0]
    if BLANK not in text:
        raise UserError(
            f"{name or 'input'}: holds no {BLANK}, expected one in each place where a word is to be found: "
            f"The capital of France is {BLANK}."
        )
    kept = found[: room - 2]
    places = [place for place, number in enumerate(kept, 1) if number == numbers[BLANK]]
    if not places:
        raise UserError(f"{name}: its {BLANK} stands behind the first {room - 2} pieces, which are read; shorten it")
    remarks = []
    if len(found) > len(kept):
        remarks.append(f"only the first {len(kept)} of its {len(found)} pieces were read")
    if numbers[UNKNOWN] in kept:
        remarks.append(f"of it {kept.count(numbers[UNKNOWN])} word(s) are unknown")
    words = torch.tensor([[numbers[START], *kept, numbers[END]]], dtype=torch.int32)
    blanks = torch.full((1, len(places)), KEPT, dtype=torch.int32)
    nothing = torch.zeros(1, 1, dtype=torch.int32)
    first = torch.tensor([words.size(1)])
    batch = (first, words, nothing, torch.tensor([0]), torch.tensor([places]), blanks)
    names = pieces.names(learnt)
    return Example(name, batch, " ".join(names[number] for number in words[0].tolist()), "; ".join(remarks))


def alone(pair: Batch) -> Batch:
    """A pair (a batch of one, as `MaskedLanguage` has it) as it is read, without what fills the places."""
    first, words, places, blanks = pair[0], passages.composed(*pair[:4]), pair[4], pair[5]
    asked = places[0] != NOWHERE
    nothing = torch.zeros(1, 1, dtype=torch.int32)
    return first, words[:, words[0] != PADDING], nothing, torch.tensor([0]), places[:, asked], blanks[:, asked]


def piecewise(output: Tensor, pair: Batch, names: Sequence[str]) -> list[Piece]:
    """The pair as it stands in the text; of its masked pieces the loss, and what was named where that is wrong.

    Args:
        output: (M + 1, 1 + 2 K), see `MaskedLanguage.respond`.
        pair: a batch of one.
        names: of all pieces.
    """
    words = passages.composed(*pair[:4])[0].abs().tolist()  # (T,)
    masked = {place: row for place, row in zip(pair[4][0].tolist(), output.tolist(), strict=False) if place != NOWHERE}
    found = []
    for place, number in enumerate(words):
        if number == PADDING:
            continue
        name = names[number]
        text = name.removeprefix(CONTINUED) if name.startswith(CONTINUED) else f" {name}"
        surprise, best = (-masked[place][0], int(masked[place][1])) if place in masked else (None, number)
        found.append(Piece(text, surprise, "" if best == number else names[best]))
    return found
