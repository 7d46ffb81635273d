"""Non-maximum suppression: of boxes that mean the same thing, keep the surest.

A detector that looks everywhere finds everything several times. So sort its boxes by how sure it is, take the first,
drop whatever overlaps it too much, take the next that is left, and so on, class by class. What is too much is the one
thing to be known: with a low threshold neighbours that touch are taken for one, with a high one doubles stay. Nothing
is trained; the threshold is chosen, as the one of nineteen that errs least on boxes whose truth is known.

    take i with the highest score that has not been taken; then for every other j of its class that waits
    hard:      s_j ← 0 where IoU(i, j) > t
    linear:    s_j ← s_j (1 − IoU(i, j)) where IoU(i, j) > t
    gaussian:  s_j ← s_j exp(−IoU(i, j)² / t)
    loss:      (s − s*)², s* the old score of the surest box of each thing and 0 of its doubles, mean over the boxes

Paper: Bodla, Singh, Chellappa & Davis, Soft-NMS: improving object detection with one line of code, Proceedings of the
IEEE International Conference on Computer Vision, 2017, algorithm 1, of which the hard rule is the older greedy one (in
detection since Dalal & Triggs, 2005, and Felzenszwalb et al., 2010).

Shapes:
    B  pictures, M boxes of a picture; boxes (B, M, 4) by their corners, scores and classes (B, M), output (B, M)

Departures:
    The threshold is chosen, and out of nineteen; the papers set it by hand (0.3 or 0.5; σ = 0.5, which is t here). The
    boxes are the truth of the blood cells, each as several copies that are moved a little at random: the surest copy of
    each is what should be left, so that what is right is known exactly.

Look at:
    figures/thresholds: what is lost to the left of the best threshold, and what to the right?
    The row of overlaps of the box that is taken first, and the scores before and after.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.layers.suppression import DECAYS, rescored, survivors_of_pictures
from liuli.system import SGD, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.suppression import Suppression, errors

MOST_TRACED = 300  # boxes of a picture: the readable way keeps every pair, and a record every step
THRESHOLDS = tuple(number / 20 for number in range(1, 20))


class Suppressing(nn.Module):
    """The scores that are left; learns its threshold.

    Args:
        decay: what becomes of a box that loses: "hard", "linear" or "gaussian".
    """

    threshold: Tensor

    def __init__(self, decay: str = "hard") -> None:
        super().__init__()
        if decay not in DECAYS:
            raise ValueError(f"decay is {decay}, expected one of {', '.join(DECAYS)}")
        self.decay = decay
        self.register_buffer("threshold", torch.tensor(0.5))

    def forward(self, boxes: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
        traced = torch._C._is_torch_function_mode_enabled()
        if traced and scores.size(1) > MOST_TRACED:
            raise UserError(f"{scores.size(1):,} boxes are too many to explain, expected {MOST_TRACED} at most")
        if self.decay == "hard" and not traced:
            kept = survivors_of_pictures(boxes, scores, classes, float(self.threshold))  # (B, M)
            return torch.where(kept, scores, torch.zeros_like(scores))
        return rescored(boxes, scores, classes, self.threshold, self.decay)  # (B, M)

    @torch.no_grad()
    def learn(self, batch: Batch, rate: float) -> None:
        """Choose the threshold with the least loss on the batch; of equals the lowest."""
        losses = []
        for threshold in THRESHOLDS:
            self.threshold.fill_(threshold)
            losses.append(float(errors(self(*Suppression().inputs(batch)), batch).mean()))
        self.threshold.fill_(THRESHOLDS[losses.index(min(losses))])


SYSTEM = System(
    name="nms",
    year=2017,
    paper="Bodla, Singh, Chellappa & Davis, Soft-NMS: improving object detection with one line of code",
    model=Suppressing,
    task=Suppression(),
    data="bccd",
    recipe=Recipe(epochs=1, batch_size=100_000, optimizer=SGD(lr=1.0)),
    target=Target("f1", at_least=0.95),
)
