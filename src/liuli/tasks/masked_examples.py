"""Examples of masked text for a reader: what is given, what stood at the blanks, and what was named there.

Shapes: T pieces of a pair, M places that may be masked, K likeliest pieces of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from liuli.tasks import passages
from liuli.tasks.examples import Batch, Piece
from liuli.tasks.passages import NOWHERE
from liuli.tasks.pieces import CONTINUED, PADDING


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
